use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Bool, Device, Tensor};

use crate::layers::{linear, normal, over_rows, uniform_fan_in};
use crate::{Activation, EncoderError, SelfAttention};

/// What one transformer is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerConfig {
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; must divide `width`.
    pub heads: usize,
    /// Width of the MLP over `width`.
    pub mlp_ratio: f64,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
    /// Probability of dropping an element of the residual stream at the entrance of every block.
    pub dropout: f64,
    /// How weights start.
    pub init: TransformerInit,
}

/// How the weights of a transformer start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransformerInit {
    /// timm's ViT: every linear weight N(0, 0.02) (its cut at ±2 never bites), biases zero.
    Vit,
    /// OpenAI's CLIP: standard deviations from width and depth, attention biases zero, MLP biases as in PyTorch.
    Clip,
}

/// One pre-norm block: `x += attention(norm_1 x); x += mlp(norm_2 x)`.
#[derive(Module, Debug)]
pub struct Block {
    /// Before the attention.
    pub norm_1: LayerNorm,
    /// Self-attention.
    pub attention: SelfAttention,
    /// Before the MLP.
    pub norm_2: LayerNorm,
    /// First layer of the MLP.
    pub fc_1: Linear,
    /// Second layer of the MLP.
    pub fc_2: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Block {
    fn new(config: &TransformerConfig, device: &Device) -> Self {
        let (width, hidden) = (config.width, (config.width as f64 * config.mlp_ratio) as usize);
        let (qkv, out, fc_1, fc_2, bias_1, bias_2) = match config.init {
            TransformerInit::Vit => {
                let weight = normal(0.02);
                (weight.clone(), weight.clone(), weight.clone(), weight, Initializer::Zeros, Initializer::Zeros)
            }
            TransformerInit::Clip => {
                let attention = (width as f64).powf(-0.5);
                let projection = attention * (2.0 * config.depth as f64).powf(-0.5);
                let inner = (2.0 * width as f64).powf(-0.5);
                let (bias_1, bias_2) = (uniform_fan_in(width), uniform_fan_in(hidden));
                (normal(attention), normal(projection), normal(inner), normal(projection), bias_1, bias_2)
            }
        };
        let norm = LayerNormConfig::new(width).with_epsilon(config.norm_eps);
        let zeros = Initializer::Zeros;
        Block {
            norm_1: norm.init(device),
            attention: SelfAttention::new(width, config.heads, (qkv, zeros.clone()), (out, zeros), device),
            norm_2: norm.init(device),
            fc_1: linear([width, hidden], fc_1, Some(bias_1), device),
            fc_2: linear([hidden, width], fc_2, Some(bias_2), device),
            activation: config.activation,
        }
    }

    /// # Shapes
    /// - x and result: `[batch, length, width]`
    /// - mask: `[length, length]`, true where a query must not see a key
    pub fn forward(&self, x: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let x = x.clone() + self.attention.forward(self.norm_1.forward(x), mask);
        let hidden = self.activation.forward(over_rows(&self.fc_1, self.norm_2.forward(x.clone())));
        x + over_rows(&self.fc_2, hidden)
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
    /// Builds the blocks.
    ///
    /// # Errors
    /// When a size is zero, `heads` does not divide `width` or the dropout probability is not in `[0, 1)`.
    pub fn init(&self, device: &Device) -> Result<Transformer, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("transformer", problem));
        if self.width == 0 || self.depth == 0 || self.heads == 0 {
            let TransformerConfig { width, depth, heads, .. } = self;
            return refuse(format!("width {width}, depth {depth} and heads {heads} must all be at least 1"));
        }
        if !self.width.is_multiple_of(self.heads) {
            return refuse(format!("{} heads do not divide the width {}", self.heads, self.width));
        }
        if !(self.mlp_ratio.is_finite() && self.mlp_ratio * self.width as f64 >= 1.0) {
            return refuse(format!("mlp_ratio {} leaves the MLP no unit", self.mlp_ratio));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(format!("dropout {} is not in [0, 1)", self.dropout));
        }
        let blocks = (0..self.depth).map(|_| Block::new(self, device)).collect();
        Ok(Transformer { blocks, dropout: DropoutConfig::new(self.dropout).init() })
    }
}

impl Transformer {
    /// Runs all blocks. With `drop`, dropout hits the residual stream at the entrance of every block (so `depth` times,
    /// as in clip-rocket's strong texts) while the device tracks gradients.
    ///
    /// # Shapes
    /// - x and result: `[batch, length, width]`
    /// - mask: `[length, length]`, true where a query must not see a key
    pub fn forward(&self, mut x: Tensor<3>, mask: Option<Tensor<2, Bool>>, drop: bool) -> Tensor<3> {
        for block in &self.blocks {
            if drop {
                x = self.dropout.forward(x);
            }
            x = block.forward(x, mask.clone());
        }
        x
    }
}
