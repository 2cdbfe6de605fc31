use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::ImageEncoder;

use crate::block::TransformerInit;
use crate::layers::normal;
use crate::{Activation, EncoderError, Stem, StemConfig, Transformer, TransformerConfig};

/// How a vision transformer's tokens become one vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePooling {
    /// The class token after the last layer normalisation.
    #[default]
    Class,
    /// The mean over the patch tokens after the last layer normalisation; there is no class token.
    Mean,
}

/// Configuration of a [`Vit`]; the default is clip-rocket's ViT-S/16 with 12 heads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VitConfig {
    /// Side of the square pictures in pixels.
    pub image_size: usize,
    /// How the picture becomes tokens.
    pub stem: StemConfig,
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the MLP over `width`.
    pub mlp_ratio: f64,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// How tokens become one vector.
    pub pooling: ImagePooling,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
}

impl Default for VitConfig {
    fn default() -> Self {
        VitConfig {
            image_size: 224,
            stem: StemConfig::Patch { size: 16 },
            width: 384,
            depth: 12,
            heads: 12,
            mlp_ratio: 4.0,
            activation: Activation::Gelu,
            pooling: ImagePooling::Class,
            norm_eps: 1e-6,
        }
    }
}

/// Vision transformer (Dosovitskiy et al. 2021) in timm's dialect: biased stem, learned absolute positions, pre-norm
/// blocks, a last layer normalisation, no normalisation before the first block.
#[derive(Module, Debug)]
pub struct Vit {
    /// Picture to tokens.
    pub stem: Stem,
    /// `[1, 1, width]`, with class pooling.
    pub class_token: Option<Param<Tensor<3>>>,
    /// `[1, tokens, width]`, the class token's first.
    pub positions: Param<Tensor<3>>,
    /// The blocks.
    pub transformer: Transformer,
    /// After the last block.
    pub norm: LayerNorm,
    width: usize,
    image_size: usize,
}

impl VitConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When the stem's stride does not divide the picture, or a size is impossible.
    pub fn init(&self, device: &Device) -> Result<Vit, EncoderError> {
        self.stem.check()?;
        let stride = self.stem.stride();
        if self.image_size == 0 || !self.image_size.is_multiple_of(stride) {
            let problem = format!("image_size {} is not a multiple of the stem's stride {stride}", self.image_size);
            return Err(EncoderError::config("vit", problem));
        }
        let transformer = TransformerConfig {
            width: self.width,
            depth: self.depth,
            heads: self.heads,
            mlp_ratio: self.mlp_ratio,
            activation: self.activation,
            norm_eps: self.norm_eps,
            dropout: 0.0,
            init: TransformerInit::Vit,
        }
        .init(device)?;
        let class_token = (self.pooling == ImagePooling::Class).then(|| normal(1e-6).init([1, 1, self.width], device));
        let tokens = (self.image_size / stride).pow(2) + usize::from(class_token.is_some());
        Ok(Vit {
            stem: self.stem.init(self.width, device),
            class_token,
            positions: normal(0.02).init([1, tokens, self.width], device),
            transformer,
            norm: LayerNormConfig::new(self.width).with_epsilon(self.norm_eps).init(device),
            width: self.width,
            image_size: self.image_size,
        })
    }
}

impl ImageEncoder for Vit {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        let [batch, channels, height, width] = images.dims();
        assert!(
            channels == 3 && height == self.image_size && width == self.image_size,
            "this encoder takes 3 x {0} x {0} pictures, got {channels} x {height} x {width}",
            self.image_size,
        );
        let mut x = self.stem.forward(images);
        if let Some(class_token) = &self.class_token {
            x = Tensor::cat(vec![class_token.val().expand([batch, 1, self.width]), x], 1);
        }
        let x = self.transformer.forward(x + self.positions.val(), None, false);
        match self.class_token {
            Some(_) => self.norm.forward(x.slice([0..batch, 0..1]).reshape([batch, self.width])),
            None => self.norm.forward(x).mean_dim(1).reshape([batch, self.width]),
        }
    }
}
