//! A recipe becomes a run: folders, refusals, resumes, forks, loads.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use vlp::core::{BatchSource, Embedder};
use vlp::recipe::{InitRecipe, Recipe, SourceRecipe, TokenizerRecipe};
use vlp::run::{Run, RunError, RunOptions, Trained, load};
use vlp::weights::Package;

/// Runs in one process share the device's generator.
static GENERATOR: Mutex<()> = Mutex::new(());

fn quiet() -> RunOptions {
    RunOptions::default().with_quiet(true).with_workers(1)
}

fn small(method: &str, steps: u64) -> Recipe {
    let mut recipe =
        common::recipe(method).set(&[format!("steps={steps}"), "checkpoint.every_steps=3".into()]).unwrap();
    recipe.eval.sets.truncate(1);
    recipe.eval.sets[0].knn = None;
    recipe.eval.sets[0].source = recipe.data.train[0].clone();
    recipe
}

fn fit(recipe: Recipe, dir: &Path) -> Result<Trained, RunError> {
    Run::new(recipe, &Device::flex())?.with_options(quiet()).fit(dir)
}

fn bits(method: &impl Module) -> BTreeMap<String, TensorData> {
    vlp_testkit::parameters::parameters(method)
}

#[test]
fn fit_stepper_and_resume_are_one_run_to_the_bit() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let runs = tempfile::tempdir().unwrap();
    let whole = fit(small("clip-rocket", 7), &runs.path().join("whole")).unwrap();

    let run = Run::new(small("clip-rocket", 7), &Device::flex()).unwrap().with_options(quiet());
    let (mut stepper, mut batches) = run.stepper().unwrap();
    let mut losses = Vec::new();
    while !stepper.is_finished() {
        losses.push(f64::from(stepper.step(batches.next_batch(run.device()).unwrap()).unwrap().numbers.loss));
    }
    assert_eq!(common::losses(whole.dir()), losses);
    assert_eq!(bits(&stepper.into_method().valid()), bits(&whole.method));

    // What a process killed after step 5 leaves is the checkpoint of step 3.
    let cut = runs.path().join("cut");
    copy(whole.dir(), &cut);
    for step in ["step-00000006", "step-00000007"] {
        std::fs::remove_dir_all(cut.join(step)).unwrap();
    }
    let resumed = Run::resume(&cut, &Device::flex()).unwrap().with_options(quiet()).fit(&cut).unwrap();
    assert_eq!(bits(&resumed.method), bits(&whole.method));
    assert_eq!(common::losses(&cut), losses);
    let loaded = load(&cut, &Device::flex()).unwrap();
    assert_eq!(bits(&loaded.method), bits(&whole.method));
    assert_eq!(loaded.step(), 7);
    let [a, b] = [&whole, &loaded].map(|trained| format!("{}", trained.evaluate().unwrap()));
    assert_eq!(a, b);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

#[test]
fn a_run_that_is_there_is_not_replaced_without_a_word() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    fit(small("clip", 2), dir.path()).unwrap();
    let before = std::fs::read(dir.path().join("metrics.jsonl")).unwrap();
    for method in ["clip", "siglip"] {
        let error = fit(small(method, 2), dir.path()).unwrap_err();
        assert!(error.asked_wrongly());
        let said = error.to_string();
        assert!(said.contains("run of clip that is finished") && said.contains("--fresh"), "{said}");
    }
    assert_eq!(std::fs::read(dir.path().join("metrics.jsonl")).unwrap(), before);
    let fresh = Run::new(small("siglip", 2), &Device::flex()).unwrap().with_options(quiet().with_fresh(true));
    fresh.fit(dir.path()).unwrap();
    assert_eq!(Run::recipe_of(dir.path()).unwrap().method.name(), "siglip");
}

#[test]
fn a_resume_by_another_recipe_names_the_keys() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    fit(small("clip", 2), dir.path()).unwrap();
    let resumed = |recipe| Run::new(recipe, &Device::flex()).unwrap().resumed_with(dir.path());
    resumed(small("clip", 2)).unwrap();
    // Evaluation, log and checkpoints may change between two starts.
    resumed(small("clip", 2).set(&["log.every=2", "checkpoint.keep=1"]).unwrap()).unwrap();
    let error = resumed(small("clip", 2).set(&["optimizer.weight_decay=0.3"]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("weight_decay` was 0.1 and is 0.3 now"), "{error}");
    let error = resumed(small("clip", 3)).unwrap_err().to_string();
    assert!(error.contains("steps"), "{error}");
}

#[test]
fn a_fork_starts_from_the_parameters_with_other_settings() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let trained = fit(small("clip", 3), &dir.path().join("first")).unwrap();
    let fork = Run::fork(dir.path().join("first"), &["schedule.peak=1e-4", "steps=2"], &Device::flex()).unwrap();
    assert_eq!((fork.total_steps(), fork.recipe().schedule.peak), (2, 1e-4));
    assert_eq!(bits(&fork.method().unwrap().valid()), bits(&trained.method));
    fork.with_options(quiet()).fit(dir.path().join("second")).unwrap();
    let error = Run::fork(dir.path().join("first"), &["schedule.peek=1"], &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("did you mean `peak`?"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let refused = |recipe: Recipe, said: &str| {
        let error = fit(recipe, &out).unwrap_err();
        assert!(error.asked_wrongly() && error.to_string().contains(said), "{error}");
        // A main that returns the error prints the sentence.
        assert_eq!(format!("{error:?}"), error.to_string());
        assert!(!out.exists(), "{error}");
    };
    let mut recipe = small("clip", 2);
    recipe.batch_size = 100_000;
    refused(recipe, "batch_size is 100000");
    let mut recipe = small("clip", 2);
    recipe.data.train.clear();
    refused(recipe, "names no training data");
    let mut recipe = small("clip", 2);
    recipe.tokenizer = TokenizerRecipe::Clip;
    refused(recipe, "has 49408 entries, but text.vocab_size is 3200");
    let mut recipe = small("clip", 2);
    recipe.tokenizer = TokenizerRecipe::file("no/such/tokenizer.json");
    refused(recipe, "no/such/tokenizer.json");
    let mut recipe = small("clip", 2);
    recipe.data.train = vec![SourceRecipe::new("no/such.csv")];
    refused(recipe, "no/such.csv");
    let missing: [PathBuf; 2] = [dir.path().join("nothing"), dir.path().to_path_buf()];
    for path in missing {
        let error = load(&path, &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("holds no checkpoint"), "{error}");
    }
}

#[test]
fn the_folder_of_a_run_is_whole_without_the_files_it_was_started_with() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = dir.path().join("mine.json");
    let emoji = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji/tokenizer.json");
    std::fs::copy(emoji, &tokenizer).unwrap();
    let mut recipe = small("clip", 2);
    recipe.tokenizer = TokenizerRecipe::file(&tokenizer);
    fit(recipe, &dir.path().join("run")).unwrap();
    std::fs::remove_file(tokenizer).unwrap();
    let loaded = load(dir.path().join("run"), &Device::flex()).unwrap();
    assert_eq!(loaded.tokenizer().vocab_size(), 3200);
    assert_eq!(loaded.recipe().tokenizer.path().unwrap(), dir.path().join("run/tokenizer.json"));
}

#[test]
fn methods_of_images_alone_are_locked_and_slowed_down_by_depth() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let runs = tempfile::tempdir().unwrap();
    for name in ["dino", "moco-v3", "swav"] {
        locked_and_slowed_down(name, &runs.path().join(name));
    }
}

fn locked_and_slowed_down(method: &str, runs: &Path) {
    let recipe = small(method, 2);
    let refused = |setting: &str| recipe.set(&[setting]).unwrap_err().to_string();
    for setting in ["lock.text=1", "layer_decay.text=0.5", "lora.text={}"] {
        let error = refused(setting);
        assert!(error.contains("this method has no text encoder"), "{setting}: {error}");
    }
    let start = bits(&Run::new(recipe.clone(), &Device::flex()).unwrap().method().unwrap().valid());
    let moved = |settings: &[&str], name: &str| {
        let trained = fit(recipe.set(settings).unwrap(), &runs.join(name)).unwrap();
        let now = bits(&trained.method);
        // The teacher is a moving average of the student.
        let student =
            |path: &String| path.contains(".image.") && !path.contains("teacher") && !path.contains("running");
        now.into_iter().filter(|(path, value)| student(path) && start[path] != *value).map(|(path, _)| path).collect()
    };
    let all: Vec<String> = moved(&[], "all");
    let locked: Vec<String> = moved(&["lock.image=0"], "locked");
    assert!(all.iter().any(|path| path.contains("stem")), "{method}: {all:?}");
    assert!(locked.is_empty(), "{method}: {locked:?}");
    let slow: Vec<String> = moved(&["layer_decay.image=0.5"], "slow");
    assert_eq!(slow, all, "{method}: every layer still learns");
}

#[test]
fn a_run_starts_from_pretrained_weights() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let weights = common::clip(folder.path());
    let described = common::clip_config(8, "").towers().unwrap().dual_encoder();
    let mut recipe = Recipe { image: described.image, text: described.text, ..small("clip", 1) };
    recipe.tokenizer = TokenizerRecipe::Clip;
    recipe.init = Some(InitRecipe { weights: Some(weights.clone()), checkpoint: None });
    recipe.views.size = 32;
    let recipe = recipe.set(&["method.embed_dim=8"]).unwrap();

    let flex = Device::flex();
    let pretrained = Package::read(&weights, &Default::default()).unwrap().load(&flex).unwrap();
    let method = Run::new(recipe.clone(), &flex).unwrap().method().unwrap().valid();
    let images = Tensor::<4>::from_data(
        TensorData::new((0..2 * 3 * 32 * 32).map(|at| (at as f32).sin()).collect::<Vec<_>>(), [2, 3, 32, 32]),
        &flex,
    );
    let expected = pretrained.model.embed_images(images.clone()).into_data();
    assert_eq!(method.embed_images(images).weak.into_data(), expected);
    let scale = method.scale().unwrap().into_data().try_into_vec::<f32>().unwrap();
    assert!((scale[0] - 2f32.exp()).abs() < 1e-5, "{scale:?}");
    fit(recipe.clone(), &folder.path().join("run")).unwrap();

    let refused = |settings: &[&str]| {
        let run = Run::new(recipe.set(settings).unwrap(), &flex).unwrap();
        run.method().map(drop).unwrap_err().to_string()
    };
    for (settings, said) in [
        (&["text.activation=gelu"][..], "text.activation"),
        (&["text.depth=2"], "text.depth"),
        (&["method.name=clip-rocket", "views.strong=1"], "only clip and siglip"),
        (&["init.weights=no/such"], "no/such"),
    ] {
        let error = refused(settings);
        assert!(error.contains(said), "{settings:?}: {error}");
    }
}
