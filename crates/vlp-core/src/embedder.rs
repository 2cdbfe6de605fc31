use burn::tensor::{Int, Tensor};

/// One batch as every head of a method sees it, not normalised.
///
/// # Shapes
/// - weak, strong: `[batch, dim]`, where `dim` is the same for images and texts of one head
#[derive(Debug, Clone)]
pub struct HeadVectors {
    /// The head that is trained on weakly augmented pairs; a method with one head has only this.
    pub weak: Tensor<2>,
    /// The head that is trained on strongly augmented pairs.
    pub strong: Option<Tensor<2>>,
}

/// A trained method as evaluation sees it: pictures and captions to vectors whose cosine is their similarity.
///
/// Pass tensors of a plain (not autodiff) device: normalisation layers then use their running statistics and dropout is
/// off.
pub trait Embedder {
    /// The vectors of a batch of pictures, one for each head.
    ///
    /// - images: `[batch, channels, height, width]`, normalised
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors;
    /// The vectors of a batch of captions, one for each head.
    ///
    /// - tokens: `[batch, context]`
    ///
    /// # Panics
    /// When the method [has no text encoder](Self::embeds_texts).
    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors;

    /// Whether there is a text encoder; not in methods that learn from pictures alone. Retrieval between pictures and texts
    /// and zero-shot classification need one, nearest neighbours and linear probes do not.
    fn embeds_texts(&self) -> bool {
        true
    }
}

/// Makes a method of your own an [`Embedder`] by one of its fields, a `DualEncoder` for example: `delegate_embedder!(MyMethod.encoder)`.
/// The method is generic over an image and a text encoder.
#[macro_export]
macro_rules! delegate_embedder {
    ($method:ident.$field:ident) => {
        impl<I: $crate::ImageEncoder, T: $crate::TextEncoder> $crate::Embedder for $method<I, T> {
            fn embed_images(&self, images: $crate::Tensor<4>) -> $crate::HeadVectors {
                $crate::Embedder::embed_images(&self.$field, images)
            }

            fn embed_texts(&self, tokens: $crate::Tensor<2, $crate::Int>) -> $crate::HeadVectors {
                $crate::Embedder::embed_texts(&self.$field, tokens)
            }
        }
    };
}
