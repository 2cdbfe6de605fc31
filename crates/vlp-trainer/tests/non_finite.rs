//! What is not finite never reaches a parameter.

mod common;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use common::{Recorder, all_finite, alone, bits, checkpoints, device, options, toy, trainer_of};
use vlp_core::{BatchSource, Method, StepContext, StepOutput};
use vlp_testkit::toy::{DIM, Poison, Toy, ToyBatch, ToyFeatures, ToySource};
use vlp_trainer::{
    AdamWOptions, Checkpoint, NonFinite, StepNumbers, Stepper, TrainError, Trainer, TrainerOptions, adamw,
    adamw_with_decay, check_rate, gate,
};

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

fn trained_with(lr: impl Fn(u64) -> f64 + Send + Sync + 'static, total: u64) -> Trainer<Toy, ToySource> {
    Trainer::new(toy(), ToySource::new(5), |method| adamw(method, AdamWOptions::default()), lr, options(total))
}

#[test]
fn a_rate_that_f32_cannot_hold_reaches_no_parameter() {
    let _alone = alone();
    for bad in [f64::NAN, f64::INFINITY, 1e39] {
        let dir = tempfile::tempdir().unwrap();
        let lr = move |step: u64| if step == 3 { bad } else { 0.01 };
        let run = trained_with(lr, 6).with_checkpoints(checkpoints(dir.path()).every_steps(1).keep(2));
        let error = run.fit().unwrap_err();
        assert!(matches!(error, TrainError::Rate { step: 3, name: "learning rate", .. }), "{error}");
        assert!(error.to_string().contains("Mend the schedule"), "{error}");
        // The checkpoints are good ones, and the newest is the state before that step.
        let saved = Checkpoint::latest(dir.path()).unwrap().0.unwrap();
        assert_eq!(saved.step(), 3);
        let clean = trained_with(|_| 0.01, 3).fit().unwrap();
        assert_eq!(bits(&saved.load_model(toy()).unwrap()), bits(&clean.method), "{bad}");
    }
}

#[test]
fn a_factor_or_a_decay_that_is_not_finite_reaches_no_parameter() {
    let _alone = alone();
    let factors = |_: &Toy| {
        let head = burn::module::ParamGroup::from_predicate("head");
        Ok(vlp_trainer::RateFactors::new([(head, 1e38)])?)
    };
    let error =
        trained_with(|step| if step == 2 { 20.0 } else { 0.0 }, 6).with_rate_factors(factors).fit().unwrap_err();
    assert!(matches!(error, TrainError::Rate { step: 2, name: "learning rate of a group", .. }), "{error}");

    for bad in [f64::NAN, f64::INFINITY, 1e39] {
        let decay = move |step: u64| if step == 2 { bad } else { 0.1 };
        let optimizer = move |m: &Toy| adamw_with_decay(m, AdamWOptions::default(), decay);
        let run = Trainer::new(toy(), ToySource::new(5), optimizer, |_| 0.01, options(6));
        let error = run.fit().unwrap_err();
        assert!(matches!(error, TrainError::Rate { step: 2, name: "weight decay", .. }), "{error}");
    }
}

#[test]
fn rates_made_by_hand_pass_a_gate_too() {
    assert_eq!(check_rate(0, "momentum", 0.99).unwrap(), 0.99);
    assert_eq!(check_rate(0, "momentum", -3e38).unwrap(), -3e38);
    for bad in [f64::NAN, f64::NEG_INFINITY, 3.5e38] {
        let error = check_rate(7, "momentum", bad).unwrap_err();
        assert!(error.to_string().starts_with(&format!("step 7: the momentum is {bad}")), "{error}");
    }
}

#[test]
fn numbers_of_an_optimizer_that_spoil_the_first_update_are_taken_back() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let bad = [
        AdamWOptions { beta_1: f64::NAN, ..AdamWOptions::default() },
        AdamWOptions { epsilon: f64::NAN, ..AdamWOptions::default() },
        AdamWOptions { weight_decay: 1e39, ..AdamWOptions::default() },
    ];
    for options_of_adamw in bad {
        let optimizer = move |m: &Toy| adamw(m, options_of_adamw);
        let run = Trainer::new(toy(), ToySource::new(5), optimizer, |_| 0.01, options(6));
        let error = run.with_checkpoints(checkpoints(dir.path()).every_steps(1).overwrite(true)).fit().unwrap_err();
        assert!(matches!(&error, TrainError::Update { step: 0, .. }), "{error}");
        assert!(error.to_string().contains("betas"), "{error}");
        assert!(Checkpoint::latest(dir.path()).unwrap().0.is_none());
    }
}

#[test]
fn bounds_that_no_run_can_have_are_refused() {
    let _alone = alone();
    for bad in [0.0, -1.0, f64::NAN, 1e-60] {
        let error = trainer_of(toy(), ToySource::new(5), options(3).with_max_norm(bad)).fit().unwrap_err();
        assert!(matches!(error, TrainError::Option { name: "max_norm", .. }), "{error}");
        let build = |method: &Toy| adamw(method, AdamWOptions::default());
        let mut stepper = Stepper::new(toy(), build, |_: u64| 1e-3, options(3).with_max_norm(bad));
        let error = stepper.step(ToySource::new(5).next_batch(&device()).unwrap()).unwrap_err();
        assert!(matches!(error, TrainError::Option { name: "max_norm", .. }), "{error}");
        let error = trainer_of(toy(), ToySource::new(5), options(3).with_max_input(bad as f32)).fit().unwrap_err();
        assert!(matches!(error, TrainError::Option { name: "max_input", .. }), "{error}");
    }
    assert!(trainer_of(toy(), ToySource::new(5), options(1).with_max_norm(f64::INFINITY)).fit().is_ok());
}

#[test]
fn a_huge_number_in_a_batch_is_named_and_leaves_no_trace() {
    let _alone = alone();
    let source = || ToySource::new(5).with_poison(2, 1, Poison::Huge);
    let error = trainer_of(toy(), source(), options(6)).fit().unwrap_err();
    assert!(
        matches!(error, TrainError::Input { step: 2, largest, at_most } if largest == 1e30 && at_most == 1e4),
        "{error}"
    );
    assert!(error.to_string().contains("normalised pictures"), "{error}");
    let skip = NonFinite::Skip { at_most: 1 };
    let with = trainer_of(toy(), source(), options(3).with_non_finite(skip)).fit().unwrap();
    let without = trainer_of(toy(), ToySource::new(5), options(2)).fit().unwrap();
    assert_eq!(bits(&with.method), bits(&without.method));
    assert_eq!(with.method.running_statistics(), without.method.running_statistics());
}

/// Normalises, then learns nothing but zeros: its loss and gradients stay finite whatever comes in.
#[derive(Module, Debug)]
struct Deaf {
    norm: BatchNorm,
    head: Linear,
}

impl Method for Deaf {
    type Batch = ToyBatch;
    type Features = ToyFeatures;

    fn encode(&self, batch: ToyBatch, _ctx: &StepContext<'_>) -> ToyFeatures {
        let outputs = self.head.forward(self.norm.forward(batch.inputs).tanh());
        vlp_core::Features::from_tensors(vec![outputs.clone(), outputs.clone(), outputs])
    }

    fn objective(&self, features: ToyFeatures, _ctx: &StepContext<'_>) -> StepOutput {
        let outputs = vlp_core::Features::into_tensors(features).remove(0);
        StepOutput::new(outputs.square().mean())
    }
}

fn deaf() -> Deaf {
    let device = device();
    device.seed(3);
    let method = Deaf { norm: BatchNormConfig::new(DIM).init(&device), head: LinearConfig::new(DIM, 2).init(&device) };
    vlp_trainer::settle(&method);
    method
}

#[test]
fn a_variance_that_becomes_infinite_does_not_stay() {
    let _alone = alone();
    let run = |method: Deaf, source: ToySource, options: TrainerOptions| {
        Trainer::new(method, source, |m| adamw(m, AdamWOptions::default()), |_| 0.01, options)
    };
    let source = || ToySource::new(5).with_poison(2, 1, Poison::Huge);
    // The method does not say what its batches hold: its buffers do.
    let error = run(deaf(), source(), options(6)).fit().unwrap_err();
    assert!(matches!(&error, TrainError::Buffer { step: 2, name } if name.starts_with("norm.running_")), "{error}");
    let skip = options(3).with_non_finite(NonFinite::Skip { at_most: 1 });
    let with = run(deaf(), source(), skip).fit().unwrap().method;
    let without = run(deaf(), ToySource::new(5), options(2)).fit().unwrap().method;
    assert_eq!(bits(&with), bits(&without));
    assert!(all_finite(&with));
}

#[test]
fn a_checkpoint_that_is_not_finite_is_not_written() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    // Finite in f32 to the last step; only what it multiplies is not.
    let lr = |step: u64| if step == 3 { 3e38 } else { 0.01 };
    let decay = AdamWOptions { weight_decay: 10.0, ..AdamWOptions::default() };
    let run = Trainer::new(toy(), ToySource::new(5), move |m| adamw(m, decay), lr, options(6));
    let error = run.with_checkpoints(checkpoints(dir.path()).every_steps(1).keep(1)).fit().unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { step: 4, .. }), "{error}");
    let saved = Checkpoint::latest(dir.path()).unwrap().0.unwrap();
    assert_eq!(saved.step(), 3);
    assert!(all_finite(&saved.load_model(toy()).unwrap()));
}

/// Gradients of some 1e20.
#[derive(Module, Debug)]
struct Steep {
    head: Linear,
}

impl Method for Steep {
    type Batch = ToyBatch;
    type Features = ToyFeatures;

    fn encode(&self, batch: ToyBatch, _ctx: &StepContext<'_>) -> ToyFeatures {
        let outputs = self.head.forward(batch.inputs);
        vlp_core::Features::from_tensors(vec![outputs.clone(), outputs.clone(), outputs])
    }

    fn objective(&self, features: ToyFeatures, _ctx: &StepContext<'_>) -> StepOutput {
        StepOutput::new(vlp_core::Features::into_tensors(features).remove(0).mean() * 1e21)
    }
}

#[test]
fn a_gradient_too_large_to_square_is_stopped_unless_it_is_clipped() {
    let _alone = alone();
    let run = |max_norm| {
        let method = Steep { head: LinearConfig::new(DIM, 2).init(&device()) };
        let options = TrainerOptions { max_norm, ..options(2) };
        Trainer::new(method, ToySource::new(5), |m| adamw(m, AdamWOptions::default()), |_| 0.01, options).fit()
    };
    let error = run(None).map(drop).unwrap_err();
    assert!(matches!(error, TrainError::NonFinite { step: 0, .. }), "{error}");
    assert!(error.to_string().contains("clip it with `max_norm`"), "{error}");
    assert!(all_finite(&run(Some(1.0)).unwrap().method));
}

#[test]
fn the_advice_fits_the_fault() {
    let text = |loss, grad_norm| gate(3, &StepNumbers { loss, grad_norm, terms: vec![] }).unwrap_err().to_string();
    assert!(text(f32::NAN, 1.0).contains("lower learning rate"));
    assert!(text(1.0, f32::NAN).contains("root or a logarithm of 0"));
    assert!(gate(3, &StepNumbers { loss: 1.0, grad_norm: 3e38, terms: vec![] }).is_ok());
}

#[test]
fn two_runs_at_once_equal_the_same_runs_alone() {
    let _alone = alone();
    let run = |method: Toy, seed| {
        let options = TrainerOptions { seed, ..options(40) };
        bits(&trainer_of(method, ToySource::new(seed), options).fit().unwrap().method)
    };
    let [one, two] = [toy(), Toy::new(4, &device())];
    let alone = [run(toy(), 1), run(Toy::new(4, &device()), 2)];
    let together = std::thread::scope(|scope| {
        let handles = [scope.spawn(|| run(one, 1)), scope.spawn(|| run(two, 2))];
        handles.map(|handle| handle.join().unwrap())
    });
    assert!(together == alone, "dropout of one run drew what the other should have drawn");
}

#[test]
fn counts_of_a_source_go_on_after_a_resume() {
    let _alone = alone();
    /// Counts what it has seen go by, as a loader counts damaged samples.
    #[derive(Debug)]
    struct Counting(ToySource, u64);
    impl BatchSource for Counting {
        type Batch = ToyBatch;
        fn next_batch(&mut self, device: &burn::tensor::Device) -> Result<ToyBatch, vlp_core::SourceError> {
            self.1 += 2;
            self.0.next_batch(device)
        }
        fn position(&self) -> serde_json::Value {
            self.0.position()
        }
        fn seek(&mut self, position: &serde_json::Value) -> Result<(), vlp_core::SourceError> {
            self.0.seek(position)
        }
        fn tallies(&self) -> Vec<(String, u64)> {
            vec![("damaged".to_string(), self.1)]
        }
        fn restore_tallies(&mut self, tallies: &[(String, u64)]) {
            self.1 = tallies.iter().find(|(name, _)| name == "damaged").map_or(0, |(_, count)| *count);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let run = |total| {
        let optimizer = |m: &Toy| adamw(m, AdamWOptions::default());
        let source = Counting(ToySource::new(5), 0);
        Trainer::new(toy(), source, optimizer, |_| 0.01, options(total)).with_checkpoints(checkpoints(dir.path()))
    };
    run(3).fit().unwrap();
    let recorder = Recorder::default();
    run(5).with_hook(recorder.clone()).resume().unwrap().fit().unwrap();
    let counts: Vec<u64> = recorder.reports.lock().unwrap().iter().map(|report| report.tallies[0].1).collect();
    assert_eq!(counts, [8, 10]);
}
