use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// The float tensors of a module that are not trained, batch-normalisation statistics above all, at one moment.
///
/// A forward pass in training mode updates these statistics before anyone can look at the loss, so a batch that is
/// rejected afterwards has already left its mark. Taken before the pass, this puts them back.
pub struct Buffers {
    tensors: HashMap<ParamId, Box<dyn Any>>,
}

impl Buffers {
    /// Remembers the buffers of `module`. Handles only: no element is copied.
    pub fn of<M: Module>(module: &M) -> Self {
        settle(module);
        let mut collect = Collect { tensors: HashMap::new() };
        module.visit(&mut collect);
        Buffers { tensors: collect.tensors }
    }

    /// `module` with its buffers as they were.
    pub fn restore<M: Module>(self, module: M) -> M {
        settle(&module);
        module.map(&mut PutBack { tensors: self.tensors })
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").field("tensors", &self.tensors.len()).finish()
    }
}

/// Gives lazily initialised parameters their values and makes running statistics visible.
///
/// burn draws a parameter's first value when it is first read: call this right after seeding the device and building a
/// module, before anything else draws. It also keeps the newest update of a running statistic aside until the next forward
/// pass, and visitors, and so records, see the value before it: call this before saving. [`Trainer`](crate::Trainer) does
/// both.
pub fn settle<M: Module>(module: &M) {
    // `valid` reads every parameter and merges pending updates into the shared values.
    let _ = module.valid();
}

struct Collect {
    tensors: HashMap<ParamId, Box<dyn Any>>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if !tensor.is_require_grad() {
            self.tensors.insert(param.id, Box::new(tensor));
        }
    }
}

struct PutBack {
    tensors: HashMap<ParamId, Box<dyn Any>>,
}

impl ModuleMapper for PutBack {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(before) = self.tensors.get(&param.id).and_then(|tensor| tensor.downcast_ref::<Tensor<D>>()) else {
            return param;
        };
        let before = before.clone();
        param.map(|_| before)
    }
}
