use burn::tensor::{Device, Int, Tensor, TensorData};
use ndarray::Array2;
use vlp_core::{Embedder, HeadVectors};

use crate::retrieval::check_count;
use crate::{Embeddings, EvalError};

/// Embeddings of the same samples by every head of a model, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadEmbeddings {
    /// The head trained on weakly augmented pairs.
    pub weak: Embeddings,
    /// The head trained on strongly augmented pairs, where the model has one.
    pub strong: Option<Embeddings>,
}

impl HeadEmbeddings {
    /// Gathers the batches of a model's output, in order. For loops of your own: [`embed_images`] and [`embed_texts`]
    /// do this with batches that cannot fail.
    ///
    /// # Errors
    /// When there is no batch, a number is not finite, a batch has other heads or widths than the first, or the device
    /// cannot be read.
    pub fn gather(batches: impl IntoIterator<Item = HeadVectors>) -> Result<Self, EvalError> {
        let (mut weak, mut strong) = (Rows::default(), Rows::default());
        let mut has_strong = None;
        for (index, batch) in batches.into_iter().enumerate() {
            let here = batch.strong.is_some();
            if *has_strong.get_or_insert(here) != here {
                return Err(EvalError::Heads { batch: index });
            }
            weak.push(batch.weak)?;
            if let Some(vectors) = batch.strong {
                strong.push(vectors)?;
            }
        }
        let strong = if has_strong == Some(true) { Some(strong.finish()?) } else { None };
        Ok(HeadEmbeddings { weak: weak.finish()?, strong })
    }

    /// Both heads as one, see [`Embeddings::mixture`]; `None` for a model with one head.
    ///
    /// # Errors
    /// When `weight`, the share of the weak head, is outside `[0, 1]`.
    pub fn mixture(&self, weight: f32) -> Result<Option<Embeddings>, EvalError> {
        self.strong.as_ref().map(|strong| Embeddings::mixture(&self.weak, strong, weight)).transpose()
    }

    /// Number of samples; never 0.
    pub fn len(&self) -> usize {
        self.weak.len()
    }

    /// Always false: an empty set cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// Embeds batches of pictures.
///
/// # Shapes
/// - batches: `[batch, channels, height, width]` each, normalised as in training, on a plain device
///
/// # Errors
/// Those of [`HeadEmbeddings::gather`], and when a batch lives on an autodiff device, where dropout and batch
/// normalisation would behave as in training.
pub fn embed_images<E: Embedder>(
    model: &E,
    batches: impl IntoIterator<Item = Tensor<4>>,
) -> Result<HeadEmbeddings, EvalError> {
    gather_plain(batches, Tensor::device, |images| model.embed_images(images))
}

/// Embeds batches of token ids.
///
/// # Shapes
/// - batches: `[batch, context]` each, on a plain device; [`token_batches`] makes them
///
/// # Errors
/// Those of [`embed_images`], and when the model has no text encoder.
pub fn embed_texts<E: Embedder>(
    model: &E,
    batches: impl IntoIterator<Item = Tensor<2, Int>>,
) -> Result<HeadEmbeddings, EvalError> {
    if !model.embeds_texts() {
        return Err(EvalError::NoTextEncoder);
    }
    gather_plain(batches, Tensor::device, |tokens| model.embed_texts(tokens))
}

/// Token ids of captions as batches of at most `size` on a device, in order.
///
/// # Errors
/// When the captions differ in length, or `size` is 0.
pub fn token_batches<'a, T: AsRef<[u32]>>(
    captions: &'a [T],
    size: usize,
    device: &'a Device,
) -> Result<impl Iterator<Item = Tensor<2, Int>> + 'a, EvalError> {
    if size == 0 {
        return Err(EvalError::Setting { name: "the batch size", value: "0".to_owned(), must: "at least 1" });
    }
    let context = captions.first().map_or(0, |ids| ids.as_ref().len());
    captions.iter().try_for_each(|ids| check_count("token ids of a caption", context, ids.as_ref().len()))?;
    Ok(captions.chunks(size).map(move |chunk| {
        let ids: Vec<i64> = chunk.iter().flat_map(|ids| ids.as_ref()).map(|id| i64::from(*id)).collect();
        Tensor::from_data(TensorData::new(ids, [chunk.len(), context]), device)
    }))
}

/// Runs the model over the batches, stopping before one that would run in training mode.
fn gather_plain<T>(
    batches: impl IntoIterator<Item = T>,
    device: impl Fn(&T) -> Device,
    run: impl Fn(T) -> HeadVectors,
) -> Result<HeadEmbeddings, EvalError> {
    let mut training = None;
    let plain = batches.into_iter().enumerate().map_while(|(index, batch)| {
        if device(&batch).is_autodiff() {
            training = Some(index);
            return None;
        }
        Some(run(batch))
    });
    let gathered = HeadEmbeddings::gather(plain);
    match training {
        Some(batch) => Err(EvalError::Autodiff { batch }),
        None => gathered,
    }
}

/// Rows read from a device so far.
#[derive(Debug, Default)]
struct Rows {
    values: Vec<f32>,
    width: Option<usize>,
}

impl Rows {
    fn push(&mut self, vectors: Tensor<2>) -> Result<(), EvalError> {
        let [_, width] = vectors.dims();
        let expected = *self.width.get_or_insert(width);
        if expected != width {
            return Err(EvalError::Width { left: expected, right: width });
        }
        let values = vectors.try_into_vec_as::<f32>();
        self.values.extend(values.map_err(|e| EvalError::Device { message: e.to_string() })?);
        Ok(())
    }

    fn finish(self) -> Result<Embeddings, EvalError> {
        let width = self.width.unwrap_or(0);
        let rows = self.values.len().checked_div(width).unwrap_or(0);
        let matrix = Array2::from_shape_vec((rows, width), self.values).expect("rows of one width");
        Embeddings::new(matrix)
    }
}
