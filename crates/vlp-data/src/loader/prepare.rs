use std::sync::Arc;

use vlp_augment::{Image, Photometric, SampleRng};

use super::CaptionChoice;
use super::timing::{Stage, StageClock};
use crate::plan::Plan;
use crate::views::{Key, Made};
use crate::{Annotation, Damage, Dataset, TokenIds, Tokenizer, Views};

/// What every worker needs to turn a slot into a row of a batch.
#[derive(Debug)]
pub(super) struct Preparation {
    pub(super) dataset: Arc<Dataset>,
    pub(super) plan: Plan,
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) views: Views,
    pub(super) seed: u64,
    pub(super) distinct_by: Option<String>,
    pub(super) captions: CaptionChoice,
    /// How many others may stand in for a damaged sample.
    pub(super) substitutes: u64,
    pub(super) clock: StageClock,
}

/// A sample ready to be put into a batch.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) visit: (u64, u64),
    pub(super) key: String,
    /// The value that may occur once in a batch.
    pub(super) distinct: Option<String>,
    /// All views, the weak one first.
    pub(super) views: Vec<PreparedView>,
}

#[derive(Debug)]
pub(super) struct PreparedView {
    pub(super) image: Image,
    /// What is left to the device.
    pub(super) photometric: Vec<Photometric>,
    pub(super) tokens: TokenIds,
}

/// Random stream of the choice of a caption, beyond those of all views.
const CAPTION_STREAM: u64 = 1 << 32;

impl Preparation {
    /// Makes the sample of a slot ready, or one that stands in for it; also gives name and damage of all that were damaged.
    pub(super) fn prepare(&self, epoch: u64, slot: u64) -> (Option<Prepared>, Vec<(String, Damage)>) {
        let mut damaged = Vec::new();
        for attempt in 0..=self.substitutes {
            let index = match attempt {
                0 => self.plan.index(epoch, slot),
                _ => self.plan.substitute(epoch, slot, attempt),
            };
            match self.prepare_sample(epoch, slot, index) {
                Ok(prepared) => return (Some(prepared), damaged),
                Err(damage) => damaged.push((self.dataset.name(index), damage)),
            }
        }
        (None, damaged)
    }

    /// Reads, decodes, augments and tokenises a sample for its visit in `epoch`.
    fn prepare_sample(&self, epoch: u64, slot: u64, index: usize) -> Result<Prepared, Damage> {
        let clock = &self.clock;
        let (annotation, picture) = clock.time(Stage::Read, || {
            let annotation = self.dataset.annotation(index)?;
            Ok((annotation, self.dataset.picture(index)?))
        })?;
        let image = clock.time(Stage::Decode, || picture.decode(self.dataset.limits()))?;
        let distinct = self.distinct_by.as_deref().and_then(|field| {
            let value = annotation.metadata.get(field)?;
            // Numbers and other values count by how they are written.
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        let key = Key { seed: self.seed, epoch, index: slot };
        let captions = |view| self.caption(&annotation, key, view);
        let views = clock.time(Stage::Augment, || self.views.apply(image, captions, key));
        let encode = |Made { image, photometric, caption }| {
            let tokens = self.tokenizer.encode(&caption);
            PreparedView { image, photometric, tokens }
        };
        let views = clock.time(Stage::Tokenise, || views.into_iter().map(encode).collect());
        Ok(Prepared { visit: (epoch, slot), key: annotation.key, distinct, views })
    }

    /// One of the captions of a sample.
    fn caption(&self, annotation: &Annotation, key: Key, view: u64) -> String {
        if annotation.other_captions.is_empty() {
            return annotation.caption.clone();
        }
        let stream = CAPTION_STREAM + if self.captions == CaptionChoice::OnePerView { view } else { 0 };
        let mut rng = SampleRng::new(key.seed, key.epoch, key.index, stream);
        match rng.below(annotation.other_captions.len() + 1) {
            0 => annotation.caption.clone(),
            other => annotation.other_captions[other - 1].clone(),
        }
    }
}
