//! One training step of every method equals the same step in PyTorch, written from the equations (`peers/methods.py`):
//! the loss, the gradient of every parameter, and what an update changes besides.

mod common;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Gradients, Tensor};
use serde_json::Value;
use vlp_core::{Method, StepContext};
use vlp_methods::AnyMethodConfig;
use vlp_testkit::golden;

use common::{Pixels, Words, batch_with_local, fill, values, visit};

const ROWS: usize = 6;

/// Both sides' numbers of one tensor: f64 there, f32 here, through batch normalisation of six rows. Relative to the largest
/// element, because some gradients vanish but for rounding (a bias in front of a normalisation).
fn assert_near(what: &str, ours: &[f32], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{what}: number of elements");
    let largest = theirs.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    for (index, (&ours, &theirs)) in ours.iter().zip(theirs).enumerate() {
        let difference = (f64::from(ours) - theirs).abs();
        let allowed = 1e-4 * theirs.abs() + 1e-5 * largest + 2e-6;
        assert!(difference <= allowed, "{what}[{index}]: {ours} is not {theirs} within {allowed:e}");
    }
}

fn shapes<M: Module>(method: &M) -> BTreeMap<String, usize> {
    let mut sizes = BTreeMap::new();
    visit(method, |path, tensor, _| {
        sizes.insert(path.to_owned(), tensor.dims()[0]);
    });
    sizes
}

struct Read<'a> {
    path: Vec<String>,
    gradients: &'a Gradients,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Read<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(self.path.join("."), values(gradient.reshape([-1])));
        }
    }
}

fn check(case: &Value, rate: f64, device: &Device) {
    let name = case["name"].as_str().expect("a name");
    let config: AnyMethodConfig = serde_json::from_value(case["config"].clone()).expect(name);
    let [views, local] = ["views", "local"].map(|key| case[key].as_u64().expect("a number") as usize);
    config.check(views).expect(name);
    let method = config.init(Pixels::new(5, device), Words::new(4, device), device).expect(name);
    let method = fill(method.materialize());

    let theirs: BTreeMap<String, usize> = case["parameters"]
        .as_object()
        .expect("parameters")
        .iter()
        .map(|(path, shape)| (path.clone(), golden::numbers(shape).into_iter().product::<f64>() as usize))
        .collect();
    assert_eq!(shapes(&method), theirs, "{name}: parameters");

    let ctx = StepContext::new(0, 0, 10);
    let output = method.objective(method.encode(batch_with_local(ROWS, views, local, device), &ctx), &ctx);
    assert_near(name, &[output.loss.clone().into_scalar()], &golden::numbers(&case["loss"]));

    let gradients = output.loss.backward();
    let mut read = Read { path: Vec::new(), gradients: &gradients, found: BTreeMap::new() };
    method.visit(&mut read);
    let expected = case["gradients"].as_object().expect("gradients");
    let (ours, theirs): (Vec<_>, Vec<_>) = (read.found.keys().collect(), expected.keys().collect());
    assert_eq!(ours, theirs, "{name}: which parameters have a gradient");
    for (path, theirs) in expected {
        assert_near(&format!("{name}, d/d {path}"), &read.found[path], &golden::numbers(theirs));
    }

    let gradients = GradientsParams::from_grads(gradients, &method);
    let method = SgdConfig::new().init().step(rate, method, gradients).after_update(&ctx);
    let mut seen = 0;
    visit(&method, |path, tensor, learns| {
        if let Some(theirs) = case["after"].get(path) {
            assert_near(&format!("{name}, {path} after the update"), &values(tensor), &golden::numbers(theirs));
            seen += 1;
        }
        assert!(!learns || !path.contains(".teacher."), "{name}: {path} learns");
    });
    assert_eq!(seen, case["after"].as_object().expect("after").len(), "{name}: tensors compared after the update");
}

#[test]
fn one_step_of_every_method_equals_pytorchs() {
    let device = Device::flex().autodiff();
    let file = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/methods.json");
    let cases = file["cases"].as_array().expect("cases");
    for case in cases {
        check(case, file["rate"].as_f64().expect("a rate"), &device);
    }
    for name in AnyMethodConfig::NAMES {
        let there = cases.iter().any(|case| case["config"]["name"] == name);
        assert!(there, "{name} has no case");
    }
}
