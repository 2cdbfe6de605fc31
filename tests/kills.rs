//! Every method killed hundreds of times, at any moment and in the middle of saves, and still equal to a run that never was: each loss,
//! each parameter and each running statistic, to the bit. `scripts/kills.sh` runs it; `tests/resume.rs` is its short form.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use vlp::core::mix;
use vlp::methods::AnyMethodConfig;
use vlp::trainer::{Checkpoint, Checkpoints, Control, Event, HookError};

use common::{Model, config, losses, model, recipe, trainer};

/// Say to the test `child` what it trains, where, and after how many steps it ends.
const METHOD: &str = "VLP_TEST_KILLS_METHOD";
const RUN: &str = "VLP_TEST_KILLS_RUN";
const END: &str = "VLP_TEST_KILLS_END";

/// More than any run of this test takes; schedules are those of so many.
const STEPS: u64 = 100_000;

/// Does nothing unless the test below started this process for it.
#[test]
fn child() {
    let (Some(out), Ok(method)) = (std::env::var_os(RUN).map(PathBuf::from), std::env::var(METHOD)) else { return };
    let end: u64 = std::env::var(END).unwrap().parse().unwrap();
    let recipe = recipe(&method);
    let begun = Checkpoint::latest(&out).unwrap().0.is_some();
    let stop = move |event: &Event<'_, Model>| -> Result<Control, HookError> {
        let last = matches!(event, Event::Step { report, .. } if report.step + 1 >= end);
        Ok(if last { Control::Stop } else { Control::Continue })
    };
    let run = trainer(&recipe, STEPS, &out, config(&recipe))
        .with_checkpoints(Checkpoints::new(&out, config(&recipe)).every_steps(1).keep(2))
        .with_hook(stop);
    let run = if begun { run.resume().unwrap() } else { run };
    run.fit().unwrap();
}

fn start(method: &str, out: &Path, end: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--test-threads=1"])
        .envs([(METHOD, method.to_owned()), (RUN, out.display().to_string()), (END, end.to_string())])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn newest(out: &Path) -> u64 {
    Checkpoint::latest(out).unwrap().0.map_or(0, |checkpoint| checkpoint.step())
}

fn survives(method: &str, kills: u64) {
    let runs = tempfile::tempdir().unwrap();
    let (killed, whole) = (runs.path().join("killed"), runs.path().join("whole"));
    let (mut highest, mut while_saving) = (0, 0);
    for kill in 0..kills {
        let mut child = start(method, &killed, STEPS);
        let begun = Instant::now();
        let step = |step: u64| killed.join(format!("step-{step:08}")).exists();
        while !step(highest + 1) && !step(highest + 2) {
            assert!(begun.elapsed() < Duration::from_secs(120), "{method}: no step in two minutes");
            assert!(child.try_wait().unwrap().is_none(), "{method}: the run ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(mix(kill, 7) % 400_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let scratch = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(".scratch-");
        let mut names = std::fs::read_dir(&killed).unwrap().map(|entry| entry.unwrap().file_name());
        while_saving += u64::from(names.any(|name| scratch(&name)));
        let found = newest(&killed);
        assert!(found > highest, "{method}, kill {kill}: the newest readable step is {found}, it was {highest}");
        highest = found;
    }
    assert!(start(method, &whole, highest).wait().unwrap().success());
    assert_eq!(newest(&whole), highest);
    // The killed run may have written lines of steps that no checkpoint holds.
    assert_eq!(losses(&killed)[..highest as usize], losses(&whole)[..], "{method}");
    let device = Device::flex().autodiff();
    let [ours, theirs] = [&killed, &whole].map(|out| {
        let checkpoint = Checkpoint::open(out.join(format!("step-{highest:08}"))).unwrap();
        vlp_testkit::parameters::parameters(&checkpoint.load_model(model(&recipe(method), &device)).unwrap())
    });
    assert!(ours.len() > 20 && ours.len() == theirs.len(), "{method}: {} parameters", ours.len());
    ours.iter().for_each(|(path, ours)| assert!(*ours == theirs[path], "{method}: {path} differs"));
    println!("{method}: {kills} kills, {while_saving} of them in a save, {highest} steps, all equal to the bit");
}

#[test]
#[ignore = "takes an hour; scripts/kills.sh"]
fn every_method_survives_its_kills() {
    let kills = std::env::var("VLP_KILLS").map_or(200, |kills| kills.parse().expect("VLP_KILLS is a number"));
    let methods = std::env::var("VLP_KILLS_METHODS").unwrap_or_else(|_| AnyMethodConfig::NAMES.join(" "));
    methods.split_whitespace().for_each(|method| survives(method, kills));
}
