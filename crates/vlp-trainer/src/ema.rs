use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use crate::{TrainError, settle};

/// A moving average of a method's parameters, for evaluation: `a <- d a + (1 - d) p` after each update, with
/// `d = min(decay, (1 + n) / (10 + n))` after `n` updates (timm's and TensorFlow's warm-up). What has no gradient, running
/// statistics for example, is copied.
///
/// It is no teacher: nothing learns from it, and the run itself goes on from the parameters as they are.
pub(crate) struct Average<M> {
    pub(crate) method: M,
    decay: f64,
}

impl<M: Module> Average<M> {
    /// Begins at the parameters of `method`.
    pub(crate) fn of(method: &M, decay: f64) -> Self {
        settle(method);
        let mut copy = Blend { news: collect(method), share: 0.0 };
        Average { method: method.clone().map(&mut copy), decay }
    }

    /// The same from a saved average.
    pub(crate) fn resumed(method: M, decay: f64) -> Self {
        Average { method, decay }
    }

    /// Follows `method` after its update number `updates`, counted from 1.
    pub(crate) fn follow(self, method: &M, updates: u64) -> Self {
        let n = updates as f64;
        let share = self.decay.min((1.0 + n) / (10.0 + n));
        let mut blend = Blend { news: collect(method), share };
        Average { method: self.method.map(&mut blend), decay: self.decay }
    }
}

/// Refuses a decay that no average has.
pub(crate) fn check(decay: f64) -> Result<(), TrainError> {
    if decay > 0.0 && decay < 1.0 { Ok(()) } else { Err(TrainError::EmaDecay { decay }) }
}

impl<M> fmt::Debug for Average<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Average").field("decay", &self.decay).finish_non_exhaustive()
    }
}

/// Each parameter's present value without history, and whether it learns.
fn collect<M: Module>(method: &M) -> HashMap<ParamId, (Box<dyn Any>, bool)> {
    settle(method);
    let mut collect = Collect(HashMap::new());
    method.visit(&mut collect);
    collect.0
}

struct Collect(HashMap<ParamId, (Box<dyn Any>, bool)>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let learns = tensor.is_require_grad();
        self.0.insert(param.id, (Box::new(tensor.detach()), learns));
    }
}

struct Blend {
    news: HashMap<ParamId, (Box<dyn Any>, bool)>,
    /// Of the average itself.
    share: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((new, learns)) = self.news.remove(&param.id) else { return param };
        let new = *new.downcast::<Tensor<D>>().expect("an average has the shapes of its method");
        let (id, old, mapper) = param.consume();
        let value = match learns && self.share > 0.0 {
            true => (old.detach() * self.share + new * (1.0 - self.share)).detach(),
            false => new,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
