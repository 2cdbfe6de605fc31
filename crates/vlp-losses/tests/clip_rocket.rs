//! CLIP and CLIP-rocket against the reference implementation's numbers.
//!
//! The golden values are f64; the reference itself differs between f32 and f64 by up to 1.4e-6, so values are compared
//! to 1e-5 and gradients to 1e-4 relative plus 1e-6, in f32 on the CPU.

use burn::tensor::{Device, FloatDType, Gradients, Tensor};
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{ClipRocketLossConfig, InfoNceConfig, KeyGradients, Logits, LossError, Reduction};
use vlp_testkit::device::under_test;
use vlp_testkit::golden;
use vlp_testkit::ranks::{self, Exchange};

const CASES: [&str; 4] = ["cl2l_avg_ls0.1", "cl2l_sum_ls0.1", "cl2l_sum_n3", "cl2l_n0"];

/// One case's inputs as leaves, rows `range` of each.
#[derive(Clone)]
struct Inputs {
    names: Vec<String>,
    leaves: Vec<Tensor<2>>,
    weak: [Tensor<2>; 2],
    strong: [Vec<Tensor<2>>; 2],
    scales: [Tensor<1>; 2],
}

fn leaf(value: &Value, rows: std::ops::Range<usize>, device: &Device) -> Tensor<2> {
    golden::matrix(value, device).slice([rows]).detach().require_grad()
}

impl Inputs {
    fn new(case: &Value, rows: std::ops::Range<usize>, device: &Device) -> Self {
        let inputs = &case["inputs"];
        let key =
            |global: &str, single: &str| if inputs[global].is_null() { single.to_string() } else { global.into() };
        let (image, text) = (key("z_image_global", "z_image"), key("z_text_global", "z_text"));
        let weak = [&image, &text].map(|name| leaf(&inputs[name], rows.clone(), device));
        let strong = ["h_image_local", "h_text_local"].map(|name| {
            let views = inputs[name].as_array().map_or(&[][..], Vec::as_slice);
            views.iter().map(|view| leaf(view, rows.clone(), device)).collect::<Vec<_>>()
        });
        let scalar = |name: &str| {
            let log = inputs[name].as_f64().unwrap_or(0.0) as f32;
            Tensor::<2>::from_floats([[log]], device).require_grad()
        };
        let logs = ["log_scale", "log_h_scale"].map(scalar);
        let names = [image, text]
            .into_iter()
            .chain((0..strong[0].len()).map(|view| format!("h_image_local/{view}")))
            .chain((0..strong[1].len()).map(|view| format!("h_text_local/{view}")))
            .chain(["log_scale".into(), "log_h_scale".into()])
            .collect();
        let leaves = weak.iter().chain(&strong[0]).chain(&strong[1]).chain(&logs).cloned().collect();
        Inputs { names, leaves, weak, strong, scales: logs.map(|log| log.exp().reshape([1])) }
    }

    fn check(&self, what: &str, loss: Tensor<1>, expected: &Value) {
        golden::assert_close(what, loss.clone(), &golden::numbers(&expected["loss"]), 1e-5, 1e-5);
        let gradients: Gradients = loss.backward();
        for (name, leaf) in self.names.iter().zip(&self.leaves) {
            let path = format!("/grads/{name}");
            let expected = expected.pointer(&path).unwrap_or(&Value::Null);
            match leaf.grad(&gradients) {
                Some(grad) if !expected.is_null() => {
                    golden::assert_close(&format!("{what} d/d {name}"), grad, &golden::numbers(expected), 1e-4, 1e-6);
                }
                grad => assert!(grad.is_none() && expected.is_null(), "{what}: gradient of {name} on one side only"),
            }
        }
    }
}

fn loss_of(
    case: &Value,
    inputs: &Inputs,
    key_gradients: KeyGradients,
    logits: Logits,
    ctx: &StepContext<'_>,
) -> Tensor<1> {
    if case["case"]["loss"] == "CLIPLoss" {
        let [image, text] = inputs.weak.clone();
        let loss = InfoNceConfig { key_gradients, logits, ..Default::default() }.init().unwrap();
        return loss.forward(image, text, inputs.scales[0].clone(), ctx).loss();
    }
    let options = &case["case"]["kw"];
    let config = ClipRocketLossConfig {
        label_smoothing: options["label_smoothing"].as_f64().unwrap_or(0.0),
        reduction: if options["loss_avg_or_sum"] == "sum" { Reduction::Sum } else { Reduction::Avg },
        key_gradients,
        logits,
    };
    let strong = [&inputs.strong[0][..], &inputs.strong[1][..]];
    config.init().unwrap().forward(inputs.weak.clone(), strong, inputs.scales.clone(), ctx).loss
}

/// Every case with the similarities held at once and in chunks.
fn with_logits(cases: impl Iterator<Item = &'static str>) -> impl Iterator<Item = (&'static str, Logits)> {
    cases.flat_map(|case| [(case, Logits::Whole), (case, Logits::Chunked)])
}

fn cases() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/clip_rocket_losses.json")
}

#[test]
fn values_and_gradients_equal_the_reference_on_one_rank() {
    let (golden, device) = (cases(), under_test().autodiff());
    for (name, logits) in with_logits(CASES.into_iter().chain(["clip"])) {
        let case = &golden[name];
        let inputs = Inputs::new(case, 0..4, &device);
        let loss = loss_of(case, &inputs, KeyGradients::Full, logits, &StepContext::new(0, 0, 1));
        inputs.check(&format!("{name}, {logits:?}"), loss, &case["world1"][0]);
    }
}

#[test]
fn values_and_gradients_equal_the_reference_on_each_of_two_ranks_with_detached_keys() {
    let (golden, device) = (cases(), under_test().autodiff());
    // Keys are cut by the gather, which automatic differentiation does not see, or by the loss.
    for (exchange, keys) in [(Exchange::Detached, KeyGradients::Full), (Exchange::Full, KeyGradients::Detached)] {
        for (name, logits) in with_logits(CASES.into_iter().chain(["clip"])) {
            let case = &golden[name];
            let inputs = [0, 2].map(|first| Inputs::new(case, first..first + 2, &device));
            let losses = ranks::losses(2, exchange, |rank, ctx| loss_of(case, &inputs[rank], keys, logits, ctx));
            for (rank, loss) in losses.into_iter().enumerate() {
                inputs[rank].check(&format!("{name}, {logits:?}, rank {rank}"), loss, &case["world2"][rank]);
            }
        }
    }
}

#[test]
fn two_ranks_with_full_key_gradients_equal_one_rank_in_value_and_every_gradient() {
    let (golden, device) = (cases(), under_test().autodiff());
    for (name, logits) in with_logits(CASES.into_iter().chain(["clip"])) {
        let case = &golden[name];
        let all = Inputs::new(case, 0..4, &device);
        let losses = ranks::losses(2, Exchange::Full, |rank, ctx| {
            let half = |x: &Tensor<2>| x.clone().slice([2 * rank..2 * rank + 2]);
            let share = Inputs {
                weak: all.weak.each_ref().map(half),
                strong: all.strong.each_ref().map(|views| views.iter().map(half).collect()),
                ..all.clone()
            };
            loss_of(case, &share, KeyGradients::Full, logits, ctx)
        });
        let mean = losses.into_iter().reduce(|a, b| a + b).expect("two ranks") / 2.0;
        all.check(&format!("{name}, {logits:?}"), mean, &case["world1"][0]);
    }
}

#[test]
fn identical_and_zero_rows_give_finite_losses_and_gradients() {
    let device = under_test().autodiff();
    for rows in [[0.0; 3], [1.0, 2.0, 3.0]] {
        let a = Tensor::<2>::from_floats([rows, rows], &device).require_grad();
        let scale = Tensor::<1>::from_floats([100.0], &device);
        let loss =
            InfoNceConfig::default().init().unwrap().forward(a.clone(), a.clone(), scale, &StepContext::new(0, 0, 1));
        let loss = loss.loss();
        golden::assert_close("two equal rows", loss.clone(), &[2f64.ln()], 1e-5, 0.0);
        let gradient = a.grad(&loss.backward()).expect("a gradient");
        assert!(gradient.is_finite().all().into_scalar::<bool>());
    }
}

#[test]
fn permuting_pairs_leaves_the_loss_and_accuracy_counts_found_partners() {
    let device = under_test().autodiff();
    device.seed(3);
    let random = || Tensor::<2>::random([8, 5], burn::tensor::Distribution::Normal(0.0, 1.0), &device);
    let (a, b, scale) = (random(), random(), Tensor::<1>::from_floats([10.0], &device));
    let loss = InfoNceConfig { label_smoothing: 0.1, ..Default::default() }.init().unwrap();
    let ctx = StepContext::new(0, 0, 1);
    let value =
        |a: Tensor<2>, b: Tensor<2>| f64::from(loss.forward(a, b, scale.clone(), &ctx).loss().into_scalar::<f32>());
    let flipped = value(a.clone().flip([0]), b.clone().flip([0]));
    assert!((value(a.clone(), b) - flipped).abs() < 1e-5);
    let same = loss.forward(a.clone(), a.clone(), scale.clone(), &ctx);
    assert_eq!(same.accuracy.into_scalar::<f32>(), 1.0);
    let shifted = Tensor::cat(vec![a.clone().slice([1..8]), a.clone().slice([0..1])], 0);
    assert_eq!(loss.forward(a, shifted, scale.clone(), &ctx).accuracy.into_scalar::<f32>(), 0.0);
}

#[test]
fn label_smoothing_outside_its_range_is_refused_with_its_value() {
    for smoothing in [-0.1, 1.0, f64::NAN] {
        let error = ClipRocketLossConfig { label_smoothing: smoothing, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::LabelSmoothing(_)));
        assert!(error.to_string().contains(&smoothing.to_string()), "{error}");
    }
}

#[test]
fn half_precision_vectors_are_compared_in_f32_and_a_zero_row_in_bfloat16_stays_finite() {
    let device = under_test().autodiff();
    let loss = InfoNceConfig { label_smoothing: 0.1, ..Default::default() }.init().unwrap();
    let ctx = StepContext::new(0, 0, 1);
    // The gradient of a zero row is some 1e12, as in PyTorch: bfloat16 holds it, the range of f16 does not.
    for (half, row) in [(FloatDType::BF16, [0.0; 3]), (FloatDType::F16, [0.5, 0.5, -1.0])] {
        let rows = Tensor::<2>::from_floats([[0.3, -1.2, 0.7], row, [2.0, 0.1, -0.4]], &device);
        let leaf = rows.cast(half).detach().require_grad();
        let scale = || Tensor::<1>::from_floats([20.0], &device);
        let narrow = loss.forward(leaf.clone(), leaf.clone(), scale(), &ctx).loss();
        let wide = leaf.clone().cast(FloatDType::F32);
        let wide = loss.forward(wide.clone(), wide, scale(), &ctx).loss();
        assert_eq!(narrow.clone().into_scalar::<f32>(), wide.into_scalar::<f32>(), "{half:?}");
        let gradient = leaf.grad(&narrow.backward()).expect("a gradient");
        assert!(gradient.is_finite().all().into_scalar::<bool>(), "{half:?}");
    }
}
