use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, HeadVectors, ImageEncoder, TextEncoder, TextMode};

use crate::{
    AnyImageEncoder, AnyImageEncoderConfig, EncoderError, LayerGroups, Layered, ProjectionConfig, ProjectionHead,
    TextTransformer, TextTransformerConfig,
};

/// An image and a text encoder with a head each, which project into one space: what open_clip calls a CLIP model, without
/// the logit scale.
#[derive(Module, Debug)]
pub struct DualEncoder<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Head on image vectors.
    pub image_head: ProjectionHead,
    /// Head on text vectors.
    pub text_head: ProjectionHead,
}

/// Configuration of a [`DualEncoder`]; [`preset`](crate::preset) gives the published ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DualEncoderConfig {
    /// Length of the vectors that are compared.
    pub embed_dim: usize,
    /// Image encoder.
    pub image: AnyImageEncoderConfig,
    /// Text encoder.
    pub text: TextTransformerConfig,
    /// Head on image vectors.
    pub image_head: ProjectionConfig,
    /// Head on text vectors.
    pub text_head: ProjectionConfig,
}

impl DualEncoderConfig {
    /// Builds both encoders and their heads.
    ///
    /// # Errors
    /// When a part cannot be built, or an encoder without head gives vectors of another length than `embed_dim`.
    pub fn init(&self, device: &Device) -> Result<DualEncoder<AnyImageEncoder, TextTransformer>, EncoderError> {
        let heads = [self.image_head, self.text_head];
        DualEncoder::join(self.image.init(device)?, self.text.init(device)?, heads, self.embed_dim, device)
    }
}

impl<I: ImageEncoder, T: TextEncoder> DualEncoder<I, T> {
    /// Joins two encoders by new heads, the image's first, that give vectors of `embed_dim` elements.
    ///
    /// # Errors
    /// When a head cannot be built.
    pub fn join(
        image: I,
        text: T,
        [image_head, text_head]: [ProjectionConfig; 2],
        embed_dim: usize,
        device: &Device,
    ) -> Result<Self, EncoderError> {
        Ok(DualEncoder {
            image_head: image_head.init([image.width(), embed_dim], device)?,
            text_head: text_head.init([text.width(), embed_dim], device)?,
            image,
            text,
        })
    }

    /// The projected vectors of pictures.
    ///
    /// # Shapes
    /// - images: `[batch, channels, height, width]`
    /// - returns `[batch, embed_dim]`, not normalised
    pub fn embed_images(&self, images: Tensor<4>) -> Tensor<2> {
        self.image_head.forward(self.image.encode(images))
    }

    /// The projected vectors of captions.
    ///
    /// # Shapes
    /// - tokens: `[batch, context]`
    /// - returns `[batch, embed_dim]`, not normalised
    pub fn embed_texts(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2> {
        self.text_head.forward(self.text.encode(tokens, mode))
    }
}

impl<I: ImageEncoder + Layered, T: TextEncoder> DualEncoder<I, T> {
    /// The image encoder's parameters and its head's by depth.
    pub fn image_layers(&self) -> LayerGroups {
        self.image.layer_groups().with_head(&self.image_head)
    }
}

impl<I: ImageEncoder, T: TextEncoder + Layered> DualEncoder<I, T> {
    /// The text encoder's parameters and its head's by depth.
    pub fn text_layers(&self) -> LayerGroups {
        self.text.layer_groups().with_head(&self.text_head)
    }
}

/// One head; texts as in [`TextMode::Global`].
impl<I: ImageEncoder, T: TextEncoder> Embedder for DualEncoder<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: DualEncoder::embed_images(self, images), strong: None }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: DualEncoder::embed_texts(self, tokens, TextMode::Global), strong: None }
    }
}
