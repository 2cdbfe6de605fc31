//! SwALIP against the reference implementation's numbers, on one rank and on two.
//!
//! The golden values are f64; values are compared to 1e-5 and gradients to 1e-4 relative plus 1e-6, in f32 on the CPU.

use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{ClipRocketLossConfig, LossError, Reduction, SinkhornConfig, SwaLipConfig};
use vlp_testkit::{golden, ranks};

/// One case's inputs as leaves, rows `range` of each.
struct Inputs {
    leaves: Vec<(String, Tensor<2>)>,
    weak: [Tensor<2>; 2],
    strong: [Vec<Tensor<2>>; 2],
    logs: [Tensor<1>; 2],
}

impl Inputs {
    fn new(case: &Value, rows: std::ops::Range<usize>, device: &Device) -> Self {
        let inputs = &case["inputs"];
        let leaf = |value: &Value| golden::matrix(value, device).slice([rows.clone()]).detach().require_grad();
        let weak = ["z_image_global", "z_text_global"].map(|name| leaf(&inputs[name]));
        let strong = ["h_image_local", "h_text_local"].map(|name| (0..2).map(|v| leaf(&inputs[name][v])).collect());
        let logs = ["log_scale", "log_h_scale"]
            .map(|name| Tensor::from_floats([inputs[name].as_f64().unwrap() as f32], device).require_grad());
        let mut leaves =
            vec![("z_image_global".to_string(), weak[0].clone()), ("z_text_global".into(), weak[1].clone())];
        for (name, views) in ["h_image_local", "h_text_local"].iter().zip(&strong) {
            let views: &Vec<Tensor<2>> = views;
            leaves.extend(views.iter().enumerate().map(|(v, view)| (format!("{name}/{v}"), view.clone())));
        }
        Inputs { leaves, weak, strong, logs }
    }

    fn loss(&self, case: &Value, ctx: &StepContext<'_>) -> Tensor<1> {
        let reduction = if case["case"]["kw"]["loss_avg_or_sum"] == "sum" { Reduction::Sum } else { Reduction::Avg };
        let clip = ClipRocketLossConfig { label_smoothing: 0.0, reduction }.init().unwrap();
        let strong = [&self.strong[0][..], &self.strong[1][..]];
        let scales = self.logs.clone().map(Tensor::exp);
        let swalip = SwaLipConfig::default().init().unwrap().forward(strong, scales[1].clone(), ctx);
        clip.forward(self.weak.clone(), strong, scales, ctx).loss + swalip * 0.2
    }

    fn check(&self, what: &str, loss: Tensor<1>, expected: &Value) {
        golden::assert_close(what, loss.clone(), &golden::numbers(&expected["loss"]), 1e-5, 1e-5);
        let gradients = loss.backward();
        let compare = |name: &str, gradient: Tensor<1>| {
            let numbers = golden::numbers(expected.pointer(&format!("/grads/{name}")).unwrap());
            golden::assert_close(&format!("{what} d/d {name}"), gradient, &numbers, 1e-4, 1e-6);
        };
        for (name, leaf) in &self.leaves {
            compare(name, leaf.grad(&gradients).unwrap().flatten(0, 1));
        }
        for (name, log) in ["log_scale", "log_h_scale"].iter().zip(&self.logs) {
            compare(name, log.grad(&gradients).unwrap());
        }
    }
}

fn cases() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/swalip.json")
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
        let losses = ranks::losses(2, ranks::Exchange::Full, |rank, ctx| {
            let own = |x: &Tensor<2>| x.clone().slice([2 * rank..2 * rank + 2]);
            let weak = all.weak.each_ref().map(own);
            let strong = all.strong.each_ref().map(|views| views.iter().map(own).collect());
            Inputs { leaves: Vec::new(), weak, strong, logs: all.logs.clone() }.loss(case, ctx)
        });
        let mean = losses.into_iter().reduce(|sum, loss| sum + loss).unwrap() / 2.0;
        all.check(&format!("{name}, mean of ranks"), mean, &case["world1"][0]);
    }
}

#[test]
fn permuting_samples_leaves_the_loss_and_exchanging_modalities_too() {
    let device = Device::flex();
    device.seed(2);
    let views = || Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), &device);
    let (images, texts) = ([views(), views()], [views(), views()]);
    let value = |images: &[Tensor<2>], texts: &[Tensor<2>]| {
        let scale = Tensor::from_floats([10.0], &device);
        let loss = SwaLipConfig::default().init().unwrap();
        f64::from(loss.forward([images, texts], scale, &StepContext::new(0, 0, 1)).into_scalar::<f32>())
    };
    let expected = value(&images, &texts);
    let flipped = |views: &[Tensor<2>; 2]| views.clone().map(|view| view.flip([0]));
    assert!((value(&flipped(&images), &flipped(&texts)) - expected).abs() < 1e-5);
    assert!((value(&texts, &images) - expected).abs() < 1e-5);
}

#[test]
fn half_precision_inputs_get_the_f32_loss_of_their_rounded_values() {
    let device = Device::flex();
    device.seed(2);
    let views = [(); 2].map(|()| Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), &device));
    let half = views.map(|view| view.cast(FloatDType::BF16));
    let value = |views: [Tensor<2>; 2], scale: Tensor<1>| {
        let loss = SwaLipConfig::default().init().unwrap();
        loss.forward([&views, &views], scale, &StepContext::new(0, 0, 1)).into_scalar::<f32>()
    };
    let scale = Tensor::<1>::from_floats([8.0], &device);
    let expected = value(half.clone().map(|view| view.cast(FloatDType::F32)), scale.clone());
    assert_eq!(value(half, scale.cast(FloatDType::BF16)), expected);
}

#[test]
fn zero_and_identical_rows_at_the_highest_scale_stay_finite() {
    let device = Device::flex().autodiff();
    for (rows, row) in [(3, [0.0; 4]), (3, [1.0, 2.0, 3.0, 4.0]), (1, [1.0, 2.0, 3.0, 4.0])] {
        let leaf = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
        let views = [leaf.clone(), leaf.clone()];
        let scale = Tensor::from_floats([100.0], &device);
        let loss = SwaLipConfig::default().init().unwrap();
        let loss = loss.forward([&views, &views], scale, &StepContext::new(0, 0, 1));
        golden::assert_close("equal rows", loss.clone(), &[(rows as f64).ln()], 1e-5, 1e-6);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "two strong views per modality, 3 were given")]
fn three_views_are_refused() {
    let device = Device::flex();
    let views = [0; 3].map(|_| Tensor::<2>::ones([2, 2], &device));
    let loss = SwaLipConfig::default().init().unwrap();
    loss.forward([&views, &views[..2]], Tensor::ones([1], &device), &StepContext::new(0, 0, 1));
}

#[test]
fn an_impossible_sinkhorn_is_refused() {
    let sinkhorn = SinkhornConfig { epsilon: 0.0, ..Default::default() };
    let error = SwaLipConfig { sinkhorn, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::NotPositive { name: "epsilon", .. }), "{error}");
}
