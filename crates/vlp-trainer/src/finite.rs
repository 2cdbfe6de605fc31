//! Whether the tensors of a module hold finite numbers only.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::TrainError;
use crate::buffers::settle;

/// Which tensors of a module are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that no gradient reaches.
    Buffers,
    /// All.
    All,
}

/// 0 if all of them are finite and NaN if not, `[1]`, on the device; none where there are none.
pub(crate) fn health<M: Module>(module: &M, which: Which) -> Option<Tensor<1>> {
    let (_, health) = collect(module, which);
    (!health.is_empty()).then(|| Tensor::cat(health, 0).sum())
}

/// The first of them that is not finite; waits for the device.
///
/// # Errors
/// [`TrainError::Device`] when the device failed since the last transfer.
pub(crate) fn first_fault<M: Module>(module: &M, which: Which) -> Result<Option<String>, TrainError> {
    let (paths, health) = collect(module, which);
    if health.is_empty() {
        return Ok(None);
    }
    let device = |error: String| TrainError::Device { reason: error };
    let data = Tensor::cat(health, 0).try_into_data().map_err(|error| device(format!("{error:?}")))?;
    let values: Vec<f32> = data.try_into_vec_as().map_err(|error| device(format!("{error:?}")))?;
    Ok(values.into_iter().zip(paths).find(|(value, _)| !value.is_finite()).map(|(_, path)| path))
}

fn collect<M: Module>(module: &M, which: Which) -> (Vec<String>, Vec<Tensor<1>>) {
    // What a forward pass has left pending counts.
    settle(module);
    let mut visitor = Health { which, path: Vec::new(), paths: Vec::new(), health: Vec::new() };
    module.visit(&mut visitor);
    (visitor.paths, visitor.health)
}

struct Health {
    which: Which,
    path: Vec<String>,
    paths: Vec<String>,
    health: Vec<Tensor<1>>,
}

impl ModuleVisitor for Health {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if (self.which == Which::Buffers && tensor.is_require_grad()) || tensor.shape().num_elements() == 0 {
            return;
        }
        // Nothing but what is not finite is anything but 0 times 0.
        let zeros = tensor.without_autodiff().mul_scalar(0.0);
        let width = zeros.dims()[D - 1];
        let rows = zeros.shape().num_elements() / width;
        self.paths.push(self.path.join("."));
        self.health.push(zeros.reshape([rows, width]).sum_dim(1).sum());
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[derive(Module, Debug)]
    struct Parts {
        trained: Param<Tensor<2>>,
        fixed: Param<Tensor<1>>,
        empty: Param<Tensor<1>>,
    }

    fn parts(trained: f32, fixed: f32) -> Parts {
        let device = Device::flex().autodiff();
        Parts {
            trained: Param::from_tensor(Tensor::from_floats([[1.0, trained]], &device)),
            fixed: Param::from_tensor(Tensor::from_floats([0.0, fixed], &device)).set_require_grad(false),
            empty: Param::from_tensor(Tensor::zeros([0], &device)).set_require_grad(false),
        }
    }

    /// `first_fault` of buffers and of all, and whether `health` agrees.
    fn faults(parts: &Parts) -> [Option<String>; 2] {
        [Which::Buffers, Which::All].map(|which| {
            let fault = first_fault(parts, which).unwrap();
            let health = health(parts, which).unwrap().into_scalar::<f32>();
            assert_eq!(health.is_finite(), fault.is_none(), "{which:?}: {health}");
            fault
        })
    }

    #[test]
    fn buffers_are_told_from_what_is_trained() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(faults(&parts(2.0, f32::MAX)), [None, None]);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(faults(&parts(bad, 3.0)), [None, named("trained")]);
            assert_eq!(faults(&parts(2.0, bad)), [named("fixed"), named("fixed")]);
        }
    }
}
