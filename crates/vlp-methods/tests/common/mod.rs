//! Encoders too simple to be wrong, and values that are functions of a name, as `peers/methods.py` makes them.
#![allow(dead_code, reason = "each test uses a part")]

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use vlp_core::{ImageEncoder, PairBatch, TextEncoder, TextMode, View};

/// Values of a picture of 3 channels and 2 x 2 pixels.
pub(crate) const PIXELS: usize = 12;
/// Size of the vocabulary.
pub(crate) const WORDS: usize = 7;
/// Tokens of a caption.
pub(crate) const LENGTH: usize = 3;

/// One linear layer on all pixels.
#[derive(Module, Debug)]
pub(crate) struct Pixels {
    linear: Linear,
}

impl Pixels {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Pixels { linear: LinearConfig::new(PIXELS, width).init(device) }
    }
}

impl ImageEncoder for Pixels {
    fn width(&self) -> usize {
        self.linear.weight.dims()[1]
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.linear.forward(images.flatten::<2>(1, 3))
    }
}

/// The mean of word vectors.
#[derive(Module, Debug)]
pub(crate) struct Words {
    table: Embedding,
}

impl Words {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Words { table: EmbeddingConfig::new(WORDS, width).init(device) }
    }
}

impl TextEncoder for Words {
    fn width(&self) -> usize {
        self.table.weight.dims()[1]
    }

    fn encode(&self, tokens: Tensor<2, Int>, _mode: TextMode) -> Tensor<2> {
        self.table.forward(tokens).mean_dim(1).squeeze_dim::<2>(1)
    }
}

/// Numbers in `-1..1` from a linear congruential generator that the name seeds (FNV-1a).
pub(crate) fn uniform(name: &str) -> impl Iterator<Item = f64> + use<> {
    let seed = name.bytes().fold(2_166_136_261, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    std::iter::successors(Some(seed), |state| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
        .skip(1)
        .map(|state| 2.0 * f64::from(state) / 4_294_967_296.0 - 1.0)
}

/// The weak view and `views` strong ones.
pub(crate) fn batch(rows: usize, views: usize, device: &Device) -> PairBatch {
    let view = |name: &str| {
        let pixels = uniform(&format!("{name}.images")).take(rows * PIXELS).map(|x| x as f32).collect();
        let tokens = uniform(&format!("{name}.tokens")).map(|x| ((x + 1.0) / 2.0 * WORDS as f64) as i64);
        View {
            images: Tensor::from_data(TensorData::new(pixels, [rows, 3, 2, 2]), device),
            tokens: Tensor::from_data(TensorData::new(tokens.take(rows * LENGTH).collect(), [rows, LENGTH]), device),
        }
    };
    PairBatch::new(view("weak"), (0..views).map(|number| view(&format!("strong.{number}"))).collect())
}

/// The same with local crops, as large as the other pictures: [`Pixels`] takes one size.
pub(crate) fn batch_with_local(rows: usize, views: usize, local: usize, device: &Device) -> PairBatch {
    let crop = |number: usize| {
        let pixels = uniform(&format!("local.{number}.images")).take(rows * PIXELS).map(|x| x as f32).collect();
        Tensor::from_data(TensorData::new(pixels, [rows, 3, 2, 2]), device)
    };
    PairBatch { local: (0..local).map(crop).collect(), ..batch(rows, views, device) }
}

/// Gives every parameter the values that its path names.
pub(crate) fn fill<M: Module>(module: M) -> M {
    module.map(&mut Filler { path: Vec::new() })
}

struct Filler {
    path: Vec<String>,
}

impl ModuleMapper for Filler {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let (scale, offset) = match self.path.last().map_or("", String::as_str) {
            "log_scale" => (0.0, if path.contains("strong") { 0.7 } else { -0.1 }),
            "gamma" | "running_var" => (0.3, 1.0),
            _ if D == 1 => (0.2, 0.0),
            _ => (0.8, 0.0),
        };
        param.map(|tensor| {
            let shape = tensor.shape();
            let values = uniform(&path).take(shape.num_elements()).map(|x| (x * scale + offset) as f32).collect();
            let filled = Tensor::from_data(TensorData::new(values, shape), &tensor.device());
            filled.set_require_grad(tensor.is_require_grad())
        })
    }
}

/// Calls a function with the path and the tensor of every parameter and running statistic.
pub(crate) fn visit<M: Module>(module: &M, look: impl FnMut(&str, Tensor<1>, bool)) {
    module.visit(&mut Visitor { path: Vec::new(), look });
}

struct Visitor<F> {
    path: Vec<String>,
    look: F,
}

impl<F: FnMut(&str, Tensor<1>, bool)> ModuleVisitor for Visitor<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let learns = tensor.is_require_grad();
        (self.look)(&self.path.join("."), tensor.inner().reshape([-1]), learns);
    }
}

/// All elements.
pub(crate) fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as().expect("f32 data")
}
