use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Number of a module's parameters as PyTorch counts them: running statistics of batch normalisation are none.
///
/// It reads shapes only, so a model that has not been used yet allocates nothing for it.
pub fn parameter_count<M: Module>(module: &M) -> usize {
    let mut counter = Counter { total: 0, in_running_statistics: false };
    module.visit(&mut counter);
    counter.total
}

struct Counter {
    total: usize,
    in_running_statistics: bool,
}

impl ModuleVisitor for Counter {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.in_running_statistics = matches!(name, "running_mean" | "running_var");
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.in_running_statistics = false;
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.in_running_statistics {
            self.total += param.lazy_shape().num_elements();
        }
    }
}
