use serde::{Deserialize, Serialize};

use crate::size::{CONTEXT, IMAGE, WIDTH, check_memory, check_sizes};
use crate::{Activation, EncoderError, Positions, StemConfig, TransformerInit};

/// How a vision transformer's tokens become one vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePooling {
    /// The class token.
    #[default]
    Class,
    /// The mean over the patch tokens; there is no class token.
    Mean,
    /// The mean over the patch tokens beside a class token, which only attention reads (open_clip's `avg`).
    PatchMean,
    /// SigLIP's attention pooling over all tokens; there is no class token.
    Map,
}

impl ImagePooling {
    pub(crate) fn has_class_token(self) -> bool {
        matches!(self, ImagePooling::Class | ImagePooling::PatchMean)
    }
}

/// Configuration of a [`Vit`](crate::Vit); the default is clip-rocket's ViT-S/16 with 12 heads, in timm's dialect.
///
/// [`open_clip`](Self::open_clip) gives the other dialect; docs/encoders.md lists how they differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VitConfig {
    /// Side of the square pictures in pixels.
    pub image_size: usize,
    /// How the picture becomes tokens.
    pub stem: StemConfig,
    /// Whether the stem's projection has a bias.
    pub stem_bias: bool,
    /// Whether pixels beyond the last whole patch are ignored, as PyTorch's convolution does; otherwise such an
    /// `image_size` is refused. SigLIP's SO400M/14 at 384 pixels needs it.
    pub crop_border: bool,
    /// Whether pictures may have any size that the stem divides: the positions of another grid are interpolated in every pass
    /// (bicubic, antialiased, as timm's `dynamic_img_size` does). The local crops of DINO and SwAV need it.
    #[serde(skip_serializing_if = "is_false")]
    pub dynamic_size: bool,
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the MLP over `width`; the product is rounded down.
    pub mlp_ratio: f64,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// How tokens become one vector.
    pub pooling: ImagePooling,
    /// What tells tokens where they are.
    pub positions: Positions,
    /// Whether class and register tokens have positions too.
    pub prefix_positions: bool,
    /// Register tokens (Darcet et al. 2024): extra tokens that attention may use and pooling ignores.
    pub registers: usize,
    /// Layer normalisation before the first block (CLIP's `ln_pre`).
    pub pre_norm: bool,
    /// Whether the last layer normalisation follows pooling (open_clip's `final_ln_after_pool`, timm's `fc_norm`).
    pub norm_after_pool: bool,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
    /// Where LayerScale starts; none: branches are not scaled.
    pub layer_scale: Option<f64>,
    /// Share of the patches that every sample drops while training.
    pub patch_dropout: f64,
    /// Probability of dropping a branch of the last block for one sample while training; rises linearly from the first.
    pub drop_path: f64,
    /// How weights start.
    pub init: TransformerInit,
}

/// Left out of what is written: runs and checkpoints that do not know the key can so be resumed.
fn is_false(value: &bool) -> bool {
    !value
}

impl Default for VitConfig {
    fn default() -> Self {
        VitConfig {
            image_size: 224,
            stem: StemConfig::Patch { size: 16 },
            stem_bias: true,
            crop_border: false,
            dynamic_size: false,
            width: 384,
            depth: 12,
            heads: 12,
            mlp_ratio: 4.0,
            activation: Activation::Gelu,
            pooling: ImagePooling::Class,
            positions: Positions::Learned,
            prefix_positions: true,
            registers: 0,
            pre_norm: false,
            norm_after_pool: false,
            norm_eps: 1e-6,
            layer_scale: None,
            patch_dropout: 0.0,
            drop_path: 0.0,
            init: TransformerInit::Timm,
        }
    }
}

impl VitConfig {
    /// open_clip's and OpenAI's dialect at the size of ViT-B/32: no bias in the patch embedding, layer normalisation before
    /// the blocks, epsilon 1e-5.
    pub fn open_clip() -> Self {
        VitConfig {
            stem: StemConfig::Patch { size: 32 },
            stem_bias: false,
            width: 768,
            pre_norm: true,
            norm_eps: 1e-5,
            init: TransformerInit::OpenClip,
            ..VitConfig::default()
        }
    }

    /// Number of class and register tokens.
    pub(crate) fn prefix(&self) -> usize {
        usize::from(self.pooling.has_class_token()) + self.registers
    }

    pub(crate) fn check(&self) -> Result<(), EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("vit", problem));
        self.stem.check()?;
        let (sizes, registers) =
            ([("image_size", self.image_size, IMAGE), ("width", self.width, WIDTH)], self.registers);
        check_sizes("vit", &sizes)?;
        check_sizes("vit", &[("registers", registers, CONTEXT)])?;
        let stride = self.stem.stride();
        let whole = self.image_size.is_multiple_of(stride) || self.crop_border;
        if self.image_size < stride || !whole {
            return refuse(format!("image_size {} is not a multiple of the stem's stride {stride}", self.image_size));
        }
        if self.crop_border && matches!(self.stem, StemConfig::Conv { .. }) {
            return refuse("crop_border is for patch stems; a convolutional stem reads every pixel".to_string());
        }
        let tokens = (self.image_size / stride).pow(2) + self.prefix();
        // Learned or computed, positions are a table. A patch is projected from all its pixels.
        let patch = if let StemConfig::Patch { size } = self.stem { 3 * size * size } else { 0 };
        check_memory("vit", (tokens as f64 + patch as f64) * self.width as f64)?;
        if !(0.0..1.0).contains(&self.patch_dropout) {
            return refuse(format!("patch_dropout {} is not in [0, 1)", self.patch_dropout));
        }
        if self.positions != Positions::Learned && !self.width.is_multiple_of(4) {
            return refuse(format!("sines and cosines of two axes need a width divisible by 4, got {}", self.width));
        }
        if self.norm_after_pool && self.pooling == ImagePooling::Map {
            return refuse("norm_after_pool does not go with map pooling, whose last layer is its own".to_string());
        }
        Ok(())
    }
}
