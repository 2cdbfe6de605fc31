use burn::module::Module;
use burn::tensor::{Int, Tensor};
use vlp_core::{
    Embedder, HeadVectors, ImageEncoder, Method, PairBatch, PairLoss, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::DualEncoder;

use crate::ClipFeatures;

/// Two encoders with a head each, trained by any loss of pairs, your own included. It reads the weak view only.
///
/// ```text
/// weak image ── encoder ── head ──┐
/// weak text ─── encoder ── head ──┴── loss
/// ```
///
/// With [`ClipLoss`](vlp_losses::ClipLoss) it is [`Clip`](crate::Clip), with [`Sigmoid`](vlp_losses::Sigmoid)
/// [`SigLip`](crate::SigLip) without the clamp.
#[derive(Module, Debug)]
pub struct PairMethod<I: ImageEncoder, T: TextEncoder, L: PairLoss> {
    /// Encoders and heads.
    pub encoder: DualEncoder<I, T>,
    /// What pairs are scored by, with its learnable parts.
    pub loss: L,
}

impl<I: ImageEncoder, T: TextEncoder, L: PairLoss> Method for PairMethod<I, T, L> {
    type Batch = PairBatch;
    type Features = ClipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> ClipFeatures {
        ClipFeatures {
            image: self.encoder.embed_images(batch.weak.images),
            text: self.encoder.embed_texts(batch.weak.tokens, TextMode::Global),
        }
    }

    fn objective(&self, features: ClipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        StepOutput::new(self.loss.forward(features.image, features.text, ctx))
    }

    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        PairMethod { loss: self.loss.after_update(), ..self }
    }
}

impl<I: ImageEncoder, T: TextEncoder, L: PairLoss> Embedder for PairMethod<I, T, L> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        Embedder::embed_images(&self.encoder, images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        Embedder::embed_texts(&self.encoder, tokens)
    }
}
