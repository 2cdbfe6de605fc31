use burn::tensor::{Bool, FloatDType, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::soft_cross_entropy::{diagonal_cross_entropy, widened};
use crate::{KeyGradients, LossError, l2_normalize};

/// Configuration of [`Filip`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilipConfig {
    /// Whether the tokens of the other side learn too.
    pub key_gradients: KeyGradients,
}

/// FILIP's late interaction: pairs are compared token by token, each token by its best match on the other side.
///
/// ```text
/// A = n(image tokens of i) n(text tokens of j)ᵀ
/// S_image(i, j) = mean over image tokens of max over text tokens of A
/// S_text(j, i)  = mean over text tokens of max over image tokens of A        padding takes no part
/// L = ½ [ CE(s S_image, i) + CE(s S_text, j) ]
/// ```
///
/// Yao et al. 2021, "FILIP: fine-grained interactive language-image pre-training". The paper keeps the best quarter of
/// the tokens before gathering them; here all are kept. A text without any token is as similar as orthogonal ones: 0.
/// The token similarities of all pairs are held at once, `batch · all texts · image tokens · text tokens` numbers.
#[derive(Debug, Clone, Copy)]
pub struct Filip {
    key_gradients: KeyGradients,
}

/// Tokens of one side and which of them count.
#[derive(Clone)]
struct Tokens {
    /// Normalised, `[rows · tokens, dim]`.
    vectors: Tensor<2>,
    /// 1 where there is one, else 0: `[rows, tokens]`.
    present: Tensor<2>,
}

impl FilipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// None so far; losses are built alike.
    pub fn init(&self) -> Result<Filip, LossError> {
        Ok(Filip { key_gradients: self.key_gradients })
    }
}

impl Filip {
    /// The loss of a batch of pairs, compared token by token.
    ///
    /// # Shapes
    /// - image: `[batch, image tokens, dim]`, not normalised
    /// - text: `[batch, text tokens, dim]`, not normalised
    /// - present: `[batch, text tokens]`, true where a text has a token, false where it is padding
    /// - scale: `[1]`, the inverse temperature itself (not its logarithm)
    /// - result: `[1]`
    ///
    /// # Panics
    /// When images and texts differ in batch or width, or `present` does not fit the texts.
    pub fn forward(
        &self,
        image: Tensor<3>,
        text: Tensor<3>,
        present: Tensor<2, Bool>,
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> Tensor<1> {
        let ([batch, _, dim], [texts, length, width]) = (image.dims(), text.dims());
        assert_eq!((batch, dim), (texts, width), "FILIP compares image and text tokens of one batch and one width");
        assert_eq!(present.dims(), [texts, length], "FILIP must know of every text token whether it is one");
        let (image, text) = (Tokens::new(image, None), Tokens::new(text, Some(present)));
        let [images, texts] = [&image, &text].map(|tokens| tokens.clone().gathered(self.key_gradients, ctx));
        let scale = widened(scale).unsqueeze::<2>();
        let first = ctx.collective.rank() * batch;
        let of_images = diagonal_cross_entropy(image.best_matches(texts) * scale.clone(), first);
        let of_texts = diagonal_cross_entropy(text.best_matches(images) * scale, first);
        (of_images + of_texts) / 2.0
    }
}

impl Tokens {
    fn new(tokens: Tensor<3>, present: Option<Tensor<2, Bool>>) -> Self {
        let [rows, number, dim] = tokens.dims();
        let vectors = l2_normalize(widened(tokens).reshape([rows * number, dim]));
        let present = match present {
            Some(present) => present.float().cast(FloatDType::from(vectors.dtype())),
            None => Tensor::ones([rows, number], (&vectors.device(), vectors.dtype())),
        };
        Tokens { vectors, present }
    }

    fn gathered(self, key_gradients: KeyGradients, ctx: &StepContext<'_>) -> Self {
        let [rows, number] = self.present.dims();
        let dim = self.vectors.dims()[1];
        let all = ctx.collective.world() * rows;
        let vectors = key_gradients.gather(self.vectors.reshape([rows, number * dim]), ctx.collective);
        let present = KeyGradients::Detached.gather(self.present, ctx.collective);
        Tokens { vectors: vectors.reshape([all * number, dim]), present }
    }

    /// Mean over these tokens of the highest cosine among those of each row of `others`: `[rows, other rows]`.
    fn best_matches(self, others: Tokens) -> Tensor<2> {
        let ([rows, number], [columns, other_number]) = (self.present.dims(), others.present.dims());
        let cosines = self.vectors.matmul(others.vectors.transpose());
        // Below every cosine, so that padding never is the best match.
        let hidden = (others.present.clone() - 1.0) * 4.0;
        let cosines = cosines.reshape([rows, number, columns, other_number]);
        let best = (cosines + hidden.reshape([1, 1, columns, other_number])).max_dim(3);
        let best = best.reshape([rows, number, columns]);
        let share = self.present.clone() / self.present.sum_dim(1).clamp_min(1.0);
        let mean = (best * share.reshape([rows, number, 1])).sum_dim(1).reshape([rows, columns]);
        mean * others.present.max_dim(1).transpose()
    }
}
