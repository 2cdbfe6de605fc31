//! Golden cases that say what each of several ranks gets: inputs by name, of which a rank has some rows.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Device, Tensor};
use serde_json::Value;

use crate::golden;

/// One case with some of its rows; views of a list are `name/0`, `name/1`, ..., scalars `[1, 1]`.
#[derive(Debug, Clone)]
pub struct RankCase {
    /// The case as it stands in the file.
    pub json: Value,
    inputs: BTreeMap<String, Tensor<2>>,
}

impl RankCase {
    /// Rows `rows` of every input as leaves.
    ///
    /// # Panics
    /// When the case has no `inputs` or they are no numbers.
    pub fn new(json: &Value, rows: Range<usize>, device: &Device) -> Self {
        let leaf = |value: &Value| golden::matrix(value, device).slice([rows.clone()]).detach().require_grad();
        let mut inputs = BTreeMap::new();
        for (name, value) in json["inputs"].as_object().expect("inputs") {
            if value.is_null() {
                continue;
            }
            if let Some(scalar) = value.as_f64() {
                inputs.insert(name.clone(), Tensor::from_floats([[scalar as f32]], device).require_grad());
            } else if value[0][0].is_array() {
                let views = value.as_array().expect("views").iter().enumerate();
                inputs.extend(views.map(|(view, value)| (format!("{name}/{view}"), leaf(value))));
            } else {
                inputs.insert(name.clone(), leaf(value));
            }
        }
        RankCase { json: json.clone(), inputs }
    }

    /// The same with rows `rows` of these rows, which are no leaves; scalars stay.
    pub fn share(&self, rows: Range<usize>) -> Self {
        let share = |(name, input): (&String, &Tensor<2>)| {
            let scalar = self.json["inputs"][name].is_number();
            (name.clone(), if scalar { input.clone() } else { input.clone().slice([rows.clone()]) })
        };
        RankCase { json: self.json.clone(), inputs: self.inputs.iter().map(share).collect() }
    }

    /// The input of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<Tensor<2>> {
        self.inputs.get(name).cloned()
    }

    /// The input of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn one(&self, name: &str) -> Tensor<2> {
        self.get(name).unwrap_or_else(|| panic!("no input {name}"))
    }

    /// The views of this name.
    pub fn views(&self, name: &str) -> Vec<Tensor<2>> {
        (0..).map_while(|view| self.get(&format!("{name}/{view}"))).collect()
    }

    /// The exponential of a scalar, `[1]`: scales are stored as logarithms.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn scale(&self, log: &str) -> Tensor<1> {
        self.one(log).exp().reshape([1])
    }

    /// Compares the loss, to 1e-5 relative and absolute, and the gradient of every input, to 1e-4 relative plus 1e-6, as
    /// for f32 against f64; where `expected` has no gradient, none may arrive.
    ///
    /// # Panics
    /// When something differs by more.
    pub fn check(&self, what: &str, loss: Tensor<1>, expected: &Value) {
        golden::assert_close(what, loss.clone(), &golden::numbers(&expected["loss"]), 1e-5, 1e-5);
        let gradients = loss.backward();
        for (name, leaf) in &self.inputs {
            let expected = expected["grads"].pointer(&format!("/{name}")).unwrap_or(&Value::Null);
            match leaf.grad(&gradients) {
                Some(grad) if !expected.is_null() => {
                    golden::assert_close(&format!("{what} d/d {name}"), grad, &golden::numbers(expected), 1e-4, 1e-6);
                }
                grad => assert!(grad.is_none() && expected.is_null(), "{what}: gradient of {name} on one side only"),
            }
        }
    }
}
