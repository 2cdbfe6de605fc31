use vlp_data::{HostImages, MOST_WORKERS};
use vlp_eval::Embeddings;

use super::model::embeddings;
use super::{Model, Pictures, PreparedPictures, PretrainedError};

/// The vectors of one batch of pictures.
#[derive(Debug, Clone, Default)]
pub struct EmbeddedBatch {
    /// Names of the pictures that could be read.
    pub names: Vec<String>,
    /// Their vectors as the model gives them, row by row.
    pub vectors: Vec<f32>,
    /// Length of a vector; 0 when there is none.
    pub width: usize,
    /// Names of the others, and why they cannot be read.
    pub damaged: Vec<(String, String)>,
}

impl EmbeddedBatch {
    /// Vectors of length 1; none where no picture could be read.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn unit(&self) -> Result<Option<Embeddings>, PretrainedError> {
        if self.names.is_empty() {
            return Ok(None);
        }
        embeddings("picture", self.vectors.clone(), self.width).map(Some)
    }

    /// Pictures that this batch brings further, damaged ones included.
    pub fn seen(&self) -> usize {
        self.names.len() + self.damaged.len()
    }
}

/// Most pictures of a batch.
const MOST: usize = 1 << 14;

/// An iterator over the vectors of [`Pictures`], full batches one after the other: threads decode the next pictures while
/// the model works on these, and a damaged picture makes room for another one. A picture that cannot be fetched is an error, not damage.
#[derive(Debug)]
pub struct Batches<'a> {
    model: &'a Model,
    prepared: PreparedPictures,
    size: usize,
}

impl Model {
    /// The vectors of pictures from number `first` on, `size` at a time, read by `threads` threads.
    ///
    /// # Errors
    /// When `size` or `threads` is 0 or beyond all reason, or no thread can be started.
    pub fn batches(
        &self,
        pictures: &Pictures,
        size: usize,
        threads: usize,
        first: usize,
    ) -> Result<Batches<'_>, PretrainedError> {
        let bounds = [("batch", size, MOST, "from 1 to 16,384"), ("workers", threads, MOST_WORKERS, "from 1 to 1,024")];
        for (name, value, most, must) in bounds {
            if value == 0 || value > most {
                return Err(PretrainedError::Setting { name, value: value.to_string(), must });
            }
        }
        // The whole next batch can be ready when the model is.
        let pictures = pictures.or_alpha(self.alpha());
        let prepared = pictures.prepare(self.resize().clone(), threads, 2 * size, first)?;
        Ok(Batches { model: self, prepared, size })
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<EmbeddedBatch, PretrainedError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut batch, mut images) = (EmbeddedBatch::default(), Vec::with_capacity(self.size));
        for picture in self.prepared.by_ref() {
            let picture = match picture {
                Ok(picture) => picture,
                Err(error) => return Some(Err(error.into())),
            };
            match picture.image {
                Ok(image) => {
                    batch.names.push(picture.name);
                    images.push(image);
                }
                Err(reason) => batch.damaged.push((picture.name, reason)),
            }
            if images.len() == self.size {
                break;
            }
        }
        if batch.seen() == 0 {
            return None;
        }
        if images.is_empty() {
            return Some(Ok(batch));
        }
        let vectors = HostImages::collate(&images).map_err(PretrainedError::from);
        drop(images);
        Some(vectors.and_then(|images| self.model.vectors(images)).map(|(vectors, width)| EmbeddedBatch {
            vectors,
            width,
            ..batch
        }))
    }
}
