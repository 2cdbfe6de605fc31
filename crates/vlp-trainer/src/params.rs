use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor};

/// What identifies one parameter or buffer of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParamInfo {
    /// Names of the modules that hold it and its own, joined with dots.
    pub(crate) path: String,
    /// Its id, by which optimizer state is kept.
    pub(crate) id: u64,
    /// Its shape as records store it.
    pub(crate) shape: Vec<usize>,
    /// Whether gradients reach it.
    pub(crate) trainable: bool,
}

/// Every parameter and buffer of `module`, in the order of its fields.
pub(crate) fn list<M: Module>(module: &M) -> Vec<ParamInfo> {
    let mut visitor = List { path: Vec::new(), params: Vec::new() };
    module.visit(&mut visitor);
    visitor.params
}

struct List {
    path: Vec<String>,
    params: Vec<ParamInfo>,
}

impl List {
    fn push(&mut self, id: u64, shape: Vec<usize>, trainable: bool) {
        self.params.push(ParamInfo { path: self.path.join("."), id, shape, trainable });
    }
}

impl ModuleVisitor for List {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.push(param.id.val(), param.lazy_shape().to_vec(), param.val().is_require_grad());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.push(param.id.val(), param.lazy_shape().to_vec(), false);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.push(param.id.val(), param.lazy_shape().to_vec(), false);
    }
}
