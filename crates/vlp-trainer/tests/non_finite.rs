//! What is not finite never reaches a parameter.

mod common;

use common::{Recorder, all_finite, alone, bits, checkpoints, options, toy, trainer_of};
use vlp_testkit::toy::{Poison, ToySource};
use vlp_trainer::{Checkpoint, NonFinite, TrainError};

const POISONS: [Poison; 3] = [Poison::Input, Poison::Loss, Poison::Gradient];

#[test]
fn a_poisoned_batch_never_reaches_a_parameter() {
    let _alone = alone();
    for poison in POISONS {
        let dir = tempfile::tempdir().unwrap();
        let source = ToySource::new(5).with_poison(4, 1, poison);
        let recorder = Recorder::default();
        let run = trainer_of(toy(), source, options(8)).with_checkpoints(checkpoints(dir.path()));
        let error = run.with_hook(recorder.clone()).fit().unwrap_err();
        assert!(matches!(error, TrainError::NonFinite { step: 4, .. }), "{poison:?}: {error}");
        let text = error.to_string();
        assert!(text.contains("step 4: loss ") && text.contains("gradient norm ") && text.contains("NaN"), "{text}");
        assert!(text.contains("error "), "terms are named: {text}");
        assert_eq!(recorder.losses().len(), 4);

        // The state before the poisoned batch was saved, running statistics included, and equals that of a clean run.
        let (saved, _) = Checkpoint::latest(dir.path()).unwrap();
        let saved = saved.unwrap();
        assert_eq!(saved.step(), 4);
        let saved = saved.load_model(toy()).unwrap();
        assert!(all_finite(&saved), "{poison:?}");
        let clean = trainer_of(toy(), ToySource::new(5), options(4)).fit().unwrap();
        assert_eq!(bits(&saved), bits(&clean.method), "{poison:?}");
    }
}

#[test]
fn skipped_steps_change_nothing_and_are_counted() {
    let _alone = alone();
    for poison in POISONS {
        let source = ToySource::new(5).with_poison(3, 2, poison);
        let recorder = Recorder::default();
        let skip = options(8).with_non_finite(NonFinite::Skip { at_most: 2 });
        let trained = trainer_of(toy(), source, skip).with_hook(recorder.clone()).fit().unwrap();
        assert!(all_finite(&trained.method), "{poison:?}");

        let reports = recorder.reports.lock().unwrap();
        let updated: Vec<bool> = reports.iter().map(|report| report.updated).collect();
        assert_eq!(updated, [true, true, true, false, false, true, true, true], "{poison:?}");
        let skipped: Vec<u64> = reports.iter().map(|report| report.skipped).collect();
        assert_eq!(skipped, [0, 0, 0, 1, 2, 2, 2, 2], "{poison:?}");
    }
}

#[test]
fn a_skipped_step_leaves_parameters_and_optimizer_as_they_were() {
    let _alone = alone();
    let skip = NonFinite::Skip { at_most: 1 };
    let with = trainer_of(toy(), ToySource::new(5).with_poison(3, 1, Poison::Input), options(4).with_non_finite(skip));
    let without = trainer_of(toy(), ToySource::new(5), options(3));
    assert_eq!(bits(&with.fit().unwrap().method), bits(&without.fit().unwrap().method));
}

#[test]
fn more_skips_than_allowed_end_the_run() {
    let _alone = alone();
    let source = ToySource::new(5).with_poison(2, 5, Poison::Loss);
    let skip = options(8).with_non_finite(NonFinite::Skip { at_most: 2 });
    let error = trainer_of(toy(), source, skip).fit().unwrap_err();
    assert!(matches!(error, TrainError::TooManySkipped { step: 4, skipped: 3, at_most: 2, .. }), "{error}");
}

#[test]
fn skips_are_counted_across_a_resume() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let source = ToySource::new(5).with_poison(2, 3, Poison::Loss);
        trainer_of(toy(), source, options(8).with_non_finite(NonFinite::Skip { at_most: 2 }))
            .with_checkpoints(checkpoints(dir.path()))
    };
    run().with_hook(Recorder::stopping_after(3)).fit().unwrap();
    let error = run().resume().unwrap().fit().unwrap_err();
    assert!(matches!(error, TrainError::TooManySkipped { step: 4, skipped: 3, .. }), "{error}");
}

#[test]
fn a_source_that_fails_loses_no_step() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let run = |source| trainer_of(toy(), source, options(8)).with_checkpoints(checkpoints(dir.path()));
    let error = run(ToySource::new(5).ending_at(5)).fit().unwrap_err();
    assert_eq!(error.to_string(), "step 5: no batch: the toy ends at batch 5");
    let trained = run(ToySource::new(5)).resume().unwrap().fit().unwrap();
    let whole = trainer_of(toy(), ToySource::new(5), options(8)).fit().unwrap();
    assert_eq!(bits(&trained.method), bits(&whole.method));
}
