use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, Precision};

use crate::{
    ConvNext, ConvNextConfig, EncoderError, ModifiedResNet, ModifiedResNetConfig, ResNet, ResNetConfig, Vit, VitConfig,
};

/// Any image encoder of this crate as configuration: the key `kind` names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AnyImageEncoderConfig {
    /// Vision transformer.
    Vit(VitConfig),
    /// ResNet as in torchvision and timm.
    #[serde(rename = "resnet")]
    ResNet(ResNetConfig),
    /// OpenAI's ResNet.
    #[serde(rename = "modified-resnet")]
    ModifiedResNet(ModifiedResNetConfig),
    /// ConvNeXt.
    #[serde(rename = "convnext")]
    ConvNext(ConvNextConfig),
}

/// Any image encoder of this crate, chosen at run time.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "burn has no boxed modules, and a model holds one image encoder")]
pub enum AnyImageEncoder {
    /// Vision transformer.
    Vit(Vit),
    /// ResNet as in torchvision and timm.
    ResNet(ResNet),
    /// OpenAI's ResNet.
    ModifiedResNet(ModifiedResNet),
    /// ConvNeXt.
    ConvNext(ConvNext),
}

impl AnyImageEncoderConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// As the encoder's own configuration.
    pub fn init(&self, device: &Device) -> Result<AnyImageEncoder, EncoderError> {
        Ok(match self {
            AnyImageEncoderConfig::Vit(config) => AnyImageEncoder::Vit(config.init(device)?),
            AnyImageEncoderConfig::ResNet(config) => AnyImageEncoder::ResNet(config.init(device)?),
            AnyImageEncoderConfig::ModifiedResNet(config) => AnyImageEncoder::ModifiedResNet(config.init(device)?),
            AnyImageEncoderConfig::ConvNext(config) => AnyImageEncoder::ConvNext(config.init(device)?),
        })
    }

    /// Side in pixels of the pictures it takes; none: any size from 32 up, or any that the stem of a vision transformer with
    /// `dynamic_size` divides.
    pub fn image_size(&self) -> Option<usize> {
        match self {
            AnyImageEncoderConfig::Vit(config) => (!config.dynamic_size).then_some(config.image_size),
            AnyImageEncoderConfig::ModifiedResNet(config) => Some(config.image_size),
            AnyImageEncoderConfig::ResNet(_) | AnyImageEncoderConfig::ConvNext(_) => None,
        }
    }
}

impl AnyImageEncoder {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        match self {
            AnyImageEncoder::Vit(encoder) => AnyImageEncoder::Vit(encoder.with_precision(precision)),
            AnyImageEncoder::ResNet(encoder) => AnyImageEncoder::ResNet(encoder.with_precision(precision)),
            AnyImageEncoder::ModifiedResNet(encoder) => {
                AnyImageEncoder::ModifiedResNet(encoder.with_precision(precision))
            }
            AnyImageEncoder::ConvNext(encoder) => AnyImageEncoder::ConvNext(encoder.with_precision(precision)),
        }
    }
}

impl ImageEncoder for AnyImageEncoder {
    fn width(&self) -> usize {
        match self {
            AnyImageEncoder::Vit(encoder) => encoder.width(),
            AnyImageEncoder::ResNet(encoder) => encoder.width(),
            AnyImageEncoder::ModifiedResNet(encoder) => encoder.width(),
            AnyImageEncoder::ConvNext(encoder) => encoder.width(),
        }
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            AnyImageEncoder::Vit(encoder) => encoder.encode(images),
            AnyImageEncoder::ResNet(encoder) => encoder.encode(images),
            AnyImageEncoder::ModifiedResNet(encoder) => encoder.encode(images),
            AnyImageEncoder::ConvNext(encoder) => encoder.encode(images),
        }
    }
}
