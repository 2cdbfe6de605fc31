use burn::tensor::{Int, Tensor};
use vlp_core::{Embedder, HeadVectors, ImageEncoder};
use vlp_encoders::AnyImageEncoder;
use vlp_weights::Package;

use super::PretrainedError;
use super::model::Body;

/// An image tower without a text tower.
pub(super) struct ImageAlone(pub(super) AnyImageEncoder);

impl Embedder for ImageAlone {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.0.encode(images), strong: None }
    }

    fn embed_texts(&self, _tokens: Tensor<2, Int>) -> HeadVectors {
        panic!("an image tower alone has no texts: ask `embeds_texts` first")
    }

    fn embeds_texts(&self) -> bool {
        false
    }
}

impl Body for ImageAlone {
    fn embedder(&self) -> &dyn Embedder {
        self
    }

    fn package(&self) -> Result<Package, PretrainedError> {
        let reason = "an image tower of timm's alone is read here and not written".to_string();
        Err(PretrainedError::NoExport { reason })
    }
}
