//! open_clip's presets with its own towers: plain CLIP, CLIPA, worldwide CLIP and OpenAI's ResNets.

use crate::{
    Activation, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ModifiedResNetConfig, ProjectionConfig,
    StemConfig, TextPooling, TextTransformerConfig, VitConfig,
};

/// Ending of the presets that use [`Activation::QuickGelu`] in place of exact GELU.
const QUICK: &str = "-quickgelu";

/// What the text tower of a preset reads.
#[derive(Clone, Copy)]
enum Text {
    /// CLIP's vocabulary.
    Clip,
    /// CLIPA's: 32,000 entries, 32 tokens, both ways, the last position pooled.
    Clipa,
    /// A multilingual vocabulary: its size and end of text.
    Worldwide(usize, u32),
}

/// Image size, patch, image width, depth, head width, MLP ratio; embedding, text width, text depth, text.
type Vit = (usize, usize, usize, usize, usize, f64, usize, usize, usize, Text);

/// XLM-RoBERTa's vocabulary with an end of text that its tokenizer gives id 2.
const XLM_V: Text = Text::Worldwide(901_629, 2);
/// mT5's.
const MT5: Text = Text::Worldwide(250_100, 1);

#[rustfmt::skip]
const VITS: &[(&str, bool, Vit)] = &[
    // name, has a -quickgelu twin, sizes
    ("ViT-S-32", false, (224, 32, 384, 12, 64, 4.0, 384, 384, 12, Text::Clip)),
    ("ViT-S-32-alt", false, (224, 32, 384, 12, 64, 4.0, 256, 256, 10, Text::Clip)),
    ("ViT-S-16", false, (224, 16, 384, 12, 64, 4.0, 384, 384, 12, Text::Clip)),
    ("ViT-S-16-alt", false, (224, 16, 384, 12, 64, 4.0, 256, 256, 10, Text::Clip)),
    ("ViT-M-32", false, (224, 32, 512, 12, 64, 4.0, 512, 512, 12, Text::Clip)),
    ("ViT-M-32-alt", false, (224, 32, 512, 12, 64, 4.0, 384, 384, 12, Text::Clip)),
    ("ViT-M-16", false, (224, 16, 512, 12, 64, 4.0, 512, 512, 12, Text::Clip)),
    ("ViT-M-16-alt", false, (224, 16, 512, 12, 64, 4.0, 384, 384, 12, Text::Clip)),
    ("ViT-B-32", true, (224, 32, 768, 12, 64, 4.0, 512, 512, 12, Text::Clip)),
    ("ViT-B-32-256", false, (256, 32, 768, 12, 64, 4.0, 512, 512, 12, Text::Clip)),
    ("ViT-B-32-plus-256", false, (256, 32, 896, 12, 64, 4.0, 640, 640, 12, Text::Clip)),
    ("ViT-B-16", true, (224, 16, 768, 12, 64, 4.0, 512, 512, 12, Text::Clip)),
    ("ViT-B-16-plus", false, (224, 16, 896, 12, 64, 4.0, 640, 640, 12, Text::Clip)),
    ("ViT-B-16-plus-240", false, (240, 16, 896, 12, 64, 4.0, 640, 640, 12, Text::Clip)),
    ("ViT-L-16", false, (224, 16, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clip)),
    ("ViT-L-16-320", false, (320, 16, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clip)),
    ("ViT-L-14", true, (224, 14, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clip)),
    ("ViT-L-14-280", false, (280, 14, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clip)),
    ("ViT-L-14-336", true, (336, 14, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clip)),
    ("ViT-L-14-CLIPA", false, (224, 14, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clipa)),
    ("ViT-L-14-CLIPA-336", false, (336, 14, 1024, 24, 64, 4.0, 768, 768, 12, Text::Clipa)),
    ("ViT-L-14-worldwide", true, (224, 14, 1024, 24, 64, 4.0, 768, 768, 12, MT5)),
    ("ViT-H-16", false, (224, 16, 1280, 32, 80, 4.0, 1024, 1024, 24, Text::Clip)),
    ("ViT-H-14", true, (224, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, Text::Clip)),
    ("ViT-H-14-378", true, (378, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, Text::Clip)),
    ("ViT-H-14-CLIPA", false, (224, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, Text::Clipa)),
    ("ViT-H-14-CLIPA-336", false, (336, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, Text::Clipa)),
    ("ViT-H-14-worldwide", true, (224, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, XLM_V)),
    ("ViT-H-14-worldwide-378", false, (378, 14, 1280, 32, 80, 4.0, 1024, 1024, 24, XLM_V)),
    ("ViT-g-14", false, (224, 14, 1408, 40, 88, 4.3637, 1024, 1024, 24, Text::Clip)),
    ("ViT-bigG-14", true, (224, 14, 1664, 48, 104, 4.9231, 1280, 1280, 32, Text::Clip)),
    ("ViT-bigG-14-CLIPA", false, (224, 14, 1664, 48, 104, 4.9231, 1280, 1280, 32, Text::Clipa)),
    ("ViT-bigG-14-CLIPA-336", false, (336, 14, 1664, 48, 104, 4.9231, 1280, 1280, 32, Text::Clipa)),
    ("ViT-bigG-14-worldwide", false, (224, 14, 1664, 48, 104, 4.9231, 1280, 1280, 32, XLM_V)),
    ("ViT-bigG-14-worldwide-378", false, (378, 14, 1664, 48, 104, 4.9231, 1280, 1280, 32, XLM_V)),
    ("ViT-e-14", false, (224, 14, 1792, 56, 112, 8.5715, 1280, 1280, 36, Text::Clip)),
];

/// Image size, blocks, width, embedding, text width.
type ResNet = (usize, [usize; 4], usize, usize, usize);

/// All have a `-quickgelu` twin, which changes the text tower only.
#[rustfmt::skip]
const RESNETS: &[(&str, ResNet)] = &[
    ("RN50", (224, [3, 4, 6, 3], 64, 1024, 512)),
    ("RN101", (224, [3, 4, 23, 3], 64, 512, 512)),
    ("RN50x4", (288, [4, 6, 10, 6], 80, 640, 640)),
    ("RN50x16", (384, [6, 8, 18, 8], 96, 768, 768)),
    ("RN50x64", (448, [3, 15, 36, 10], 128, 1024, 1024)),
];

pub(super) fn names() -> impl Iterator<Item = String> {
    let vits = VITS.iter().map(|(name, quick, _)| (*name, *quick));
    let all = vits.chain(RESNETS.iter().map(|(name, _)| (*name, true)));
    all.flat_map(|(name, quick)| [Some(name.to_string()), quick.then(|| format!("{name}{QUICK}"))]).flatten()
}

pub(super) fn find(name: &str) -> Option<DualEncoderConfig> {
    let (base, activation) = match name.strip_suffix(QUICK) {
        Some(base) => (base, Activation::QuickGelu),
        None => (name, Activation::Gelu),
    };
    if let Some((_, sizes)) = RESNETS.iter().find(|(known, _)| *known == base) {
        return Some(resnet(*sizes, activation));
    }
    let (_, _, sizes) =
        VITS.iter().find(|(known, quick, _)| *known == base && (*quick || activation == Activation::Gelu))?;
    let layer_scale = (base == "ViT-M-16-alt").then_some(1e-4);
    Some(vit(*sizes, activation, layer_scale))
}

fn vit(sizes: Vit, activation: Activation, layer_scale: Option<f64>) -> DualEncoderConfig {
    let (image_size, patch, width, depth, head_width, mlp_ratio, embed_dim, text_width, text_depth, kind) = sizes;
    let clipa = matches!(kind, Text::Clipa);
    let image = VitConfig {
        image_size,
        stem: StemConfig::Patch { size: patch },
        width,
        depth,
        heads: width / head_width,
        mlp_ratio,
        activation,
        layer_scale,
        pre_norm: !clipa,
        pooling: if clipa { ImagePooling::PatchMean } else { ImagePooling::Class },
        norm_after_pool: clipa,
        ..VitConfig::open_clip()
    };
    DualEncoderConfig {
        embed_dim,
        image: AnyImageEncoderConfig::Vit(image),
        text: text(text_width, text_depth, activation, kind),
        image_head: ProjectionConfig::Linear,
        text_head: ProjectionConfig::Linear,
    }
}

fn resnet(sizes: ResNet, activation: Activation) -> DualEncoderConfig {
    let (image_size, layers, width, output, text_width) = sizes;
    let image = ModifiedResNetConfig { image_size, layers, width, heads: 32 * width / 64, output };
    DualEncoderConfig {
        embed_dim: output,
        image: AnyImageEncoderConfig::ModifiedResNet(image),
        text: text(text_width, 12, activation, Text::Clip),
        image_head: ProjectionConfig::Identity,
        text_head: ProjectionConfig::Linear,
    }
}

fn text(width: usize, depth: usize, activation: Activation, kind: Text) -> TextTransformerConfig {
    let clip = TextTransformerConfig { width, depth, heads: width / 64, activation, ..Default::default() };
    match kind {
        Text::Clip => clip,
        Text::Clipa => TextTransformerConfig {
            vocab_size: 32_000,
            context_length: 32,
            causal: false,
            pooling: TextPooling::Last,
            ..clip
        },
        Text::Worldwide(vocab_size, end) => {
            TextTransformerConfig { vocab_size, pooling: TextPooling::Eot(end), ..clip }
        }
    }
}
