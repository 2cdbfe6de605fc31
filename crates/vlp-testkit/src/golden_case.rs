//! Golden cases whose inputs are sums of sines: read, run as leaves of a graph, compared with the value and every
//! gradient.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;

use crate::golden;

/// One case: `inputs` as matrices and `scalars` as `[1]`, all of them leaves that ask for a gradient.
#[derive(Debug)]
pub struct GoldenCase {
    /// What the file calls it.
    pub name: String,
    /// The case as it stands in the file.
    pub json: Value,
    inputs: BTreeMap<String, Tensor<2>>,
    scalars: BTreeMap<String, Tensor<1>>,
}

/// All cases of a golden file of the crate under test, an object with the list `cases`, and how many there must be: a test over
/// cases that are no longer there would pass.
///
/// # Panics
/// When the file is missing, has another form, or other than `count` cases.
pub fn read_cases(manifest_dir: &str, file: &str, count: usize, device: &Device) -> Vec<GoldenCase> {
    let json = golden::read(manifest_dir, file);
    let cases = json["cases"].as_array().unwrap_or_else(|| panic!("{file} has no list `cases`"));
    assert_eq!(cases.len(), count, "{file} has another number of cases");
    cases.iter().map(|case| GoldenCase::new(case.clone(), device)).collect()
}

impl GoldenCase {
    fn new(json: Value, device: &Device) -> Self {
        let object = |key: &str| json[key].as_object().cloned().unwrap_or_default().into_iter();
        let inputs = object("inputs").map(|(name, input)| (name, sines(&input, device).require_grad())).collect();
        let scalar = |value: Value| Tensor::from_floats([value.as_f64().expect("a number") as f32], device);
        let scalars = object("scalars").map(|(name, value)| (name, scalar(value).require_grad())).collect();
        GoldenCase { name: json["name"].as_str().unwrap_or("unnamed").to_string(), inputs, scalars, json }
    }

    /// The input of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn input(&self, name: &str) -> Tensor<2> {
        self.inputs.get(name).cloned().unwrap_or_else(|| panic!("{} has no input {name}", self.name))
    }

    /// The scalar leaf of this name, `[1]`.
    ///
    /// # Panics
    /// When there is none.
    pub fn scalar(&self, name: &str) -> Tensor<1> {
        self.scalars.get(name).cloned().unwrap_or_else(|| panic!("{} has no scalar {name}", self.name))
    }

    /// The parameter of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn param(&self, name: &str) -> f64 {
        self.json["params"][name].as_f64().unwrap_or_else(|| panic!("{} has no parameter {name}", self.name))
    }

    /// Compares the loss, to 1e-5 relative and absolute, and the gradient of every input and scalar, to 1e-4 relative
    /// plus 1e-6; where the file has no gradient, none may arrive.
    ///
    /// # Panics
    /// When something differs by more.
    pub fn check(&self, loss: Tensor<1>) {
        let name = &self.name;
        golden::assert_close(name, loss.clone(), &golden::numbers(&self.json["loss"]), 1e-5, 1e-5);
        let gradients = loss.backward();
        let matrices = self.inputs.iter().map(|(input, leaf)| {
            (input, leaf.grad(&gradients).map(|grad| grad.flatten::<1>(0, 1)), &self.json["grads"][input])
        });
        let scalars = self.scalars.iter();
        let scalars = scalars.map(|(input, leaf)| (input, leaf.grad(&gradients), &self.json["scalar_grads"][input]));
        for (input, actual, expected) in matrices.chain(scalars) {
            match actual {
                Some(grad) if !expected.is_null() => {
                    golden::assert_close(&format!("{name}, d/d {input}"), grad, &golden::numbers(expected), 1e-4, 1e-6);
                }
                grad => {
                    assert!(grad.is_none() && expected.is_null(), "{name}: gradient of {input} on one side only");
                }
            }
        }
    }
}

/// `x_ij = Σ c sin(w (i + 1) (j + 1) + k)` over the terms `[c, w, k]`.
fn sines(input: &Value, device: &Device) -> Tensor<2> {
    let shape: Vec<usize> = golden::numbers(&input["shape"]).into_iter().map(|n| n as usize).collect();
    let terms: Vec<f64> = golden::numbers(&input["terms"]);
    let value = |i: usize, j: usize| {
        let at = ((i + 1) * (j + 1)) as f64;
        terms.chunks(3).map(|term| term[0] * (term[1] * at + term[2]).sin()).sum::<f64>() as f32
    };
    let flat: Vec<f32> =
        (0..shape[0]).flat_map(|i| (0..shape[1]).map(move |j| (i, j))).map(|(i, j)| value(i, j)).collect();
    Tensor::from_data(TensorData::new(flat, shape), device)
}
