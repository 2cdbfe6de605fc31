//! Cases of the CLIP-rocket family whose loss is CLIP-rocket's plus a term of its own.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Device, Tensor};
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{ClipRocketLossConfig, Reduction};
use vlp_testkit::golden;

/// One case with some of its rows as leaves, by name; views of a list are `name/0`, `name/1`, ...
pub(crate) struct RocketCase {
    json: Value,
    leaves: BTreeMap<String, Tensor<2>>,
}

impl RocketCase {
    /// Rows `rows` of every input.
    pub(crate) fn new(json: &Value, rows: Range<usize>, device: &Device) -> Self {
        let leaf = |value: &Value| golden::matrix(value, device).slice([rows.clone()]).detach().require_grad();
        let mut leaves = BTreeMap::new();
        for (name, value) in json["inputs"].as_object().expect("inputs") {
            if let Some(log) = value.as_f64() {
                leaves.insert(name.clone(), Tensor::from_floats([[log as f32]], device).require_grad());
            } else if value[0][0].is_array() {
                let views = value.as_array().expect("views").iter().enumerate();
                leaves.extend(views.map(|(view, value)| (format!("{name}/{view}"), leaf(value))));
            } else {
                leaves.insert(name.clone(), leaf(value));
            }
        }
        RocketCase { json: json.clone(), leaves }
    }

    pub(crate) fn one(&self, name: &str) -> Tensor<2> {
        self.leaves.get(name).cloned().unwrap_or_else(|| panic!("no input {name}"))
    }

    pub(crate) fn views(&self, name: &str) -> Vec<Tensor<2>> {
        (0..).map_while(|view| self.leaves.get(&format!("{name}/{view}")).cloned()).collect()
    }

    /// CLIP-rocket's part of the loss.
    pub(crate) fn clip_rocket_loss(&self, ctx: &StepContext<'_>) -> Tensor<1> {
        let options = &self.json["case"]["kw"];
        let config = ClipRocketLossConfig {
            label_smoothing: options["label_smoothing"].as_f64().unwrap_or(0.0),
            reduction: if options["loss_avg_or_sum"] == "sum" { Reduction::Sum } else { Reduction::Avg },
            ..Default::default()
        };
        let weak = ["z_image_global", "z_text_global"].map(|name| self.one(name));
        let strong = ["h_image_local", "h_text_local"].map(|name| self.views(name));
        let scales = ["log_scale", "log_h_scale"].map(|name| self.one(name).exp().reshape([1]));
        config.init().unwrap().forward(weak, [&strong[0], &strong[1]], scales, ctx).loss
    }

    /// Value to 1e-5 and all gradients to 1e-4 relative plus 1e-6, as for f32 against f64.
    pub(crate) fn check(&self, what: &str, loss: Tensor<1>, expected: &Value) {
        golden::assert_close(what, loss.clone(), &golden::numbers(&expected["loss"]), 1e-5, 1e-5);
        let gradients = loss.backward();
        for (name, leaf) in &self.leaves {
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
