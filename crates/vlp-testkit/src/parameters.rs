//! A module's parameters as data, for comparing two of them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    found: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.insert(self.path.join("."), param.val().into_data());
    }
}

/// Every parameter and running statistic by path.
pub fn parameters(module: &impl Module) -> BTreeMap<String, TensorData> {
    let mut collect = Collect::default();
    module.visit(&mut collect);
    collect.found
}
