use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layers::{linear, over_rows, uniform_fan_in};
use crate::size::{WIDTH, check_memory, check_sizes};
use crate::{Activation, BatchNorm, EncoderError};

/// What stands behind the last linear layer of an [`MlpHead`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastNorm {
    /// Nothing.
    #[default]
    None,
    /// Batch normalisation with scale and shift.
    Affine,
    /// Batch normalisation without scale and shift.
    Plain,
}

/// Configuration of an [`MlpHead`]. The functions named after methods give their published heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpHeadConfig {
    /// Width behind each linear layer, the output last.
    pub widths: Vec<usize>,
    /// Whether the linear layers in front of the last have a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Whether the last linear layer has a bias.
    #[serde(default = "yes")]
    pub last_bias: bool,
    /// Behind every batch normalisation but the last.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Behind the last linear layer.
    #[serde(default)]
    pub last_norm: LastNorm,
}

fn yes() -> bool {
    true
}

fn relu() -> Activation {
    Activation::Relu
}

impl MlpHeadConfig {
    /// Layers of these widths with biases, batch normalisation and ReLU between them.
    pub fn new(widths: impl Into<Vec<usize>>) -> Self {
        let (activation, last_norm) = (Activation::Relu, LastNorm::None);
        MlpHeadConfig { widths: widths.into(), bias: true, last_bias: true, activation, last_norm }
    }

    /// The same without biases, the last layer included.
    fn without_bias(self) -> Self {
        MlpHeadConfig { bias: false, last_bias: false, ..self }
    }

    /// CLIP-rocket's head for strong views: two hidden layers of 4096.
    pub fn clip_rocket(output: usize) -> Self {
        MlpHeadConfig::new([4096, 4096, output])
    }

    /// SLIP's image head for its SimCLR loss: two hidden layers of 4096, output 256.
    pub fn slip() -> Self {
        MlpHeadConfig::new([4096, 4096, 256])
    }

    /// BarLIP's projector: 3000, 3000, 8192, batch normalisation with scale and shift at the end.
    pub fn barlip() -> Self {
        MlpHeadConfig { last_norm: LastNorm::Affine, ..MlpHeadConfig::new([3000, 3000, 8192]) }
    }

    /// SiamLIP's predictor: 2048, 128, a bias in the last layer only.
    pub fn siamlip_predictor() -> Self {
        MlpHeadConfig { bias: false, ..MlpHeadConfig::new([2048, 128]) }
    }

    /// The head of SwALIP with prototypes: 2048, 128. The vectors are normalised and compared with prototypes by the loss.
    pub fn swalip_v1() -> Self {
        MlpHeadConfig::new([2048, 128])
    }

    /// TWIST's head, the template for nCLIP's: 4096, 4096, 32768, batch normalisation without scale and shift at the end.
    /// TWIST uses ReLU with ResNets and GELU with vision transformers.
    pub fn nclip(activation: Activation) -> Self {
        MlpHeadConfig { activation, last_norm: LastNorm::Plain, ..MlpHeadConfig::new([4096, 4096, 32_768]) }
    }

    /// MoCo v3's projector: hidden 4096, output 256, no biases, batch normalisation without scale and shift at the end; three
    /// layers for vision transformers, two for ResNets.
    pub fn moco_v3_projector(layers: usize) -> Self {
        let mut widths = vec![4096; layers.max(1) - 1];
        widths.push(256);
        MlpHeadConfig { last_norm: LastNorm::Plain, ..MlpHeadConfig::new(widths).without_bias() }
    }

    /// MoCo v3's predictor: 4096, 256, no biases; batch normalisation without scale and shift at the end for vision
    /// transformers, nothing for ResNets.
    pub fn moco_v3_predictor(last_norm: LastNorm) -> Self {
        MlpHeadConfig { last_norm, ..MlpHeadConfig::new([4096, 256]).without_bias() }
    }

    /// A head for vectors of `input` elements.
    ///
    /// # Errors
    /// When there is no layer, or a layer without units.
    pub fn init(&self, input: usize, device: &Device) -> Result<MlpHead, EncoderError> {
        if input == 0 || self.widths.is_empty() || self.widths.contains(&0) {
            let problem = format!("widths {:?} behind {input} columns leave a layer without units", self.widths);
            return Err(EncoderError::config("mlp head", problem));
        }
        self.widths.iter().try_for_each(|&width| check_sizes("mlp head", &[("width", width, 4 * WIDTH)]))?;
        let pairs = std::iter::once(&input).chain(&self.widths).zip(&self.widths);
        check_memory("mlp head", pairs.map(|(&from, &to)| from as f64 * to as f64).sum())?;
        let last = self.widths.len() - 1;
        let inputs = std::iter::once(input).chain(self.widths.iter().copied());
        let layers = inputs.zip(&self.widths).enumerate().map(|(index, (from, &to))| {
            let bias = if index == last { self.last_bias } else { self.bias };
            linear([from, to], uniform_fan_in(from), bias.then(|| uniform_fan_in(from)), device)
        });
        let mut norms: Vec<_> = self.widths[..last].iter().map(|&width| BatchNorm::new(width, device)).collect();
        match self.last_norm {
            LastNorm::None => {}
            LastNorm::Affine => norms.push(BatchNorm::new(self.widths[last], device)),
            LastNorm::Plain => norms.push(BatchNorm::plain(self.widths[last], device)),
        }
        Ok(MlpHead { layers: layers.collect(), norms, activation: self.activation })
    }
}

/// `Linear, BatchNorm, activation, ..., Linear` and, where configured, a last batch normalisation. Linear layers start as in
/// PyTorch.
#[derive(Module, Debug)]
pub struct MlpHead {
    /// The linear layers.
    pub layers: Vec<Linear>,
    /// One behind each linear layer; the last linear layer may have none.
    pub norms: Vec<BatchNorm>,
    #[module(skip)]
    activation: Activation,
}

impl MlpHead {
    /// Projects vectors.
    ///
    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, output]`
    pub fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            x = over_rows(layer, x);
            if let Some(norm) = self.norms.get(index) {
                x = norm.forward(x);
            }
            if index < last {
                x = self.activation.forward(x);
            }
        }
        x
    }
}
