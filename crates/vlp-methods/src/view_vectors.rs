use burn::tensor::Tensor;
use vlp_core::{Features, ImageEncoder, PairBatch, TextEncoder, TextMode};

/// A vector for every image and text of every view of a batch, not normalised: out of the encoders, or out of heads behind
/// them. Rows are samples; all texts and images that a loss compares have one width.
#[derive(Debug, Clone)]
pub struct ViewVectors {
    /// Of the weak images, `[batch, width]`.
    pub image: Tensor<2>,
    /// Of the weak texts, `[batch, width]`.
    pub text: Tensor<2>,
    /// Of the strong images, a tensor a view.
    pub strong_images: Vec<Tensor<2>>,
    /// Of the strong texts, a tensor a view.
    pub strong_texts: Vec<Tensor<2>>,
}

impl ViewVectors {
    /// Encodes every view. Each is a forward pass of its own, in the order weak image, weak text, strong images, strong
    /// texts, so that batch normalisation sees one view at a time. Strong texts run in [`TextMode::Local`].
    pub fn encode<I: ImageEncoder, T: TextEncoder>(image: &I, text: &T, batch: PairBatch) -> Self {
        let (images, tokens): (Vec<_>, Vec<_>) =
            batch.strong.into_iter().map(|view| (view.images, view.tokens)).unzip();
        ViewVectors {
            image: image.encode(batch.weak.images),
            text: text.encode(batch.weak.tokens, TextMode::Global),
            strong_images: images.into_iter().map(|images| image.encode(images)).collect(),
            strong_texts: tokens.into_iter().map(|tokens| text.encode(tokens, TextMode::Local)).collect(),
        }
    }

    /// Passes weak images, weak texts, strong images and strong texts through a head each.
    pub(crate) fn through(
        &self,
        [image, text]: [&dyn Fn(Tensor<2>) -> Tensor<2>; 2],
        [strong_image, strong_text]: [&dyn Fn(Tensor<2>) -> Tensor<2>; 2],
    ) -> Self {
        ViewVectors {
            image: image(self.image.clone()),
            text: text(self.text.clone()),
            strong_images: self.strong_images.iter().cloned().map(strong_image).collect(),
            strong_texts: self.strong_texts.iter().cloned().map(strong_text).collect(),
        }
    }

    /// The same values as constants.
    pub(crate) fn detached(self) -> Self {
        ViewVectors::from_tensors(self.into_tensors().into_iter().map(Tensor::detach).collect())
    }

    /// As many structs as there are equal parts in `tensors`.
    ///
    /// # Panics
    /// When the tensors do not make up `PARTS` of them.
    pub(crate) fn parts<const PARTS: usize>(method: &str, mut tensors: Vec<Tensor<2>>) -> [Self; PARTS] {
        let number = tensors.len();
        let whole = number >= 2 * PARTS && number.is_multiple_of(2 * PARTS);
        assert!(whole, "{method}'s features are {PARTS} times 2 + 2 N tensors, got {number}");
        std::array::from_fn(|_| {
            let rest = tensors.split_off(number / PARTS);
            ViewVectors::from_tensors(std::mem::replace(&mut tensors, rest))
        })
    }
}

impl Features for ViewVectors {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        [self.image, self.text].into_iter().chain(self.strong_images).chain(self.strong_texts).collect()
    }

    fn from_tensors(mut tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        assert!(number >= 2 && number.is_multiple_of(2), "vectors of 1 + N views are 2 + 2 N tensors, got {number}");
        let strong_texts = tensors.split_off(2 + (number - 2) / 2);
        let strong_images = tensors.split_off(2);
        let text = tensors.remove(1);
        ViewVectors { image: tensors.remove(0), text, strong_images, strong_texts }
    }
}
