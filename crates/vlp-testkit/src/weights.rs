//! Weights by formula: what the golden files of encoders were computed with, without a file of weights.
//!
//! A [`Formula`] makes the values of a reference tensor from its key and shape; a [`Source`] says which reference tensors a
//! parameter of ours holds and how; [`fill`] writes them, [`gradient_norms`] reads the gradients back by our names.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use serde_json::Value;

/// The two closed forms of golden weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// `a sin(0.7390851 (i + 1) + 0.001 (crc32(key) mod 1000)) + b`.
    Sin,
    /// A linear congruential generator seeded with `crc32(key)`, scaled to the fan-in of matrices and kernels.
    Lcg,
}

impl Formula {
    /// The formula of this name in golden files.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Self {
        match name {
            "sin" => Formula::Sin,
            "lcg" => Formula::Lcg,
            other => panic!("no formula is called {other}"),
        }
    }

    /// Values of the tensor that the reference stores under `key`, row by row.
    pub fn values(self, key: &str, shape: &[usize]) -> Vec<f32> {
        let count: usize = shape.iter().product();
        let (scale, offset) = self.range(key, shape);
        let mut state = crc32(key.as_bytes());
        let phase = f64::from(state % 1000) * 0.001;
        let mut next = |index: usize| match self {
            Formula::Sin => ((index + 1) as f64 * 0.739_085_1 + phase).sin(),
            Formula::Lcg => {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                2.0 * f64::from(state) / 4_294_967_296.0 - 1.0
            }
        };
        (0..count).map(|index| (next(index) * scale + offset) as f32).collect()
    }

    fn range(self, key: &str, shape: &[usize]) -> (f64, f64) {
        let contains = |parts: &[&str]| parts.iter().any(|part| key.contains(part));
        if self == Formula::Lcg && contains(&["pos_embed", "cls_token", "embedding"]) && !key.contains("patch") {
            return (0.5, 0.0);
        }
        if key.ends_with("running_var") {
            (0.2, 1.0)
        } else if key.ends_with("running_mean") {
            (0.1, 0.0)
        } else if shape.len() <= 1 {
            let norm = key.ends_with("weight") && contains(&["ln_", "bn", "norm", "downsample.1", "layrnorm"]);
            if norm { (0.1, 1.0) } else { (0.05, 0.0) }
        } else if self == Formula::Sin {
            (0.12, 0.0)
        } else {
            let fan_in: usize = shape[1..].iter().product();
            let numerator = if shape.len() == 4 { 6.0 } else { 3.0 };
            ((numerator / fan_in as f64).sqrt(), 0.0)
        }
    }
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Which reference tensors a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Keys of the reference; several are joined along their first axis.
    pub keys: Vec<String>,
    /// Rows along the joined first axis that the parameter holds; none: all.
    pub rows: Option<Range<usize>>,
    /// Whether `[out, ...]` there is `[..., out]` here (everything behind the first axis counts as one).
    pub transposed: bool,
}

impl Source {
    /// One tensor with its elements in the same order.
    pub fn same(key: impl Into<String>) -> Self {
        Source { keys: vec![key.into()], rows: None, transposed: false }
    }

    /// One `[out, in]` matrix or kernel that stands transposed here.
    pub fn transposed(key: impl Into<String>) -> Self {
        Source { keys: vec![key.into()], rows: None, transposed: true }
    }

    fn values(&self, formula: Formula, shapes: &BTreeMap<String, Vec<usize>>) -> Vec<f32> {
        let mut rows = 0;
        let mut values = Vec::new();
        for key in &self.keys {
            let shape = shapes.get(key).unwrap_or_else(|| panic!("the reference has no tensor {key}"));
            rows += shape.first().copied().unwrap_or(1);
            values.extend(formula.values(key, shape));
        }
        let columns = values.len() / rows;
        if let Some(part) = &self.rows {
            values = values[part.start * columns..part.end * columns].to_vec();
            rows = part.len();
        }
        if !self.transposed {
            return values;
        }
        (0..columns)
            .flat_map(|column| (0..rows).map(move |row| (row, column)))
            .map(|(r, c)| values[r * columns + c])
            .collect()
    }
}

/// Keys and shapes of a golden file's `keys` or `shapes`.
///
/// # Panics
/// When the value is no object of lists of sizes.
pub fn shapes(value: &Value) -> BTreeMap<String, Vec<usize>> {
    let object = value.as_object().unwrap_or_else(|| panic!("expected keys with shapes, found {value}"));
    let sizes = |value: &Value| crate::golden::numbers(value).into_iter().map(|size| size as usize).collect();
    object.iter().map(|(key, value)| (key.clone(), sizes(value))).collect()
}

/// Fills every parameter and running statistic with what `name` says its path holds.
///
/// # Panics
/// When sizes differ, a key does not exist, or a key of the reference is used by no parameter (those that `ignored` accepts
/// apart).
pub fn fill<M: Module>(
    module: M,
    formula: Formula,
    shapes: &BTreeMap<String, Vec<usize>>,
    name: impl Fn(&str) -> Source,
    ignored: impl Fn(&str) -> bool,
) -> M {
    let mut filler = Filler { path: Vec::new(), formula, shapes, name, used: Vec::new() };
    let module = module.map(&mut filler);
    let unused: Vec<_> = shapes.keys().filter(|key| !filler.used.contains(key) && !ignored(key)).collect();
    assert!(unused.is_empty(), "no parameter holds {unused:?}");
    module
}

struct Filler<'a, F> {
    path: Vec<String>,
    formula: Formula,
    shapes: &'a BTreeMap<String, Vec<usize>>,
    name: F,
    used: Vec<String>,
}

impl<F: Fn(&str) -> Source> ModuleMapper for Filler<'_, F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let source = (self.name)(&path);
        let values = source.values(self.formula, self.shapes);
        self.used.extend(source.keys);
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        assert_eq!(values.len(), shape.num_elements(), "{path}: number of values");
        let filled = Tensor::from_data(TensorData::new(values, shape), &tensor.device());
        Param::from_mapped_value(id, filled.set_require_grad(tensor.is_require_grad()), mapper)
    }
}

/// The Euclidean norm of the gradient of every parameter that has one, by our path.
pub fn gradient_norms<M: Module>(module: &M, gradients: &Gradients) -> BTreeMap<String, f64> {
    let mut reader = NormReader { path: Vec::new(), gradients, norms: BTreeMap::new() };
    module.visit(&mut reader);
    reader.norms
}

struct NormReader<'a> {
    path: Vec<String>,
    gradients: &'a Gradients,
    norms: BTreeMap<String, f64>,
}

impl ModuleVisitor for NormReader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.norms.insert(self.path.join("."), norm(gradient));
        }
    }
}

/// The Euclidean norm of a tensor, summed in f64.
pub fn norm<const D: usize>(tensor: Tensor<D>) -> f64 {
    let values: Vec<f64> = tensor.into_data().convert::<f64>().try_into_vec().expect("f64 data");
    values.into_iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_formula_gives_the_values_printed_with_the_golden_files() {
        assert_eq!(crc32(b"visual.class_embedding"), 3_814_641_108);
        let check = |key: &str, shape: &[usize], expected: &[f64]| {
            for (value, expected) in Formula::Sin.values(key, shape).into_iter().zip(expected) {
                assert!((f64::from(value) - expected).abs() < 1e-7, "{key}: {value} is not {expected}");
            }
        };
        check("visual.class_embedding", &[48], &[0.037467671566, 0.049994091217, 0.036432109806]);
        check("visual.conv1.weight", &[48, 3, 8, 8], &[0.094451393095, 0.119668264577]);
        check("visual.ln_pre.weight", &[48], &[1.082718812918, 1.098988194880]);
    }

    #[test]
    fn joined_matrices_are_transposed_as_one() {
        let shapes = BTreeMap::from([("a".to_string(), vec![1, 2]), ("b".to_string(), vec![1, 2])]);
        let source = Source { keys: vec!["a".to_string(), "b".to_string()], ..Source::transposed("") };
        let [a, b] = ["a", "b"].map(|key| Formula::Lcg.values(key, &[1, 2]));
        assert_eq!(source.values(Formula::Lcg, &shapes), [a[0], b[0], a[1], b[1]]);
        let second = Source { rows: Some(1..2), ..source };
        assert_eq!(second.values(Formula::Lcg, &shapes), b);
    }
}
