//! SwALIP with prototypes against the reference implementation's numbers, on one rank and on two.
//!
//! The golden values are f64; values are compared to 1e-5 and gradients to 1e-4 relative plus 1e-6, in f32 on the CPU.

use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{InfoNceConfig, LossError, SinkhornConfig, SwaLipV1Config};
use vlp_testkit::{golden, ranks};

const MATRICES: [&str; 6] = ["z_image", "z_text", "p_image", "p_text", "p_image_momentum", "p_text_momentum"];
const SCALARS: [&str; 2] = ["log_scale", "log_swalip_scale"];

/// One case's inputs as leaves; those without momentum have four matrices.
#[derive(Clone)]
struct Inputs {
    matrices: Vec<Tensor<2>>,
    logs: [Tensor<1>; 2],
}

impl Inputs {
    fn new(case: &Value, rows: std::ops::Range<usize>, device: &Device) -> Self {
        let inputs = &case["inputs"];
        let present = MATRICES.iter().map(|name| &inputs[name]).filter(|value| !value.is_null());
        let leaf = |value| golden::matrix(value, device).slice([rows.clone()]).detach().require_grad();
        let log = |name| Tensor::from_floats([inputs[name].as_f64().unwrap() as f32], device).require_grad();
        Inputs { matrices: present.map(leaf).collect(), logs: SCALARS.map(log) }
    }

    fn loss(&self, case: &Value, ctx: &StepContext<'_>) -> Tensor<1> {
        let options = &case["case"]["kw"];
        let sinkhorn = SinkhornConfig {
            iterations: options["sk_iters"].as_u64().unwrap() as usize,
            epsilon: options["target_epsilon"].as_f64().unwrap(),
        };
        let [scale, swalip_scale] = self.logs.clone().map(Tensor::exp);
        let of = |at: usize| self.matrices[at].clone();
        let clip = InfoNceConfig::default().init().unwrap().forward(of(0), of(1), scale, ctx).loss();
        let momentum = (self.matrices.len() == 6).then(|| [of(4), of(5)]);
        let swalip = SwaLipV1Config { sinkhorn }.init().unwrap();
        clip + swalip.forward([of(2), of(3)], momentum, swalip_scale, ctx) * options["swalip_weight"].as_f64().unwrap()
    }

    fn check(&self, what: &str, loss: Tensor<1>, expected: &Value) {
        golden::assert_close(what, loss.clone(), &golden::numbers(&expected["loss"]), 1e-5, 1e-5);
        let gradients = loss.backward();
        let matrices = self.matrices.iter().map(|leaf| leaf.grad(&gradients).map(|grad| grad.flatten::<1>(0, 1)));
        let scalars = self.logs.iter().map(|leaf| leaf.grad(&gradients));
        for (name, gradient) in MATRICES.iter().zip(matrices).chain(SCALARS.iter().zip(scalars)) {
            match (gradient, &expected["grads"][name]) {
                (None, Value::Null) => assert!(name.ends_with("momentum"), "{what}: no gradient of {name}"),
                (Some(gradient), numbers) => {
                    let numbers = golden::numbers(numbers);
                    golden::assert_close(&format!("{what} d/d {name}"), gradient, &numbers, 1e-4, 1e-6);
                }
                (None, _) => panic!("{what}: no gradient of {name}"),
            }
        }
    }
}

fn cases() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/swalip_v1.json")
}

#[test]
fn values_and_gradients_equal_the_reference_on_one_rank() {
    let device = Device::flex().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        let inputs = Inputs::new(case, 0..4, &device);
        inputs.check(name, inputs.loss(case, &StepContext::new(0, 0, 1)), &case["world1"][0]);
    }
}

#[test]
fn values_and_gradients_equal_the_reference_on_each_of_two_ranks_with_detached_keys() {
    let device = Device::flex().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        let inputs = [0..2, 2..4].map(|rows| Inputs::new(case, rows, &device));
        let losses = ranks::losses(2, ranks::Exchange::Detached, |rank, ctx| inputs[rank].loss(case, ctx));
        for (rank, loss) in losses.into_iter().enumerate() {
            inputs[rank].check(&format!("{name}, rank {rank}"), loss, &case["world2"][rank]);
        }
    }
}

#[test]
fn two_ranks_with_full_gradients_equal_one() {
    let device = Device::flex().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        let all = Inputs::new(case, 0..4, &device);
        let mean =
            ranks::mean_loss(2, &all.matrices, |matrices, ctx| Inputs { matrices, ..all.clone() }.loss(case, ctx));
        all.check(&format!("{name}, mean of ranks"), mean, &case["world1"][0]);
    }
}

#[test]
fn permuting_samples_and_prototypes_leaves_the_loss() {
    let device = Device::flex();
    device.seed(2);
    let scores = [(); 2].map(|()| Tensor::<2>::random([6, 11], Distribution::Uniform(-1.0, 1.0), &device));
    let value = |scores: [Tensor<2>; 2]| {
        let loss = SwaLipV1Config::default().init().unwrap();
        let loss = loss.forward(scores, None, Tensor::from_floats([10.0], &device), &StepContext::new(0, 0, 1));
        f64::from(loss.into_scalar::<f32>())
    };
    let flipped = value(scores.clone().map(|scores| scores.flip([0, 1])));
    assert!((value(scores) - flipped).abs() < 1e-5);
}

#[test]
fn half_precision_inputs_get_the_f32_loss_of_their_rounded_values() {
    let device = Device::flex();
    device.seed(2);
    let scores = [(); 2].map(|()| Tensor::<2>::random([6, 11], Distribution::Uniform(-1.0, 1.0), &device));
    let half = scores.map(|scores| scores.cast(FloatDType::BF16));
    let value = |scores: [Tensor<2>; 2]| {
        let loss = SwaLipV1Config::default().init().unwrap();
        let scale = Tensor::from_floats([10.0], &device);
        loss.forward(scores, None, scale, &StepContext::new(0, 0, 1)).into_scalar::<f32>()
    };
    assert_eq!(value(half.clone()), value(half.map(|scores| scores.cast(FloatDType::F32))));
}

#[test]
fn equal_and_huge_scores_stay_finite() {
    let device = Device::flex().autodiff();
    for (rows, of) in [(3, 0.0), (1, 1.0), (3, 1e4)] {
        let leaf = Tensor::<2>::full([rows, 7], of, &device).require_grad();
        let loss = SwaLipV1Config::default().init().unwrap();
        let scale = Tensor::from_floats([100.0], &device);
        let loss = loss.forward([leaf.clone(), leaf.clone()], None, scale, &StepContext::new(0, 0, 1));
        golden::assert_close("equal scores", loss.clone(), &[7f64.ln()], 1e-5, 0.0);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "both sides must have one shape")]
fn scores_of_other_batches_are_refused() {
    let device = Device::flex();
    let scores = [2, 3].map(|rows| Tensor::<2>::ones([rows, 4], &device));
    let loss = SwaLipV1Config::default().init().unwrap();
    loss.forward(scores, None, Tensor::ones([1], &device), &StepContext::new(0, 0, 1));
}

#[test]
fn an_impossible_sinkhorn_is_refused() {
    let sinkhorn = SinkhornConfig { iterations: 0, ..Default::default() };
    assert_eq!(SwaLipV1Config { sinkhorn }.init().unwrap_err(), LossError::SinkhornIterations(0));
}
