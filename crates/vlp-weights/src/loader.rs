use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType as BurnType, Tensor, TensorData};

use crate::StateDict;
use crate::error::KeyProblems;
use crate::names::Lie;

/// Gives every parameter the tensor that lies under its name.
pub(crate) struct Loader<F> {
    path: Vec<String>,
    names: F,
    weights: StateDict,
    problems: KeyProblems,
}

impl<F: Fn(&str) -> Option<(String, Lie)>> Loader<F> {
    /// Gives a module these weights, as 32-bit floats, by the names of its parameters. Returns it with what no parameter took
    /// and what did not fit.
    pub(crate) fn load<M: Module>(module: M, weights: StateDict, names: F) -> (M, StateDict, KeyProblems) {
        let mut loader = Loader { path: Vec::new(), names, weights, problems: KeyProblems::default() };
        let module = module.map(&mut loader);
        (module, loader.weights, loader.problems)
    }
}

impl<F: Fn(&str) -> Option<(String, Lie)>> ModuleMapper for Loader<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let Some((name, lie)) = (self.names)(&path) else {
            self.problems.missing.push(format!("a name for {path}"));
            return param;
        };
        let Some(tensor) = self.weights.remove(&name) else {
            self.problems.missing.push(name);
            return param;
        };
        let (shape, found) = (param.lazy_shape(), tensor.shape().to_vec());
        let values = match lie {
            Lie::Same => Some(tensor),
            Lie::Transposed => tensor.rows().and_then(|rows| rows.transpose()),
        }
        .filter(|tensor| fits(tensor.shape(), &shape.to_vec()))
        .and_then(|tensor| tensor.to_f32());
        let Some(values) = values else {
            self.problems.shapes.push(format!("{name} {found:?}, the module has {shape:?}"));
            return param;
        };
        let (id, device) = (param.id, param.lazy_device());
        let loaded = Tensor::from_data(TensorData::new(values, shape), (&device, BurnType::F32));
        param.transform_for_load(loaded, id)
    }
}

/// The same sides, axes of length one apart.
fn fits(found: &[usize], wanted: &[usize]) -> bool {
    let sides = |shape: &[usize]| shape.iter().copied().filter(|side| *side != 1).collect::<Vec<_>>();
    sides(found) == sides(wanted)
}
