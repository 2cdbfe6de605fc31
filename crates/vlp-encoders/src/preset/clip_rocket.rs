//! clip-rocket's backbones, and the same and their kin under timm's names, with clip-rocket's text tower and weak heads.

use crate::{
    AnyImageEncoderConfig, ConvNextConfig, DualEncoderConfig, ProjectionConfig, ResNetBlock, ResNetConfig, StemConfig,
    TextTransformerConfig, VitConfig,
};

/// A backbone's sizes.
#[derive(Clone, Copy)]
enum Backbone {
    /// Kind of block, blocks of each stage.
    Resnet(ResNetBlock, [usize; 4]),
    /// Blocks and channels of each stage.
    Convnext([usize; 4], [usize; 4]),
    /// Patch, width, depth, heads.
    Vit(usize, usize, usize, usize),
}

use Backbone::{Convnext, Resnet, Vit};
use ResNetBlock::{Basic, Bottleneck};

const TINY: [usize; 4] = [96, 192, 384, 768];

/// clip-rocket's name or timm's.
#[rustfmt::skip]
const BACKBONES: &[(&str, Backbone)] = &[
    ("R50", Resnet(Bottleneck, [3, 4, 6, 3])),
    ("CNEXTT", Convnext([3, 3, 9, 3], TINY)),
    ("CNEXTS", Convnext([3, 3, 27, 3], TINY)),
    ("VITS16MOCO", Vit(16, 384, 12, 12)),
    ("VITS16", Vit(16, 384, 12, 6)),
    ("VITS32", Vit(32, 384, 12, 6)),
    ("VITB16", Vit(16, 768, 12, 12)),
    ("VITB32", Vit(32, 768, 12, 12)),
    ("VITL16", Vit(16, 1024, 24, 16)),
    ("resnet18", Resnet(Basic, [2, 2, 2, 2])),
    ("resnet34", Resnet(Basic, [3, 4, 6, 3])),
    ("resnet50", Resnet(Bottleneck, [3, 4, 6, 3])),
    ("resnet101", Resnet(Bottleneck, [3, 4, 23, 3])),
    ("resnet152", Resnet(Bottleneck, [3, 8, 36, 3])),
    ("convnext_tiny", Convnext([3, 3, 9, 3], TINY)),
    ("convnext_small", Convnext([3, 3, 27, 3], TINY)),
    ("convnext_base", Convnext([3, 3, 27, 3], [128, 256, 512, 1024])),
    ("vit_small_patch16_224", Vit(16, 384, 12, 6)),
    ("vit_small_patch32_224", Vit(32, 384, 12, 6)),
    ("vit_base_patch16_224", Vit(16, 768, 12, 12)),
    ("vit_base_patch32_224", Vit(32, 768, 12, 12)),
    ("vit_large_patch16_224", Vit(16, 1024, 24, 16)),
];

pub(super) fn names() -> impl Iterator<Item = String> {
    BACKBONES.iter().map(|(name, _)| (*name).to_string())
}

pub(super) fn find(name: &str) -> Option<DualEncoderConfig> {
    let (_, backbone) = BACKBONES.iter().find(|(known, _)| *known == name)?;
    let image = match *backbone {
        Resnet(block, layers) => {
            AnyImageEncoderConfig::ResNet(ResNetConfig { block, layers, ..ResNetConfig::default() })
        }
        Convnext(layers, channels) => {
            AnyImageEncoderConfig::ConvNext(ConvNextConfig { layers, channels, ..ConvNextConfig::default() })
        }
        Vit(patch, width, depth, heads) => AnyImageEncoderConfig::Vit(VitConfig {
            stem: StemConfig::Patch { size: patch },
            width,
            depth,
            heads,
            ..VitConfig::default()
        }),
    };
    Some(DualEncoderConfig {
        embed_dim: 256,
        image,
        text: TextTransformerConfig::default(),
        image_head: ProjectionConfig::Linear,
        text_head: ProjectionConfig::Linear,
    })
}
