//! Stopping in order, by request, by signal, and not in order at all: SIGKILL.

mod common;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Recorder, alone, bits, checkpoints, device, options, toy, trainer, trainer_of};
use vlp_core::{BatchSource, SourceError, mix};
use vlp_testkit::toy::{Toy, ToyBatch, ToySource};
use vlp_trainer::{Checkpoint, Checkpoints, Control, Event, HookError, Outcome, Stop};

/// Set in a child process to the run directory it works in.
const CHILD: &str = "VLP_TEST_RUN_DIR";

#[test]
fn a_stop_request_finishes_the_step_and_saves() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (stop, recorder) = (Stop::new(), Recorder::default());
    let requester = stop.clone();
    // Asked in the middle of step 3, while the learning rate is looked up, in the way a signal would come.
    let lr = move |step: u64| {
        if step == 3 {
            requester.request();
        }
        0.01
    };
    let adamw = |method: &Toy| vlp_trainer::adamw(method, vlp_trainer::AdamWOptions::default());
    let stopped = vlp_trainer::Trainer::new(toy(), ToySource::new(5), adamw, lr, options(10))
        .with_checkpoints(checkpoints(dir.path()))
        .with_hook(recorder.clone())
        .with_stop(stop)
        .fit()
        .unwrap();
    let checkpoint = dir.path().join("step-00000004");
    assert_eq!(stopped.outcome, Outcome::Stopped { step: 4, checkpoint: Some(checkpoint.clone()) });
    assert_eq!(recorder.losses().len(), 4);
    let saved = Checkpoint::open(checkpoint).unwrap().load_model(toy()).unwrap();
    assert_eq!(bits(&saved), bits(&stopped.method));
}

/// Gives three batches, then waits for one that never comes.
#[derive(Debug)]
struct Waiting {
    source: ToySource,
    given: u64,
    stop: Arc<AtomicBool>,
}

impl BatchSource for Waiting {
    type Batch = ToyBatch;

    fn next_batch(&mut self, device: &burn::tensor::Device) -> Result<ToyBatch, SourceError> {
        while self.given == 3 {
            std::thread::sleep(Duration::from_millis(5));
            if self.stop.load(Ordering::SeqCst) {
                return Err("interrupted".into());
            }
        }
        self.given += 1;
        self.source.next_batch(device)
    }

    fn position(&self) -> serde_json::Value {
        self.source.position()
    }

    fn seek(&mut self, position: &serde_json::Value) -> Result<(), SourceError> {
        self.source.seek(position)
    }

    fn interrupt_by(&mut self, stop: Arc<AtomicBool>) {
        self.stop = stop;
    }
}

#[test]
fn a_stop_request_ends_the_wait_for_a_batch_and_saves() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (stop, path) = (Stop::new(), dir.path().to_path_buf());
    let requester = stop.clone();
    let asker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        requester.request();
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let source = Waiting { source: ToySource::new(5), given: 0, stop: Arc::default() };
        let adamw = |method: &Toy| vlp_trainer::adamw(method, vlp_trainer::AdamWOptions::default());
        let run = vlp_trainer::Trainer::new(toy(), source, adamw, |_| 0.01, options(10));
        let ended = run.with_checkpoints(checkpoints(&path)).with_stop(stop).fit();
        sender.send(ended.map(|trained| trained.outcome).map_err(|error| error.to_string()))
    });
    let outcome = receiver.recv_timeout(Duration::from_secs(60)).expect("the run ends").unwrap();
    asker.join().unwrap();
    assert_eq!(outcome, Outcome::Stopped { step: 3, checkpoint: Some(dir.path().join("step-00000003")) });
    assert!(Checkpoint::open(dir.path().join("step-00000003")).is_ok());
}

#[test]
fn hooks_are_told_the_story_in_order() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let story = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let told = story.clone();
    let hook = move |event: &Event<'_, Toy>| -> Result<Control, HookError> {
        told.borrow_mut().push(match event {
            Event::Start { step, total_steps, .. } => format!("start {step} of {total_steps}"),
            Event::Step { report, .. } => format!("step {}", report.step),
            Event::Saved { step, .. } => format!("saved {step}"),
            Event::End { outcome, .. } => format!("end {}", matches!(outcome, Outcome::Finished { .. })),
            _ => "unknown".to_string(),
        });
        Ok(Control::Continue)
    };
    trainer(3).with_checkpoints(checkpoints(dir.path()).every_steps(2)).with_hook(hook).fit().unwrap();
    let story = story.borrow().join(", ");
    assert_eq!(story, "start 0 of 3, step 0, step 1, saved 2, step 2, saved 3, end true");
}

#[test]
fn a_failing_hook_ends_the_run_and_loses_no_step() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let hook = |event: &Event<'_, Toy>| match event {
        Event::Step { report, .. } if report.step == 4 => Err("the plotter is out of ink".into()),
        _ => Ok(Control::Continue),
    };
    let error = trainer(9).with_checkpoints(checkpoints(dir.path())).with_hook(hook).fit().unwrap_err();
    assert_eq!(error.to_string(), "step 5: a hook failed: the plotter is out of ink");
    assert_eq!(Checkpoint::latest(dir.path()).unwrap().0.unwrap().step(), 5);
}

#[test]
fn a_report_carries_samples_pace_and_tallies() {
    let _alone = alone();
    let recorder = Recorder::default();
    trainer_of(toy(), ToySource::new(5).with_rows(7), options(4)).with_hook(recorder.clone()).fit().unwrap();
    let reports = recorder.reports.lock().unwrap();
    let last = &reports[3];
    assert_eq!((last.samples, last.total_steps, last.updated), (7, 4, true));
    assert_eq!(last.tallies, [("batches".to_string(), 4)]);
    assert_eq!(last.term("error"), Some(last.numbers.loss));
    assert_eq!(last.term("accuracy"), None);
    assert!(last.pace.samples_per_second > 0.0 && (0.0..=1.0).contains(&last.pace.data_wait), "{:?}", last.pace);
    assert_eq!(last.pace.remaining, Duration::ZERO);
    assert!(last.numbers.grad_norm > 0.0);
}

#[test]
fn a_time_interval_saves_too() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let saves = checkpoints(dir.path()).every_steps(0).every(Duration::from_nanos(1)).keep(100);
    trainer(4).with_checkpoints(saves).fit().unwrap();
    // And the lock.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4 + 1);
}

/// Runs the test `name` of this binary in a child process that finds `dir` in its environment.
fn spawn(name: &str, dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn any_step(dir: &Path) -> bool {
    std::fs::read_dir(dir)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("step-")))
}

/// A run long enough to be killed, that saves after every step and resumes when it can.
fn endless(dir: &Path, width: usize) -> vlp_trainer::Trainer<Toy, ToySource> {
    let saves: Checkpoints = checkpoints(dir).every_steps(1).keep(2);
    trainer_of(Toy::with_width(3, width, &device()), ToySource::new(5), options(1_000_000)).with_checkpoints(saves)
}

#[test]
fn killed_while_saving_leaves_a_readable_step() {
    let _alone = alone();
    const KILLS: u64 = 30;
    /// Wide enough that nearly all of the time goes into writing: 4 MB of parameters and moments.
    const WIDTH: usize = 25_000;
    if let Some(dir) = env::var_os(CHILD).map(PathBuf::from) {
        let run = endless(&dir, WIDTH);
        let run = if any_step(&dir) { run.resume().unwrap() } else { run };
        run.fit().unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut highest, mut scratch) = (0, 0);
    for kill in 0..KILLS {
        let mut child = spawn("killed_while_saving_leaves_a_readable_step", dir.path());
        let newest = || Checkpoint::latest(dir.path()).unwrap().0.map_or(0, |checkpoint| checkpoint.step());
        let names = || -> Vec<String> {
            let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let before = names();
        wait_until("a first save", || names().iter().any(|name| name.starts_with("step-") && !before.contains(name)));
        std::thread::sleep(Duration::from_micros(mix(kill, 0) % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();

        scratch += usize::from(names().iter().any(|name| name.starts_with(".scratch-")));
        let found = newest();
        assert!(found > highest, "kill {kill}: the newest readable step is {found}, it was {highest}");
        highest = found;
        // What is readable is whole: every directory in sight is, not only the newest.
        for name in names().iter().filter(|name| name.starts_with("step-")) {
            Checkpoint::open(dir.path().join(name)).unwrap();
        }
    }
    assert!(scratch > 0, "no kill met a save");
    // And after all of that it is what a run computes that was never killed.
    let (checkpoint, _) = Checkpoint::latest(dir.path()).unwrap();
    let checkpoint = checkpoint.unwrap();
    let killed = checkpoint.load_model(Toy::with_width(8, WIDTH, &device())).unwrap();
    let clean = trainer_of(Toy::with_width(3, WIDTH, &device()), ToySource::new(5), options(1_000_000));
    let clean = clean.with_hook(Recorder::stopping_after(checkpoint.step() - 1)).fit().unwrap();
    assert_eq!(bits(&killed), bits(&clean.method));
}

#[cfg(all(unix, feature = "signals"))]
mod signals {
    use super::*;

    fn send(signal: &str, child: &Child) {
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[test]
    fn sigterm_saves_and_returns() {
        let _alone = alone();
        if let Some(dir) = env::var_os(CHILD).map(PathBuf::from) {
            let saves = checkpoints(&dir).every_steps(0);
            let ready = dir.join("ready");
            let run = trainer_of(toy(), ToySource::new(5), options(u64::MAX)).with_checkpoints(saves);
            let hook = move |event: &Event<'_, Toy>| -> Result<Control, HookError> {
                if let Event::Step { report, .. } = event
                    && report.step == 10
                {
                    std::fs::write(&ready, b"")?;
                }
                Ok(Control::Continue)
            };
            let ended = run.with_hook(hook).with_stop(Stop::on_signals().unwrap()).fit().unwrap();
            assert!(matches!(ended.outcome, Outcome::Stopped { step, .. } if step > 10), "{:?}", ended.outcome);
            return;
        }
        for signal in ["-TERM", "-INT"] {
            let dir = tempfile::tempdir().unwrap();
            let mut child = spawn("signals::sigterm_saves_and_returns", dir.path());
            wait_until("step 10", || dir.path().join("ready").exists());
            send(signal, &child);
            assert!(child.wait().unwrap().success(), "{signal}");
            assert!(Checkpoint::latest(dir.path()).unwrap().0.unwrap().step() > 10);
        }
    }

    #[test]
    fn a_second_sigterm_kills() {
        let _alone = alone();
        use std::os::unix::process::ExitStatusExt;

        if let Some(dir) = env::var_os(CHILD).map(PathBuf::from) {
            let stop = Stop::on_signals().unwrap();
            std::fs::write(dir.join("ready"), b"").unwrap();
            wait_until("the first signal", || stop.is_requested());
            std::fs::write(dir.join("stopping"), b"").unwrap();
            // A step that takes forever.
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let mut child = spawn("signals::a_second_sigterm_kills", dir.path());
        wait_until("the handler", || dir.path().join("ready").exists());
        send("-TERM", &child);
        wait_until("the first signal's answer", || dir.path().join("stopping").exists());
        assert!(child.try_wait().unwrap().is_none(), "the first signal must not kill");
        send("-TERM", &child);
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }
}
