//! A weight decay that changes from step to step: by the closed form, with factors on the learning rate, and to the bit on
//! resuming.

mod common;

use burn::module::{Module, Param, ParamGroup};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use common::{Recorder, SEED, alone, bits, checkpoints, device, options, toy, trainer};
use vlp_core::{BatchSource, Method, StepContext};
use vlp_schedulers::{Cosine, CosineConfig, CosineEnding, Schedule};
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{
    AdamWOptions, HookError, Optimizer, RateFactors, Stepper, Trainer, adamw, adamw_with_decay, clip_global_norm,
};

const TOTAL: u64 = 10;

/// DINO's: from 0.04 to 0.4 along half a cosine.
fn dino() -> Cosine {
    Cosine::new(CosineConfig { start: 0.04, end: 0.4, total_steps: TOTAL, ending: CosineEnding::Approached }).unwrap()
}

fn lr(step: u64) -> f64 {
    0.01 / (1.0 + step as f64 / 10.0)
}

#[derive(Module, Debug)]
struct Two {
    matrix: Param<Tensor<2>>,
    slow: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Two {
    fn new() -> Self {
        let ones = |shape: Vec<usize>| TensorData::ones::<f32, _>(shape);
        Two {
            matrix: Param::from_data(ones(vec![2, 3]), &device()),
            slow: Param::from_data(ones(vec![1, 2]), &device()),
            bias: Param::from_data(ones(vec![3]), &device()),
        }
    }

    /// The same number everywhere.
    fn gradients(&self, value: f64) -> GradientsParams {
        let mut grads = GradientsParams::new();
        grads.register(self.matrix.id, Tensor::<2>::ones([2, 3], &device().inner()) * value);
        grads.register(self.slow.id, Tensor::<2>::ones([1, 2], &device().inner()) * value);
        grads.register(self.bias.id, Tensor::<1>::ones([3], &device().inner()) * value);
        grads
    }

    fn first_of_each(&self) -> [f64; 3] {
        let first = |data: TensorData| f64::from(data.iter::<f32>().next().unwrap());
        [self.matrix.val().into_data(), self.slow.val().into_data(), self.bias.val().into_data()].map(first)
    }
}

/// AdamW in f64 after [Loshchilov and Hutter 2019], one number.
fn reference(gradient: impl Fn(u64) -> f64, rate: impl Fn(u64) -> f64, decay: impl Fn(u64) -> f64) -> f64 {
    let AdamWOptions { beta_1, beta_2, epsilon, .. } = AdamWOptions::default();
    let (mut p, mut mean, mut square) = (1.0, 0.0, 0.0);
    for step in 0..TOTAL {
        let (g, time) = (gradient(step), step as i32 + 1);
        mean = beta_1 * mean + (1.0 - beta_1) * g;
        square = beta_2 * square + (1.0 - beta_2) * g * g;
        let root = (square / (1.0 - beta_2.powi(time))).sqrt() + epsilon;
        p = (1.0 - rate(step) * decay(step)) * p - rate(step) * mean / (1.0 - beta_1.powi(time)) / root;
    }
    p
}

#[test]
fn each_step_decays_by_its_own_rate_and_decay() {
    let wave = |step: u64| 1.5 * (1.0 + step as f64).sin();
    let none = |_: u64| 0.0;
    for gradient in [&wave as &dyn Fn(u64) -> f64, &none] {
        let mut model = Two::new();
        let mut optimizer = adamw_with_decay(&model, AdamWOptions::default(), dino());
        let factors = RateFactors::new([(ParamGroup::from_predicate("slow"), 0.25)]).unwrap();
        for step in 0..TOTAL {
            let grads = model.gradients(gradient(step));
            model = optimizer.step(step, factors.at(lr(step)), model, grads);
            assert_eq!(optimizer.weight_decay(), Some(dino().at(step) as f32));
        }
        let expected = [
            reference(gradient, lr, |step| dino().at(step)),
            reference(gradient, |step| 0.25 * lr(step), |step| dino().at(step)),
            reference(gradient, lr, none),
        ];
        for (actual, expected) in model.first_of_each().into_iter().zip(expected) {
            // Ten steps of f32 rounding of numbers around 1.
            assert!((actual - expected).abs() < 2e-6, "{actual} instead of {expected}");
        }
        // What the comparison can see: the first decay throughout is more than a hundred times further off.
        let constant = reference(gradient, lr, |_| dino().at(0));
        assert!((constant - expected[0]).abs() > 2e-4, "{constant}");
    }
    // Without gradients a parameter is the product of what each step leaves.
    let product: f64 = (0..TOTAL).map(|step| 1.0 - lr(step) * dino().at(step)).product();
    assert!((reference(none, lr, |step| dino().at(step)) - product).abs() < 1e-12);
}

#[test]
fn a_constant_schedule_is_plain_adamw_to_the_bit() {
    let options = AdamWOptions { weight_decay: 0.2, ..AdamWOptions::default() };
    let model = Two::new();
    let constant = |_: u64| f64::from(0.2f32);
    let mut optimizers: [Optimizer; 2] =
        [adamw(&model, options).into(), adamw_with_decay(&model, AdamWOptions::default(), constant)];
    let trained = optimizers.each_mut().map(|optimizer| {
        (0..TOTAL).fold(model.clone(), |model, step| {
            let grads = model.gradients(1.0 / (1.0 + step as f64));
            optimizer.step(step, lr(step), model, grads)
        })
    });
    assert_eq!(bits(&trained[0]), bits(&trained[1]));
}

fn factors(_: &Toy) -> Result<RateFactors, HookError> {
    Ok(RateFactors::new([(ParamGroup::from_predicate("head"), 0.5)])?)
}

fn scheduled(method: Toy) -> Trainer<Toy, ToySource> {
    let optimizer = |method: &Toy| adamw_with_decay(method, AdamWOptions::default(), dino());
    Trainer::new(method, ToySource::new(5), optimizer, lr, options(TOTAL)).with_rate_factors(factors)
}

#[test]
fn a_scheduled_run_equals_the_loop_by_hand_and_resumes_to_the_bit() {
    let _alone = alone();
    let whole = scheduled(toy()).fit().unwrap();
    assert_ne!(bits(&whole.method), bits(&trainer(TOTAL).with_rate_factors(factors).fit().unwrap().method));

    let mut method = toy();
    let mut optimizer = adamw_with_decay(&method, AdamWOptions::default(), dino());
    let (mut source, rates) = (ToySource::new(5), factors(&method).unwrap());
    for step in 0..TOTAL {
        let ctx = StepContext::new(SEED, step, TOTAL);
        let batch = source.next_batch(&device()).unwrap();
        ctx.seed_device(&device());
        let out = method.objective(method.encode(batch, &ctx), &ctx);
        let mut grads = GradientsParams::from_grads(out.loss.backward(), &method);
        clip_global_norm(&method, &mut grads, 0.5);
        method = optimizer.step(step, rates.at(lr(step)), method, grads).after_update(&ctx);
    }
    assert_eq!(bits(&method), bits(&whole.method));

    let optimizer = |method: &Toy| adamw_with_decay(method, AdamWOptions::default(), dino());
    let mut stepper = Stepper::new(toy(), optimizer, lr, options(TOTAL));
    let rates = factors(stepper.method()).unwrap();
    stepper = stepper.with_rate_factors(rates);
    let mut source = ToySource::new(5);
    while !stepper.is_finished() {
        stepper.step(source.next_batch(&device()).unwrap()).unwrap();
    }
    assert_eq!(bits(stepper.method()), bits(&whole.method));

    for stop in [0, 4, 8] {
        let dir = tempfile::tempdir().unwrap();
        let stopped = scheduled(toy()).with_checkpoints(checkpoints(dir.path()));
        stopped.with_hook(Recorder::stopping_after(stop)).fit().unwrap();
        let resumed = scheduled(Toy::new(99, &device())).with_checkpoints(checkpoints(dir.path()));
        let resumed = resumed.resume().unwrap().fit().unwrap();
        assert_eq!(bits(&resumed.method), bits(&whole.method), "stopped after {stop}");
    }
}
