//! AdamW against PyTorch, the choice of what decays, and clipping by the global norm.

mod common;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{EmbeddingConfig, LayerNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use common::{bits, device, toy};
use serde_json::Value;
use vlp_trainer::{AdamWOptions, adamw, clip_global_norm, decays};

/// The two parameters of the golden runs. As a matrix of one row the first decays, as a vector it does not.
#[derive(Module, Debug)]
struct Pair {
    vector: Option<Param<Tensor<1>>>,
    matrices: Vec<Param<Tensor<2>>>,
}

fn wave(n: usize, value: impl Fn(f64) -> f64) -> Vec<f32> {
    (1..=n).map(|j| value(0.71 * j as f64) as f32).collect()
}

fn pair(first_decays: bool, device: &Device) -> Pair {
    let first = TensorData::new(wave(7, f64::sin), [7]);
    let second = Param::from_data(TensorData::new(wave(12, |x| (x + 0.3).sin()), [3, 4]), device);
    if first_decays {
        let row = Tensor::<1>::from_data(first, device).reshape([1, 7]).detach();
        Pair { vector: None, matrices: vec![Param::from_tensor(row), second] }
    } else {
        Pair { vector: Some(Param::from_data(first, device)), matrices: vec![second] }
    }
}

/// The largest difference to PyTorch's parameters over all steps.
fn largest_difference(case: &Value, first_decays: bool, options: AdamWOptions) -> f64 {
    let device = device();
    let mut model = pair(first_decays, &device);
    let mut optimizer = adamw(&model, options);
    let mut largest = 0.0_f64;
    for (t, after) in case["values"].as_array().unwrap().iter().enumerate() {
        let gradient = |n, i: f64| wave(n, |x| (1.0 + 0.5 * t as f64) * (x * (t as f64 + 1.0) + 0.2 * i).cos());
        let mut grads = GradientsParams::new();
        model.visit(&mut Register(&mut grads, vec![gradient(12, 1.0), gradient(7, 0.0)]));
        model = optimizer.step(case["params"]["lr"].as_f64().unwrap(), model, grads);
        let theirs = after.as_array().unwrap().iter().flat_map(|values| values.as_array().unwrap());
        let ours = parameters(&model);
        assert_eq!(ours.len(), 19);
        for (a, b) in ours.into_iter().zip(theirs) {
            largest = largest.max((f64::from(a) - b.as_f64().unwrap()).abs());
        }
    }
    largest
}

/// Registers the last of the given gradients with each parameter in turn.
struct Register<'a>(&'a mut GradientsParams, Vec<Vec<f32>>);
impl ModuleVisitor for Register<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = TensorData::new(self.1.pop().unwrap(), param.val().dims());
        self.0.register(param.id, Tensor::<D>::from_data(data, &param.val().device().inner()));
    }
}

fn parameters<M: Module>(model: &M) -> Vec<f32> {
    bits(model).into_iter().map(f32::from_bits).collect()
}

fn golden(name: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/adamw.json")).unwrap();
    let cases = golden["optimizers"].as_array().unwrap().clone();
    cases.into_iter().filter(|case| case["name"] == name).collect()
}

fn options(case: &Value) -> AdamWOptions {
    let number = |value: &Value| value.as_f64().unwrap();
    let params = &case["params"];
    AdamWOptions {
        beta_1: number(&params["betas"][0]),
        beta_2: number(&params["betas"][1]),
        epsilon: number(&params["eps"]),
        weight_decay: number(&params["weight_decay"]),
    }
}

/// Parameters of size one in f32 against f64: five steps of rounding stay below it.
const TOLERANCE: f64 = 2e-6;

#[test]
fn adamw_with_decay_on_every_parameter_equals_pytorch() {
    let cases = golden("adamw");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let difference = largest_difference(&case, true, options(&case));
        assert!(difference < TOLERANCE, "{difference} in {}", case["params"]);
    }
}

#[test]
fn adamw_with_an_undecayed_vector_equals_pytorch() {
    let case = &golden("adamw_two_groups")[0];
    let difference = largest_difference(case, false, options(case));
    assert!(difference < TOLERANCE, "{difference}");
    // The comparison sees decay: on both parameters, or on none, it fails.
    assert!(largest_difference(case, true, options(case)) > 1e-4);
    assert!(largest_difference(case, false, AdamWOptions { weight_decay: 0.0, ..options(case) }) > 1e-4);
}

#[test]
fn the_defaults_are_those_of_clip_rocket() {
    let options = AdamWOptions::default();
    assert_eq!((options.beta_1, options.beta_2, options.epsilon, options.weight_decay), (0.9, 0.98, 1e-8, 0.1));
}

#[test]
fn vectors_biases_and_norms_do_not_decay_and_everything_else_does() {
    for (path, dims) in [
        ("image.blocks.0.qkv.weight", 2),
        ("image.patch.weight", 4),
        ("text.token_embedding.weight", 2),
        ("text.position", 2),
        ("image.class_token", 3),
        ("image.alnico.weight", 2),
        ("text.enormous.weight", 2),
    ] {
        assert!(decays(path, dims), "{path}");
    }
    for (path, dims) in [
        ("logit_scale", 1),
        ("image.blocks.0.norm1.gamma", 1),
        ("image.blocks.0.attention.bias", 2),
        ("image.ln_pre.weight", 2),
        ("head.bn2.weight", 2),
        ("text.final_norm.weight", 2),
        ("text.layernorm.weight", 2),
    ] {
        assert!(!decays(path, dims), "{path}");
    }
}

#[derive(Module, Debug)]
struct Mixed {
    linear: Linear,
    norm: burn::nn::LayerNorm,
    table: burn::nn::Embedding,
    class_token: Param<Tensor<3>>,
    logit_scale: Param<Tensor<1>>,
}

#[test]
fn the_optimizer_decays_exactly_those() {
    let device = device();
    let ones = |shape: Vec<usize>| TensorData::ones::<f32, _>(shape);
    let model = Mixed {
        linear: LinearConfig::new(4, 3).init(&device),
        norm: LayerNormConfig::new(3).init(&device),
        table: EmbeddingConfig::new(5, 3).init(&device),
        class_token: Param::from_data(ones(vec![1, 1, 3]), &device),
        logit_scale: Param::from_data(ones(vec![1]), &device),
    }
    .materialize();
    // With gradients of zero only decay moves a parameter.
    let mut grads = GradientsParams::new();
    model.visit(&mut ZeroGrads(&mut grads));
    let before = norms(&model);
    let mut optimizer = adamw(&model, AdamWOptions { weight_decay: 0.5, ..AdamWOptions::default() });
    let after = norms(&optimizer.step(0.1, model, grads));
    let moved: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a.1 != b.1).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!(moved, ["linear.weight", "table.weight", "class_token"]);
    assert!((after[0].1 / before[0].1 - 0.95).abs() < 1e-5, "{before:?} {after:?}");
}

struct ZeroGrads<'a>(&'a mut GradientsParams);
impl ModuleVisitor for ZeroGrads<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val().inner().zeros_like());
    }
}

fn norms<M: Module>(model: &M) -> Vec<(String, f64)> {
    struct Norms(Vec<String>, Vec<(String, f64)>);
    impl ModuleVisitor for Norms {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let squares: f64 = param.val().into_data().iter::<f32>().map(|x| f64::from(x).powi(2)).sum();
            self.1.push((self.0.join("."), squares.sqrt()));
        }
    }
    let mut norms = Norms(Vec::new(), Vec::new());
    model.visit(&mut norms);
    norms.1
}

/// All gradients of a module, in order.
fn values<M: Module>(model: &M, grads: &GradientsParams) -> Vec<f64> {
    struct Values<'a>(&'a GradientsParams, Vec<f64>);
    impl ModuleVisitor for Values<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.0.get::<D>(param.id) {
                self.1.extend(grad.into_data().iter::<f32>().map(f64::from));
            }
        }
    }
    let mut values = Values(grads, Vec::new());
    model.visit(&mut values);
    values.1
}

/// Gradients of every rank from 1 to 4, with values that depend on their place.
fn some_gradients(model: &impl Module, scale: f64) -> GradientsParams {
    struct Fill<'a>(&'a mut GradientsParams, f64);
    impl ModuleVisitor for Fill<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let dims = param.val().dims();
            let values = wave(dims.iter().product(), |x| self.1 * x.sin());
            let device = param.val().device().inner();
            self.0.register(param.id, Tensor::<D>::from_data(TensorData::new(values, dims), &device));
        }
    }
    let mut grads = GradientsParams::new();
    model.visit(&mut Fill(&mut grads, scale));
    grads
}

#[test]
fn clipping_equals_the_formula_of_pytorch_on_the_host() {
    let model = toy();
    for (scale, max_norm) in [(1.0, 0.5), (1.0, 1e-3), (1.0, 1e6), (1e-4, 1.0), (30.0, 1.0), (0.0, 1.0)] {
        let mut grads = some_gradients(&model, scale);
        let before = values(&model, &grads);
        let norm = clip_global_norm(&model, &mut grads, max_norm).unwrap().into_scalar::<f32>();
        let host = before.iter().map(|g| g * g).sum::<f64>().sqrt();
        // Relative: f32 sums of a few hundred squares.
        assert!((f64::from(norm) - host).abs() <= 1e-5 * host, "{norm} is not {host}");
        let factor = (max_norm / (host + 1e-6)).min(1.0);
        let after = values(&model, &grads);
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(&after) {
            assert!(
                (before * factor - after).abs() <= 1e-5 * (before * factor).abs(),
                "{before} * {factor} is not {after}"
            );
        }
    }
}

/// Gradients of one parameter of two by two.
fn clipped(values: [f32; 4], max_norm: f64) -> (f32, Vec<f32>) {
    let device = device();
    let one = Param::from_data(TensorData::zeros::<f32, _>([2, 2]), &device);
    let model = Tied { other: one.clone(), one };
    let mut grads = GradientsParams::new();
    grads.register(model.one.id, Tensor::<2>::from_data(TensorData::new(values.to_vec(), [2, 2]), &device.inner()));
    let norm = clip_global_norm(&model, &mut grads, max_norm).unwrap().into_scalar::<f32>();
    (norm, grads.get::<2>(model.one.id).unwrap().into_data().iter::<f32>().collect())
}

#[test]
fn every_finite_gradient_is_scaled_rightly() {
    for exponent in (-40..=37).step_by(7).chain([18, 19, 20, 38]) {
        let size = 10f64.powi(exponent);
        let values = [3.0, 4.0, 0.0, -12.0].map(|x| (x * size / 13.0) as f32);
        let host = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        for max_norm in [1e-3, 0.5, 30.0] {
            let (norm, after) = clipped(values, max_norm);
            // Below 1e-38 f32 has fewer digits.
            assert!((f64::from(norm) - host).abs() <= 1e-6 * host + 1e-44, "1e{exponent}: {norm} is not {host}");
            let factor = (max_norm / (host + 1e-6)).min(1.0);
            for (&before, after) in values.iter().zip(after) {
                let (expected, after) = (f64::from(before) * factor, f64::from(after));
                // Nor have factors of some 1e-38, on norms of 1e38.
                let relative = if host > 1e37 { 2e-4 } else { 1e-5 };
                assert!(
                    (after - expected).abs() <= relative * expected.abs() + 1e-44,
                    "1e{exponent}: {after}, not {expected}"
                );
            }
        }
    }
    // The others do not vanish beside a large one.
    let (norm, after) = clipped([1e20, 1.0, 0.0, 0.0], 2.0);
    assert_eq!(norm, 1e20);
    assert!((after[0] - 2.0).abs() < 1e-5 && (after[1] / 2e-20 - 1.0).abs() < 1e-5, "{after:?}");
    // A norm beyond f32 is infinite, which the gate does not let pass.
    assert_eq!(clipped([3e38; 4], 1.0).0, f32::INFINITY);
}

#[test]
fn what_is_not_finite_has_no_finite_norm() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for max_norm in [1.0, f64::INFINITY] {
            assert!(!clipped([1.0, bad, 0.0, 2.0], max_norm).0.is_finite(), "{bad}");
        }
    }
    for max_norm in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-60] {
        let (norm, after) = clipped([1.0, 2.0, 0.0, 2.0], max_norm);
        assert!(norm.is_nan() && after == [1.0, 2.0, 0.0, 2.0], "{max_norm}: {norm}, {after:?}");
    }
}

#[test]
fn an_infinite_bound_measures_and_changes_nothing() {
    let model = toy();
    let mut grads = some_gradients(&model, 3.0);
    let before = values(&model, &grads);
    assert!(clip_global_norm(&model, &mut grads, f64::INFINITY).unwrap().into_scalar::<f32>() > 0.0);
    assert_eq!(values(&model, &grads), before);
}

#[test]
fn a_module_without_gradients_has_no_norm() {
    assert!(clip_global_norm(&toy(), &mut GradientsParams::new(), 1.0).is_none());
}

#[derive(Module, Debug)]
struct Tied {
    one: Param<Tensor<2>>,
    other: Param<Tensor<2>>,
}

#[test]
fn a_shared_parameter_is_counted_and_scaled_once() {
    let device = device();
    let one = Param::from_data(TensorData::ones::<f32, _>([2, 2]), &device);
    let model = Tied { other: one.clone(), one };
    let mut grads = GradientsParams::new();
    grads.register(model.one.id, Tensor::<2>::ones([2, 2], &device.inner()) * 3.0);
    let norm = clip_global_norm(&model, &mut grads, 3.0).unwrap().into_scalar::<f32>();
    assert_eq!(norm, 6.0);
    let clipped = grads.get::<2>(model.one.id).unwrap().into_data();
    assert!(clipped.iter::<f32>().all(|g| (g - 1.5).abs() < 1e-5), "{clipped}");
}

#[test]
fn the_norm_of_a_large_gradient_is_the_same_every_time() {
    // Beyond a few million elements a full sum on the CPU depends on the order in which threads finish.
    let device = device();
    let model = Tied {
        one: Param::from_data(TensorData::zeros::<f32, _>([3000, 1700]), &device),
        other: Param::from_data(TensorData::zeros::<f32, _>([2, 2]), &device),
    };
    let mut norms = std::collections::BTreeSet::new();
    let gradient = Tensor::<2>::random([3000, 1700], burn::tensor::Distribution::Default, &device.inner());
    for _ in 0..20 {
        let mut grads = GradientsParams::new();
        grads.register(model.one.id, gradient.clone());
        norms.insert(clip_global_norm(&model, &mut grads, 1.0).unwrap().into_scalar::<f32>().to_bits());
    }
    assert_eq!(norms.len(), 1, "{norms:?}");
}
