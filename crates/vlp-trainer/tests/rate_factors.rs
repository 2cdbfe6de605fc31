//! Learning rates that differ between parameters: by the factor, to the bit on resuming, and with adapters.

mod common;

use burn::module::{Lora, Module, ParamGroup};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use common::{Recorder, alone, bits, checkpoints, device, options, toy, trainer, trainer_of};
use vlp_core::{BatchSource, Method, StepContext};
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{AdamWOptions, Checkpoint, HookError, RateFactors, TrainError, Trainer, adamw};

/// The head learns at half the rate, the first layer not at all; ids, so that a resumed run must make them anew.
fn factors(method: &Toy) -> Result<RateFactors, HookError> {
    let ids = |name: &str| {
        struct Ids<'a>(Vec<String>, &'a str, Vec<burn::module::ParamId>);
        impl burn::module::ModuleVisitor for Ids<'_> {
            fn enter_module(&mut self, name: &str, _container: &str) {
                self.0.push(name.to_string());
            }
            fn exit_module(&mut self, _name: &str, _container: &str) {
                self.0.pop();
            }
            fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
                if self.0[0] == self.1 {
                    self.2.push(param.id);
                }
            }
        }
        let mut ids = Ids(Vec::new(), name, Vec::new());
        method.visit(&mut ids);
        ParamGroup::from_ids(ids.2)
    };
    Ok(RateFactors::new([(ids("head"), 0.5), (ids("first"), 0.0)])?)
}

#[test]
fn a_factor_multiplies_the_rate_of_its_group_and_the_last_group_counts() {
    let [chosen, other] = [0, 1].map(|_| burn::module::ParamId::new());
    let rates =
        RateFactors::new([(ParamGroup::from_ids(vec![chosen]), 0.5), (ParamGroup::from_predicate("head"), 0.25)])
            .unwrap()
            .at(0.3);
    assert_eq!(rates.lr_from_param(chosen, Some("body")), 0.15);
    assert_eq!(rates.lr_from_param(chosen, Some("head.weight")), 0.075);
    assert_eq!(rates.lr_from_param(other, Some("head.weight")), 0.075);
    assert_eq!(rates.lr_from_param(other, Some("body")), 0.3);
    assert_eq!(RateFactors::default().at(0.3).lr_from_param(chosen, None), 0.3);
}

#[test]
fn factors_that_cannot_be_are_refused() {
    for factor in [-0.1, f64::NAN, f64::INFINITY] {
        let error = RateFactors::new([(ParamGroup::all(), factor)]).unwrap_err();
        assert!(matches!(error, TrainError::RateFactor { .. }), "{error}");
    }
    let _alone = alone();
    let failing = trainer(2).with_rate_factors(|_| Err("no such tower".into()));
    assert_eq!(failing.fit().unwrap_err().to_string(), "no factors on the learning rates: no such tower");
}

/// First weight, head weight and everything of a toy as bits.
fn weights(toy: &Toy) -> Vec<u32> {
    bits(toy)
}

#[test]
fn a_run_with_factors_equals_the_loop_by_hand_and_resumes_to_the_bit() {
    let _alone = alone();
    let total = 8;
    let whole = trainer(total).with_rate_factors(factors).fit().unwrap();
    assert_ne!(weights(&whole.method), weights(&trainer(total).fit().unwrap().method), "factors change nothing");

    let mut method = toy();
    let first = method.clone();
    let decay = AdamWOptions { weight_decay: 0.2, ..AdamWOptions::default() };
    let (mut source, mut optimizer, rates) = (ToySource::new(5), adamw(&method, decay), factors(&method).unwrap());
    for step in 0..total {
        let ctx = StepContext::new(common::SEED, step, total);
        let batch = source.next_batch(&device()).unwrap();
        ctx.seed_device(&device());
        let out = method.objective(method.encode(batch, &ctx), &ctx);
        let mut grads = GradientsParams::from_grads(out.loss.backward(), &method);
        vlp_trainer::clip_global_norm(&method, &mut grads, 0.5);
        method = optimizer.step(rates.at(0.01 / (1.0 + step as f64 / 10.0)), method, grads).after_update(&ctx);
    }
    assert_eq!(weights(&method), weights(&whole.method));
    // The first layer comes first: 6 x 16 weights and 16 biases, which a rate of zero leaves alone, decay included.
    assert_eq!(weights(&method)[..112], weights(&first)[..112]);

    for stop in [0, 3, 6] {
        let dir = tempfile::tempdir().unwrap();
        let stopped = trainer(total).with_rate_factors(factors).with_checkpoints(checkpoints(dir.path()));
        stopped.with_hook(Recorder::stopping_after(stop)).fit().unwrap();
        let resumed = trainer_of(Toy::new(99, &device()), ToySource::new(5), options(total))
            .with_rate_factors(factors)
            .with_checkpoints(checkpoints(dir.path()))
            .resume()
            .unwrap()
            .fit()
            .unwrap();
        assert_eq!(weights(&resumed.method), weights(&whole.method), "stopped after {stop}");
    }
}

fn adapted(seed: u64) -> Toy {
    Toy::new(seed, &device()).apply_lora(Lora::new(2, 4.0))
}

fn adapted_trainer(method: Toy, total: u64) -> Trainer<Toy, ToySource> {
    trainer_of(method, ToySource::new(5), options(total))
}

#[test]
fn adapters_are_saved_and_resumed_to_the_bit() {
    let _alone = alone();
    let total = 8;
    let before = adapted(3);
    let whole = adapted_trainer(before.clone(), total).fit().unwrap();
    assert_ne!(bits(&before), bits(&whole.method));
    for stop in [0, 3, 6] {
        let dir = tempfile::tempdir().unwrap();
        let stopped = adapted_trainer(adapted(3), total).with_checkpoints(checkpoints(dir.path()));
        stopped.with_hook(Recorder::stopping_after(stop)).fit().unwrap();
        let resumed = adapted_trainer(adapted(99), total).with_checkpoints(checkpoints(dir.path()));
        let resumed = resumed.resume().unwrap().fit().unwrap();
        assert_eq!(bits(&resumed.method), bits(&whole.method), "stopped after {stop}");
        // Merged, it is another model: the checkpoint says so instead of losing the adapters.
        let checkpoint = Checkpoint::latest(dir.path()).unwrap().0.unwrap();
        let error = checkpoint.load_model(toy()).unwrap_err();
        assert!(matches!(error, TrainError::OtherModel { .. }), "{error}");
        assert!(error.to_string().contains("lora"), "{error}");
    }
}
