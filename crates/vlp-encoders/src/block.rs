use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear};
use burn::tensor::{Device, Tensor};

use crate::drop::drop_path_rate;
use crate::layers::{linear, over_rows};
use crate::size::{DEPTH, WIDTH, check_memory, check_sizes};
use crate::{Activation, DropPath, EncoderError, LayerNorm, SelfAttention, TransformerInit};

/// What one transformer is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerConfig {
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; must divide `width`.
    pub heads: usize,
    /// Width of the MLP over `width`; the product is rounded down.
    pub mlp_ratio: f64,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
    /// Where the scale of each branch starts; none: branches are not scaled.
    pub layer_scale: Option<f64>,
    /// Probability of dropping an element of the residual stream at the entrance of every block.
    pub dropout: f64,
    /// Probability of dropping a branch of the last block for one sample; rises linearly from 0 in the first block.
    pub drop_path: f64,
    /// How weights start.
    pub init: TransformerInit,
}

/// One pre-norm block: `x += drop(scale_1 attention(norm_1 x)); x += drop(scale_2 mlp(norm_2 x))`.
#[derive(Module, Debug)]
pub struct Block {
    /// Before the attention.
    pub norm_1: LayerNorm,
    /// Self-attention.
    pub attention: SelfAttention,
    /// LayerScale of the attention, `[width]`.
    pub scale_1: Option<Param<Tensor<1>>>,
    /// Before the MLP.
    pub norm_2: LayerNorm,
    /// First layer of the MLP.
    pub fc_1: Linear,
    /// Second layer of the MLP.
    pub fc_2: Linear,
    /// LayerScale of the MLP, `[width]`.
    pub scale_2: Option<Param<Tensor<1>>>,
    /// Stochastic depth of both branches.
    pub drop_path: DropPath,
    #[module(skip)]
    activation: Activation,
}

impl Block {
    fn new(config: &TransformerConfig, index: usize, device: &Device) -> Self {
        let (width, hidden) = (config.width, config.hidden());
        let init = config.init.block(width, hidden, config.depth);
        let norm = || LayerNorm::new(width, config.norm_eps, device);
        let scale = || config.layer_scale.map(|value| Initializer::Constant { value }.init([width], device));
        Block {
            norm_1: norm(),
            attention: SelfAttention::new(width, config.heads, init.qkv, init.out, device),
            scale_1: scale(),
            norm_2: norm(),
            fc_1: linear([width, hidden], init.fc_1.0, Some(init.fc_1.1), device),
            fc_2: linear([hidden, width], init.fc_2.0, Some(init.fc_2.1), device),
            scale_2: scale(),
            drop_path: DropPath::new(drop_path_rate(config.drop_path, index, config.depth)),
            activation: config.activation,
        }
    }

    /// With `causal`, a token sees only those up to its own position. With `drop`, stochastic depth is active while the device
    /// tracks gradients.
    ///
    /// # Shapes
    /// - x and result: `[batch, length, width]`
    pub fn forward(&self, x: Tensor<3>, causal: bool, drop: bool) -> Tensor<3> {
        let branch = |y: Tensor<3>, scale: &Option<Param<Tensor<1>>>| {
            let y = match scale {
                Some(scale) => {
                    let scale = scale.val().cast(y.dtype());
                    y * scale.unsqueeze::<3>()
                }
                None => y,
            };
            if drop { self.drop_path.forward(y) } else { y }
        };
        let x = x.clone() + branch(self.attention.forward(self.norm_1.forward(x), causal), &self.scale_1);
        let hidden = self.activation.forward(over_rows(&self.fc_1, self.norm_2.forward(x.clone())));
        x + branch(over_rows(&self.fc_2, hidden), &self.scale_2)
    }
}

/// A stack of pre-norm blocks.
#[derive(Module, Debug)]
pub struct Transformer {
    /// The blocks, first to last.
    pub blocks: Vec<Block>,
    dropout: Dropout,
}

impl TransformerConfig {
    pub(crate) fn hidden(&self) -> usize {
        (self.width as f64 * self.mlp_ratio) as usize
    }

    /// Builds the blocks.
    ///
    /// # Errors
    /// When a size is zero, `heads` does not divide `width`, or a probability is not in `[0, 1)`.
    pub fn init(&self, device: &Device) -> Result<Transformer, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("transformer", problem));
        if self.width == 0 || self.depth == 0 || self.heads == 0 {
            let TransformerConfig { width, depth, heads, .. } = self;
            return refuse(format!("width {width}, depth {depth} and heads {heads} must all be at least 1"));
        }
        let sizes = [("width", self.width, WIDTH), ("depth", self.depth, DEPTH), ("MLP", self.hidden(), 4 * WIDTH)];
        check_sizes("transformer", &sizes)?;
        let width = self.width as f64;
        check_memory("transformer", self.depth as f64 * width * (4.0 * width + 2.0 * self.hidden() as f64))?;
        if !self.width.is_multiple_of(self.heads) {
            return refuse(format!("{} heads do not divide the width {}", self.heads, self.width));
        }
        if !self.mlp_ratio.is_finite() || self.hidden() == 0 {
            return refuse(format!("mlp_ratio {} leaves the MLP no unit", self.mlp_ratio));
        }
        // In f32, as it is added.
        if !((self.norm_eps as f32).is_finite() && self.norm_eps as f32 > 0.0) {
            return refuse(format!("norm_eps {} must be positive and finite in f32", self.norm_eps));
        }
        if let Some(value) = self.layer_scale.filter(|value| !value.is_finite()) {
            return refuse(format!("layer_scale {value} is not finite"));
        }
        for (name, value) in [("dropout", self.dropout), ("drop_path", self.drop_path)] {
            if !(0.0..1.0).contains(&value) {
                return refuse(format!("{name} {value} is not in [0, 1)"));
            }
        }
        let blocks = (0..self.depth).map(|index| Block::new(self, index, device)).collect();
        Ok(Transformer { blocks, dropout: DropoutConfig::new(self.dropout).init() })
    }
}

impl Transformer {
    /// Runs all blocks. With `causal`, a token sees only those up to its own position. With `drop`, dropout hits the residual stream at the entrance of every block (so `depth` times,
    /// as in clip-rocket's strong texts) and stochastic depth its branches, while the device tracks gradients.
    ///
    /// # Shapes
    /// - x and result: `[batch, length, width]`
    pub fn forward(&self, mut x: Tensor<3>, causal: bool, drop: bool) -> Tensor<3> {
        for block in &self.blocks {
            if drop {
                x = self.dropout.forward(x);
            }
            x = block.forward(x, causal, drop);
        }
        x
    }
}
