//! A run on real data that is killed at some moment and resumed equals one that never was: every loss and every parameter,
//! to the bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Device, TensorData};
use serde_json::{Value, json};
use vlp::augment::Normalization;
use vlp::data::{Dataset, HfTokenizer, Limits, Loader, PairSource};
use vlp::encoders::{AnyImageEncoder, AnyImageEncoderConfig, TextTransformer};
use vlp::methods::{AnyMethodConfig, ClipRocket, ClipRocketConfig};
use vlp::recipe::Recipe;
use vlp::trainer::{Checkpoint, Checkpoints, JsonLines, Trainer, TrainerOptions};

const STEPS: u64 = 14;
/// Says to the test below that it is the child; holds the run's directory.
const RUN: &str = "VLP_TEST_RUN";

/// The quickstart's recipe, small enough for a test: same stem, heads, dropout, views and data.
fn recipe() -> Recipe {
    let mut recipe = Recipe::quickstart();
    recipe.batch_size = 16;
    let AnyImageEncoderConfig::Vit(image) = &mut recipe.image else { panic!("the quickstart's encoder is a ViT") };
    (recipe.views.size, image.image_size) = (16, 16);
    (image.width, image.depth, image.heads) = (24, 1, 2);
    (recipe.text.width, recipe.text.depth, recipe.text.heads, recipe.text.dropout) = (16, 1, 2, 0.1);
    recipe
}

fn method(device: &Device) -> ClipRocket<AnyImageEncoder, TextTransformer> {
    let recipe = recipe();
    device.seed(recipe.seed);
    let AnyMethodConfig::ClipRocket(config) = recipe.method else { panic!("the quickstart trains CLIP-rocket") };
    let (image, text) = (recipe.image.init(device).unwrap(), recipe.text.init(device).unwrap());
    ClipRocketConfig { embed_dim: 16, ..config }.init(image, text, device).unwrap()
}

fn train(out: &Path) {
    let (recipe, device) = (recipe(), Device::flex().autodiff());
    let method = method(&device);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji");
    let shards = Dataset::open(&data, "test-concepts", Limits::default()).unwrap();
    let tokenizer = HfTokenizer::from_path(data.join("tokenizer.json"), recipe.text.context_length).unwrap();
    let views = recipe.build_views().unwrap();
    let loader = Loader::new(Arc::new(shards), Arc::new(tokenizer), views, recipe.loader_config()).unwrap();
    let options = recipe.optimizer.settings;
    let trainer = Trainer::new(
        method,
        PairSource::new(loader, Normalization::IMAGENET),
        move |method: &_| options.build(method),
        recipe.schedule.over(STEPS).unwrap(),
        TrainerOptions::new(&device, STEPS).with_seed(recipe.seed).with_max_norm(1.0),
    )
    .with_checkpoints(Checkpoints::new(out, json!({"test": "resume"})).every_steps(2))
    .with_hook(JsonLines::new(out.join("metrics.jsonl")));
    let begun = std::fs::read_dir(out).is_ok_and(|mut files| files.any(|file| is_step(&file.unwrap().path())));
    let trainer = if begun { trainer.resume().unwrap() } else { trainer };
    trainer.fit().unwrap();
}

fn is_step(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
}

/// Does nothing unless the test below started this process for it.
#[test]
fn child() {
    if let Some(out) = std::env::var_os(RUN) {
        train(&PathBuf::from(out));
    }
}

fn start(out: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(RUN, out)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn lines(out: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Step, loss and gradient norm of each line, as they are written.
fn losses(out: &Path) -> Vec<(Value, Value, Value)> {
    let parse = |line: &String| serde_json::from_str::<Value>(line).unwrap();
    lines(out)
        .iter()
        .map(parse)
        .map(|line| (line["step"].clone(), line["loss"].clone(), line["grad_norm"].clone()))
        .collect()
}

/// Every parameter and running statistic of the last checkpoint, by path. Its bytes hold random ids besides, so they are
/// loaded and compared as numbers.
fn parameters(out: &Path) -> BTreeMap<String, TensorData> {
    let device = Device::flex().autodiff();
    let checkpoint = Checkpoint::open(out.join(format!("step-{STEPS:08}"))).unwrap();
    vlp_testkit::parameters::parameters(&checkpoint.load_model(method(&device)).unwrap())
}

#[test]
fn a_killed_and_resumed_run_equals_an_uninterrupted_one_to_the_bit() {
    let runs = tempfile::tempdir().unwrap();
    let (whole, killed) = (runs.path().join("whole"), runs.path().join("killed"));
    for out in [&whole, &killed] {
        std::fs::create_dir(out).unwrap();
    }
    assert!(start(&whole).wait().unwrap().success());
    assert_eq!(losses(&whole).len() as u64, STEPS);

    // Killed twice, the second time in the run that resumed; where in a step it falls is left to chance.
    for after in [3, 7] {
        let mut child = start(&killed);
        let begun = Instant::now();
        while lines(&killed).len() < after {
            assert!(begun.elapsed() < Duration::from_secs(120), "no {after} steps in two minutes");
            assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!killed.join(format!("step-{STEPS:08}")).exists(), "the kills came too late to prove anything");
    assert!(start(&killed).wait().unwrap().success());

    assert_eq!(losses(&killed), losses(&whole));
    let (ours, theirs) = (parameters(&killed), parameters(&whole));
    assert!(ours.len() > 50, "only {} parameters were compared", ours.len());
    for (path, ours) in &ours {
        assert!(*ours == theirs[path], "{path} differs between the resumed and the uninterrupted run");
    }
}
