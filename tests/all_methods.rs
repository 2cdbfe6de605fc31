//! Every method in the trainer: a resumed run equals an uninterrupted one to the bit, teacher and running statistics
//! included, and a checkpoint of one method is refused by another.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::json;
use vlp::losses::SwavQueueConfig;
use vlp::methods::AnyMethodConfig;
use vlp_testkit::parameters::parameters;

use common::{config, losses, recipe, trainer};

const STEPS: u64 = 6;
/// The backend has one generator, which every step seeds: two runs at a time would draw each other's dropout.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Leaves of `run` what a process that died after step 3 leaves.
fn forget_the_second_half(run: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let step = run.join("step-00000003");
    let copy = into.join("step-00000003");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(step).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
}

#[test]
fn every_method_resumes_to_the_bit() {
    let _alone = GENERATOR.lock();
    let runs = tempfile::tempdir().unwrap();
    for name in AnyMethodConfig::NAMES {
        let mut recipe = recipe(name);
        if let AnyMethodConfig::NClip(nclip) = &mut recipe.method {
            nclip.momentum = Some(Default::default());
        }
        if let AnyMethodConfig::SwaLipV1(swalip) = &mut recipe.method {
            // Prototypes begin to learn after the resume.
            swalip.frozen_steps = 4;
        }
        if let AnyMethodConfig::Dino(dino) = &mut recipe.method {
            dino.frozen_steps = 4;
        }
        if let AnyMethodConfig::Swav(swav) = &mut recipe.method {
            // The queue of 32 rows is full after two steps of 16 and is used on both sides of the resume.
            let queue = SwavQueueConfig { views: 2, length: 32, dim: swav.prototypes.dim, start_step: 0 };
            (swav.frozen_steps, swav.queue) = (4, Some(queue));
        }
        let (whole, resumed) = (runs.path().join(name), runs.path().join(format!("{name}-resumed")));
        fs::create_dir(&whole).unwrap();
        let uninterrupted = trainer(&recipe, STEPS, &whole, config(&recipe)).fit().unwrap();
        assert_eq!(losses(&whole).len() as u64, STEPS, "{name}");

        forget_the_second_half(&whole, &resumed);
        let trained = trainer(&recipe, STEPS, &resumed, config(&recipe)).resume().unwrap().fit().unwrap();
        assert_eq!(losses(&resumed), losses(&whole)[3..], "{name}");
        let (ours, theirs) = (parameters(&trained.method), parameters(&uninterrupted.method));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (path, ours) in &ours {
            assert!(*ours == theirs[path], "{name}: {path} differs between the resumed and the uninterrupted run");
        }
        let teacher = ours.keys().filter(|path| path.contains(".teacher.")).count();
        assert_eq!(
            teacher > 0,
            ["byolip", "nclip", "dino", "moco-v3"].contains(&name),
            "{name} has {teacher} tensors of a teacher"
        );
    }
}

#[test]
fn a_checkpoint_of_another_method_is_refused_with_both_names() {
    let _alone = GENERATOR.lock();
    let runs = tempfile::tempdir().unwrap();
    let out = runs.path().join("run");
    fs::create_dir(&out).unwrap();
    let first = recipe("siamlip");
    trainer(&first, STEPS, &out, config(&first)).fit().unwrap();

    let other = recipe("byolip");
    let error = trainer(&other, STEPS, &out, config(&other)).resume().unwrap_err().to_string();
    assert!(error.contains("another configuration"), "{error}");
    assert!(error.contains("siamlip") && error.contains("byolip") && error.contains("name"), "{error}");

    // Someone who stores no configuration is told by the parameters.
    let out = runs.path().join("bare");
    fs::create_dir(&out).unwrap();
    trainer(&first, STEPS, &out, json!({})).fit().unwrap();
    let error = trainer(&other, STEPS, &out, json!({})).resume().unwrap_err().to_string();
    assert!(error.contains("ByoLip."), "{error}");
}
