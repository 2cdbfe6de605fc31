//! open_clip's SigLIP and SigLIP 2 presets: timm's vision transformer with attention pooling, a bidirectional text tower.

use crate::{
    Activation, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ProjectionConfig, StemConfig,
    TextTransformerConfig, VitConfig,
};

/// The hidden width of SO400M's MLP over its width, in both towers.
const SO400M_MLP: f64 = 3.7362;

/// Widths and depths of both towers.
#[derive(Clone, Copy)]
enum Size {
    Base,
    Large,
    So400m,
    /// SigLIP 2's giant image tower beside SO400M's text tower.
    GiantOpt,
}

/// What the text tower reads and ends with.
#[derive(Clone, Copy)]
enum Text {
    /// SigLIP: 32,000 entries.
    One,
    /// SigLIP at 224 pixels and patch 14: the same with 16 tokens.
    Short,
    /// SigLIP's multilingual vocabulary.
    Multilingual,
    /// The same without a projection.
    MultilingualPlain,
    /// SigLIP 2: Gemma's vocabulary and the tanh approximation of GELU.
    Two,
}

use Activation::{Gelu, GeluTanh};
use Size::{Base, GiantOpt, Large, So400m};

/// Sizes, patch, image size, the image tower's activation (timm's, which differs between sizes), text.
#[rustfmt::skip]
const MODELS: &[(&str, Size, usize, usize, Activation, Text)] = &[
    ("ViT-B-16-SigLIP", Base, 16, 224, Gelu, Text::One),
    ("ViT-B-16-SigLIP-256", Base, 16, 256, Gelu, Text::One),
    ("ViT-B-16-SigLIP-384", Base, 16, 384, Gelu, Text::One),
    ("ViT-B-16-SigLIP-512", Base, 16, 512, Gelu, Text::One),
    ("ViT-B-16-SigLIP-i18n-256", Base, 16, 256, Gelu, Text::Multilingual),
    ("ViT-B-16-SigLIP2", Base, 16, 224, Gelu, Text::Two),
    ("ViT-B-16-SigLIP2-256", Base, 16, 256, Gelu, Text::Two),
    ("ViT-B-16-SigLIP2-384", Base, 16, 384, Gelu, Text::Two),
    ("ViT-B-16-SigLIP2-512", Base, 16, 512, Gelu, Text::Two),
    ("ViT-B-32-SigLIP2-256", Base, 32, 256, GeluTanh, Text::Two),
    ("ViT-L-16-SigLIP-256", Large, 16, 256, Gelu, Text::One),
    ("ViT-L-16-SigLIP-384", Large, 16, 384, Gelu, Text::One),
    ("ViT-L-16-SigLIP2-256", Large, 16, 256, Gelu, Text::Two),
    ("ViT-L-16-SigLIP2-384", Large, 16, 384, Gelu, Text::Two),
    ("ViT-L-16-SigLIP2-512", Large, 16, 512, GeluTanh, Text::Two),
    ("ViT-SO400M-14-SigLIP", So400m, 14, 224, Gelu, Text::Short),
    ("ViT-SO400M-14-SigLIP-378", So400m, 14, 378, Gelu, Text::One),
    ("ViT-SO400M-14-SigLIP-384", So400m, 14, 384, Gelu, Text::One),
    ("ViT-SO400M-14-SigLIP2", So400m, 14, 224, Gelu, Text::Two),
    ("ViT-SO400M-14-SigLIP2-378", So400m, 14, 378, Gelu, Text::Two),
    ("ViT-SO400M-16-SigLIP-i18n-256", So400m, 16, 256, GeluTanh, Text::MultilingualPlain),
    ("ViT-SO400M-16-SigLIP2-256", So400m, 16, 256, GeluTanh, Text::Two),
    ("ViT-SO400M-16-SigLIP2-384", So400m, 16, 384, GeluTanh, Text::Two),
    ("ViT-SO400M-16-SigLIP2-512", So400m, 16, 512, GeluTanh, Text::Two),
    ("ViT-gopt-16-SigLIP2-256", GiantOpt, 16, 256, GeluTanh, Text::Two),
    ("ViT-gopt-16-SigLIP2-384", GiantOpt, 16, 384, GeluTanh, Text::Two),
];

pub(super) fn names() -> impl Iterator<Item = String> {
    MODELS.iter().map(|model| model.0.to_string())
}

pub(super) fn find(name: &str) -> Option<DualEncoderConfig> {
    let &(_, size, patch, image_size, activation, text) = MODELS.iter().find(|model| model.0 == name)?;
    // Width, depth, heads, MLP ratio.
    let (image, towers) = match size {
        Size::Base => ((768, 12, 12, 4.0), (768, 12, 12, 4.0)),
        Size::Large => ((1024, 24, 16, 4.0), (1024, 24, 16, 4.0)),
        Size::So400m => ((1152, 27, 16, SO400M_MLP), (1152, 27, 16, SO400M_MLP)),
        Size::GiantOpt => ((1536, 40, 16, 4.0), (1152, 27, 16, SO400M_MLP)),
    };
    let (width, depth, heads, mlp_ratio) = image;
    let image = VitConfig {
        image_size,
        stem: StemConfig::Patch { size: patch },
        crop_border: !image_size.is_multiple_of(patch),
        width,
        depth,
        heads,
        mlp_ratio,
        activation,
        pooling: ImagePooling::Map,
        ..VitConfig::default()
    };
    let (vocab_size, context_length, activation) = match text {
        Text::One => (32_000, 64, Gelu),
        Text::Short => (32_000, 16, Gelu),
        Text::Multilingual | Text::MultilingualPlain => (250_000, 64, Gelu),
        Text::Two => (256_000, 64, GeluTanh),
    };
    let (text_width, depth, heads, mlp_ratio) = towers;
    let plain = matches!(text, Text::MultilingualPlain);
    let text = TextTransformerConfig {
        vocab_size,
        context_length,
        width: text_width,
        depth,
        heads,
        mlp_ratio,
        activation,
        ..TextTransformerConfig::siglip()
    };
    Some(DualEncoderConfig {
        embed_dim: width,
        image: AnyImageEncoderConfig::Vit(image),
        text,
        image_head: ProjectionConfig::Identity,
        text_head: if plain { ProjectionConfig::Identity } else { ProjectionConfig::BiasedLinear },
    })
}
