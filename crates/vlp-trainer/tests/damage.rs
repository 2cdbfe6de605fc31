//! Checkpoints that are damaged, foreign or of another run.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use burn::optim::momentum::MomentumConfig;
use common::{alone, bits, checkpoints, device, options, toy, trainer, trainer_of};
use serde_json::json;
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{AdamWOptions, Checkpoint, Checkpoints, TrainError, Trainer, adamw};

/// A run of 6 steps with checkpoints after 2, 4 and 6.
fn run(dir: &Path) -> Toy {
    trainer(6).with_checkpoints(checkpoints(dir).every_steps(2)).fit().unwrap().method
}

fn step(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("step-{step:08}"))
}

fn latest(dir: &Path) -> Option<u64> {
    Checkpoint::latest(dir).unwrap().0.map(|checkpoint| checkpoint.step())
}

#[test]
fn a_truncated_manifest_is_skipped() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    assert_eq!(latest(dir.path()), Some(6));
    let manifest = step(dir.path(), 6).join("manifest.json");
    let text = fs::read(&manifest).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        fs::write(&manifest, &text[..length]).unwrap();
        assert_eq!(latest(dir.path()), Some(4), "cut to {length} bytes");
    }
    let (_, unreadable) = Checkpoint::latest(dir.path()).unwrap();
    assert!(unreadable[0].contains("step-00000006") && unreadable[0].contains("manifest.json"), "{unreadable:?}");
    // A resume continues from the one before it and writes the damaged one anew.
    let resumed = trainer(6).with_checkpoints(checkpoints(dir.path())).resume().unwrap().fit().unwrap();
    assert_eq!(latest(dir.path()), Some(6));
    let other = tempfile::tempdir().unwrap();
    assert_eq!(bits(&resumed.method), bits(&run(other.path())));
}

#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    let mut files: Vec<PathBuf> =
        fs::read_dir(step(dir.path(), 6)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for place in (0..bytes.len()).step_by(bytes.len().div_ceil(40)).chain([bytes.len() - 1]) {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            fs::write(&file, flipped).unwrap();
            assert_eq!(latest(dir.path()), Some(4), "byte {place} of {}", file.display());
        }
        fs::write(&file, bytes).unwrap();
        assert_eq!(latest(dir.path()), Some(6));
    }
}

#[test]
fn a_missing_file_is_found() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    fs::remove_file(step(dir.path(), 6).join("optimizer.bpk")).unwrap();
    let error = Checkpoint::open(step(dir.path(), 6)).unwrap_err().to_string();
    assert!(error.contains("optimizer.bpk is missing"), "{error}");
    assert_eq!(latest(dir.path()), Some(4));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_checkpoint_is_not_waited_for() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    for name in ["manifest.json", "model.bpk"] {
        let path = step(dir.path(), 6).join(name);
        let before = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        let checkpoint = step(dir.path(), 6);
        std::thread::spawn(move || {
            let opened = Checkpoint::open(checkpoint);
            sender.send(opened.map(drop).map_err(|error| error.to_string()))
        });
        let error = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("an answer").unwrap_err();
        assert!(error.contains("is not a regular file"), "{error}");
        assert_eq!(latest(dir.path()), Some(4));
        fs::remove_file(&path).unwrap();
        fs::write(&path, before).unwrap();
    }
    assert_eq!(latest(dir.path()), Some(6));
}

#[test]
fn a_directory_without_checkpoints_says_so() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let resume = |dir: &Path| trainer(6).with_checkpoints(checkpoints(dir)).resume().unwrap_err();
    assert!(matches!(resume(&dir.path().join("nowhere")), TrainError::NoCheckpoint { .. }));
    fs::create_dir(step(dir.path(), 6)).unwrap();
    let error = resume(dir.path()).to_string();
    assert!(error.contains("no readable checkpoint") && error.contains("manifest.json is missing"), "{error}");
    assert!(matches!(trainer(6).resume().unwrap_err(), TrainError::NoCheckpoints));
}

#[test]
fn scratch_of_a_killed_process_is_swept() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    let scratch = dir.path().join(".scratch-step-00000008-new-1");
    fs::create_dir(&scratch).unwrap();
    fs::write(scratch.join("model.bpk"), b"half").unwrap();
    trainer(6).with_checkpoints(checkpoints(dir.path())).resume().unwrap().fit().unwrap();
    assert!(!scratch.exists());
}

#[test]
fn a_checkpoint_of_another_model_names_what_differs() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    let wider = Toy::with_width(3, 20, &device());
    let wider = trainer_of(wider, ToySource::new(5), options(6)).with_checkpoints(checkpoints(dir.path()));
    let error = wider.resume().unwrap_err();
    assert!(matches!(error, TrainError::OtherModel { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("`first.weight` has shape [6, 16] there and [6, 20] here"), "{text}");
    assert!(text.contains("and 2 more"), "only the first few are named: {text}");

    let (checkpoint, _) = Checkpoint::latest(dir.path()).unwrap();
    let linear = burn::nn::LinearConfig::new(6, 16).init(&device());
    let text = checkpoint.unwrap().load_model(linear).unwrap_err().to_string();
    assert!(text.contains("`weight` is not in it") && text.contains("it has `first.weight`"), "{text}");
}

#[test]
fn a_checkpoint_of_another_configuration_names_the_key() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    let other = Checkpoints::new(dir.path(), json!({"model": {"width": 32}, "lr": 0.01}));
    let error = trainer(6).with_checkpoints(other).resume().unwrap_err();
    assert!(matches!(error, TrainError::ConfigDiffers { .. }), "{error}");
    assert!(error.to_string().contains("`model.width` was 16 and is 32 now"), "{error}");

    let reseeded = trainer_of(toy(), ToySource::new(5), options(6).with_seed(12));
    let error = reseeded.with_checkpoints(checkpoints(dir.path())).resume().unwrap_err();
    assert!(matches!(error, TrainError::SeedDiffers { saved: 11, ours: 12, .. }), "{error}");
}

/// A checkpoint of a run whose optimizer file was exchanged for `optimizer`, with a manifest that fits.
fn with_optimizer_of(dir: &Path, other: &Path) -> Checkpoint {
    let (path, bytes) = (step(dir, 6), fs::read(step(other, 6).join("optimizer.bpk")).unwrap());
    let text = fs::read_to_string(path.join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hash = |bytes: &[u8]| -> String {
        use sha2::{Digest, Sha256};
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    manifest["files"]["optimizer.bpk"] = json!({"bytes": bytes.len(), "sha256": hash(&bytes)});
    let text = serde_json::to_string(&manifest).unwrap();
    fs::write(path.join("optimizer.bpk"), bytes).unwrap();
    fs::write(path.join("manifest.sha256"), format!("{}  manifest.json\n", hash(text.as_bytes()))).unwrap();
    fs::write(path.join("manifest.json"), text).unwrap();
    Checkpoint::open(path).unwrap()
}

#[test]
fn optimizer_state_of_foreign_parameters_is_refused() {
    let _alone = alone();
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(dir.path());
    run(other.path());
    let checkpoint = with_optimizer_of(dir.path(), other.path());
    let method = checkpoint.load_model(toy()).unwrap();
    let optimizer = adamw(&method, AdamWOptions::default());
    let error = checkpoint.load_optimizer(optimizer, &method).map(drop).unwrap_err();
    assert!(matches!(error, TrainError::OtherOptimizer { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("8 of 8 states belong to no parameter") && text.contains("`first.weight` has no"), "{text}");
}

#[test]
fn missing_optimizer_state_is_refused() {
    let _alone = alone();
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(dir.path());
    // An optimizer that has not taken a step has no state.
    let stop = vlp_trainer::Stop::new();
    stop.request();
    trainer(6).with_checkpoints(checkpoints(other.path())).with_stop(stop).fit().unwrap();
    fs::rename(step(other.path(), 0), step(other.path(), 6)).unwrap();
    with_optimizer_of(dir.path(), other.path());
    let error = trainer(6).with_checkpoints(checkpoints(dir.path())).resume().unwrap_err();
    assert!(matches!(error, TrainError::OtherOptimizer { .. }), "{error}");
    assert!(error.to_string().contains("`first.weight` has no state"), "{error}");
}

#[test]
fn a_model_whose_record_was_not_loaded_cannot_take_the_optimizer() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    run(dir.path());
    let (checkpoint, _) = Checkpoint::latest(dir.path()).unwrap();
    let fresh = toy();
    let error = checkpoint.unwrap().load_optimizer(adamw(&fresh, AdamWOptions::default()), &fresh).map(drop);
    assert!(error.unwrap_err().to_string().contains("belong to no parameter"));
}

#[test]
fn an_optimizer_of_another_kind_is_refused() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let sgd = |_: &Toy| burn::optim::SgdConfig::new().with_momentum(Some(MomentumConfig::new())).init();
    let sgd =
        || Trainer::new(toy(), ToySource::new(5), sgd, |_| 0.01, options(6)).with_checkpoints(checkpoints(dir.path()));
    sgd().fit().unwrap();
    let error = trainer(6).with_checkpoints(checkpoints(dir.path())).resume().unwrap_err();
    assert!(matches!(error, TrainError::OtherOptimizer { .. }), "{error}");
    assert!(sgd().resume().is_ok());
}

#[test]
fn a_position_that_the_source_does_not_know_is_refused() {
    let _alone = alone();
    #[derive(Debug)]
    struct Picky(ToySource);
    impl vlp_core::BatchSource for Picky {
        type Batch = vlp_testkit::toy::ToyBatch;
        fn next_batch(&mut self, device: &burn::tensor::Device) -> Result<Self::Batch, vlp_core::SourceError> {
            self.0.next_batch(device)
        }
        fn position(&self) -> serde_json::Value {
            json!("here")
        }
        fn seek(&mut self, position: &serde_json::Value) -> Result<(), vlp_core::SourceError> {
            self.0.seek(position)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let picky = || {
        Trainer::new(toy(), Picky(ToySource::new(5)), |m| adamw(m, AdamWOptions::default()), |_| 0.01, options(6))
            .with_checkpoints(checkpoints(dir.path()))
    };
    picky().fit().unwrap();
    let error = picky().resume().unwrap_err();
    assert!(error.to_string().contains("\"here\" is no position of the toy"), "{error}");
}

#[test]
fn a_method_on_a_plain_device_is_refused() {
    let _alone = alone();
    let plain = Toy::new(3, &device().inner());
    let error = trainer_of(plain, ToySource::new(5), options(6)).fit().unwrap_err();
    assert!(matches!(error, TrainError::NothingToTrain), "{error}");
}
