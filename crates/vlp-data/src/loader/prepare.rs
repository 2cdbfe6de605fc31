use std::sync::Arc;

use vlp_augment::{CaptionSampling, Image, Photometric};

use super::timing::{Stage, StageClock};
use crate::plan::Plan;
use crate::views::{CAPTION_STREAM, Key, Made};
use crate::{Annotation, Damage, Dataset, TokenIds, Tokenizer, Unreachable, Views};

/// What every worker needs to turn a slot into a row of a batch.
#[derive(Debug)]
pub(super) struct Preparation {
    pub(super) dataset: Arc<Dataset>,
    pub(super) plan: Plan,
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) views: Views,
    pub(super) seed: u64,
    pub(super) distinct_by: Option<String>,
    pub(super) captions: CaptionSampling,
    /// How many others may stand in for a damaged sample.
    pub(super) substitutes: u64,
    pub(super) clock: StageClock,
}

/// A sample ready to be put into a batch.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) visit: (u64, u64),
    pub(super) key: String,
    /// The values that may occur once in a batch.
    pub(super) distinct: Vec<String>,
    /// All views, the weak one first.
    pub(super) views: Vec<PreparedView>,
    /// The local crops.
    pub(super) local: Vec<Image>,
}

#[derive(Debug)]
pub(super) struct PreparedView {
    pub(super) image: Image,
    /// What is left to the device.
    pub(super) photometric: Vec<Photometric>,
    pub(super) tokens: TokenIds,
}

/// What was made ready, if anything, and name and damage of what was tried before.
type Attempts = (Option<Prepared>, Vec<(String, Damage)>);

impl Preparation {
    /// Makes the sample of a slot ready, or one that stands in for it; also gives name and damage of all that were damaged.
    /// An error where one could not be fetched: another one must not take its place, since it is well.
    pub(super) fn prepare(&self, epoch: u64, slot: u64) -> Result<Attempts, Unreachable> {
        let mut damaged = Vec::new();
        for attempt in 0..=self.substitutes {
            let index = match attempt {
                0 => self.plan.index(epoch, slot),
                _ => self.plan.substitute(epoch, slot, attempt),
            };
            match self.prepare_sample(epoch, slot, index) {
                Ok(prepared) => return Ok((Some(prepared), damaged)),
                Err(Damage::Unreachable(unreachable)) => return Err(unreachable),
                Err(damage) => damaged.push((self.dataset.name(index), damage)),
            }
        }
        Ok((None, damaged))
    }

    /// Reads, decodes, augments and tokenises a sample for its visit in `epoch`.
    fn prepare_sample(&self, epoch: u64, slot: u64, index: usize) -> Result<Prepared, Damage> {
        let clock = &self.clock;
        let (annotation, picture) = clock.time(Stage::Read, || {
            let annotation = self.dataset.annotation(index)?;
            Ok((annotation, self.dataset.picture(index)?))
        })?;
        let image = clock.time(Stage::Decode, || self.dataset.decode(index, picture))?;
        let values = |field: &str| self.dataset.distinct_values(index, &annotation, field);
        let distinct = self.distinct_by.as_deref().map(values).unwrap_or_default();
        let key = Key { seed: self.seed, epoch, index: slot };
        let (views, local) = clock.time(Stage::Augment, || {
            let local = self.views.local_crops(&image, key);
            (self.views.apply(image, &self.captions(&annotation, key), key), local)
        });
        let encode = |Made { image, photometric, caption }| {
            let tokens = self.tokenizer.encode(&caption);
            PreparedView { image, photometric, tokens }
        };
        let views = clock.time(Stage::Tokenise, || views.into_iter().map(encode).collect());
        Ok(Prepared { visit: (epoch, slot), key: annotation.key, distinct, views, local })
    }

    /// The caption of each view, the weak one first.
    fn captions<'a>(&self, annotation: &'a Annotation, key: Key) -> Vec<&'a str> {
        let all = std::iter::once(&annotation.caption).chain(&annotation.other_captions).map(String::as_str);
        self.captions.draw(all, 1 + self.views.strong_count(), &mut key.stream(CAPTION_STREAM))
    }
}
