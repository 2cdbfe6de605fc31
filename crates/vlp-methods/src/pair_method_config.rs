use std::fmt::Debug;

use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, PairLoss, TextEncoder};
use vlp_encoders::{DualEncoder, ProjectionConfig};

use crate::{MethodConfig, MethodError, PairMethod, StrongViews, Towers};

/// The settings of a loss of pairs: implement it for your own loss to train it from a recipe.
pub trait PairLossConfig: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The loss.
    type Loss: PairLoss;

    /// The name of the method that trains two encoders with this loss.
    const NAME: &'static str;

    /// Builds the loss.
    ///
    /// # Errors
    /// When a setting is out of range.
    fn init(&self, device: &Device) -> Result<Self::Loss, MethodError>;
}

/// Configuration of a [`PairMethod`]: two encoders with a head each, trained by the loss of pairs `L`.
///
/// In a recipe: `[method]` with `embed_dim`, `head` and the table `loss`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "L: PairLossConfig")]
pub struct PairMethodConfig<L: PairLossConfig> {
    /// Length of the vectors that are compared.
    pub embed_dim: usize,
    /// Head of either modality.
    #[serde(default)]
    pub head: ProjectionConfig,
    /// The loss.
    pub loss: L,
}

impl<L: PairLossConfig> MethodConfig for PairMethodConfig<L> {
    const NAME: Option<&'static str> = Some(L::NAME);

    type Method<I: ImageEncoder, T: TextEncoder> = PairMethod<I, T, L::Loss>;

    fn strong_views(&self) -> StrongViews {
        StrongViews::Exactly(0)
    }

    fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<PairMethod<I, T, L::Loss>, MethodError> {
        let encoder = DualEncoder::join(image, text, [self.head; 2], self.embed_dim, device)?;
        Ok(PairMethod { encoder, loss: self.loss.init(device)? })
    }

    fn towers<I: ImageEncoder, T: TextEncoder>(method: &PairMethod<I, T, L::Loss>) -> Option<Towers<'_, I, T>> {
        let DualEncoder { image, text, image_head, text_head } = &method.encoder;
        Some(Towers { image, text: Some(text), image_head: Some(image_head), text_head: Some(text_head) })
    }
}
