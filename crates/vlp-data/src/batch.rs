use vlp_augment::{Image, Photometric};

use crate::{Cursor, Damage, DataError, TokenIds, Tokenizer};

/// Pictures of one size, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostImages {
    /// Number of pictures.
    pub batch: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Bytes as `[batch, height, width, 3]`.
    pub pixels: Vec<u8>,
}

impl HostImages {
    /// Lays pictures of one size behind one another.
    ///
    /// # Errors
    /// When their sizes differ.
    pub fn collate<'a>(images: impl IntoIterator<Item = &'a Image>) -> Result<Self, DataError> {
        let mut images = images.into_iter().peekable();
        let (width, height) = images.peek().map_or((0, 0), |i| (i.width(), i.height()));
        let mut pixels = Vec::with_capacity(images.size_hint().0 * width * height * 3);
        let mut batch = 0;
        for image in images {
            if (image.width(), image.height()) != (width, height) {
                return Err(DataError::ImageSizes { first: (width, height), other: (image.width(), image.height()) });
            }
            pixels.extend_from_slice(image.pixels());
            batch += 1;
        }
        Ok(Self { batch, height, width, pixels })
    }
}

/// Token ids of captions, padded to one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTokens {
    /// Number of captions.
    pub batch: usize,
    /// Ids a caption.
    pub context: usize,
    /// Ids as `[batch, context]`.
    pub ids: Vec<i32>,
    /// How many captions were longer than the context and cut.
    pub truncated: usize,
}

impl HostTokens {
    /// Encodes captions or prompts.
    pub fn encode<'a>(tokenizer: &dyn Tokenizer, captions: impl IntoIterator<Item = &'a str>) -> Self {
        let encoded: Vec<TokenIds> = captions.into_iter().map(|c| tokenizer.encode(c)).collect();
        let tokens = Self::collate(&encoded);
        Self { context: tokenizer.context_length(), ..tokens }
    }

    /// Lays encoded captions behind one another; a tokenizer pads them all to one length.
    pub(crate) fn collate<'a>(captions: impl IntoIterator<Item = &'a TokenIds>) -> Self {
        let mut tokens = Self { batch: 0, context: 0, ids: Vec::new(), truncated: 0 };
        for caption in captions {
            tokens.context = caption.ids.len();
            // Vocabularies are far below 2^31.
            tokens.ids.extend(caption.ids.iter().map(|&id| id as i32));
            tokens.truncated += usize::from(caption.truncated);
            tokens.batch += 1;
        }
        tokens
    }
}

/// One view of every sample of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// The pictures.
    pub images: HostImages,
    /// What is still to be done to each picture, in order; empty lists unless the views leave it to the device
    /// ([`PhotometricStage::Device`](crate::PhotometricStage::Device)).
    pub photometric: Vec<Vec<Photometric>>,
    /// The captions.
    pub tokens: HostTokens,
}

/// A training batch in main memory. Row i of every view is the sample `keys[i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostBatch {
    /// The weak view.
    pub weak: HostView,
    /// The strong views, drawn independently.
    pub strong: Vec<HostView>,
    /// The local crops, pictures only: see [`Views::and_local`](crate::Views::and_local).
    pub local: Vec<HostImages>,
    /// Keys of the samples.
    pub keys: Vec<String>,
    /// (epoch, slot) of the samples. Slot and index are the same, unless the dataset has weights or is resampled.
    pub visits: Vec<(u64, u64)>,
    /// Samples skipped since the batch before, with their names.
    pub skipped: Vec<(String, Damage)>,
    /// Samples that were passed over since the batch before, because too many of their value of
    /// [`LoaderConfig::distinct_by`](crate::LoaderConfig::distinct_by) wait already.
    pub passed_over: u64,
    /// Where to resume after this batch.
    pub cursor: Cursor,
}

impl HostBatch {
    /// Number of samples (not of views).
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the batch holds no sample.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
