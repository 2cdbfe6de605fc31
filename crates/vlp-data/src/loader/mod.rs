//! Worker threads that turn shards into batches, in an order that does not depend on them.

mod collate;
mod config;
mod pipeline;
mod prepare;
mod skip_limit;
mod window;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Cursor, DataError, Dataset, HostBatch, Tally, Tokenizer, Views};
pub use config::LoaderConfig;
use pipeline::Pipeline;
use prepare::Preparation;
pub use skip_limit::SkipLimit;
pub(crate) use window::Window;

/// An endless stream of training batches.
///
/// Which samples are in a batch, how they are augmented and in which order they come is a function of (seed, position)
/// alone: the same for any number of workers, and the same after a resume from the [`Cursor`] of a batch. Epochs run
/// into each other, every batch is full. Damaged samples are skipped and counted; too many of them end the stream.
#[derive(Debug)]
pub struct Loader {
    preparation: Arc<Preparation>,
    config: LoaderConfig,
    cursor: Cursor,
    /// Started with the first batch, so that a seek before it costs nothing.
    pipeline: Option<Pipeline>,
    tally: Tally,
    waited: Duration,
}

impl Loader {
    /// A stream from its beginning.
    ///
    /// # Errors
    /// When the configuration cannot work: no samples in a batch, no workers.
    pub fn new(
        dataset: Arc<Dataset>,
        tokenizer: Arc<dyn Tokenizer>,
        views: Views,
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        config.check()?;
        let cursor = Cursor::start(config.seed, dataset.len() as u64);
        let preparation =
            Preparation { dataset, tokenizer, views, seed: config.seed, distinct_by: config.distinct_by.clone() };
        Ok(Self {
            preparation: Arc::new(preparation),
            config,
            cursor,
            pipeline: None,
            tally: Tally::default(),
            waited: Duration::ZERO,
        })
    }

    /// The next batch; waits until it is there.
    ///
    /// # Errors
    /// When too many samples are damaged, a batch of distinct samples cannot be filled, or a worker panicked. Asking
    /// again after an error starts anew from the last batch given out.
    pub fn next_batch(&mut self) -> Result<HostBatch, DataError> {
        let asked = Instant::now();
        let pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => Pipeline::start(&self.preparation, &self.config, self.cursor.clone())?,
        };
        // On an error the pipeline is dropped, which ends its threads.
        let batch = pipeline.next()?;
        self.pipeline = Some(pipeline);
        self.waited += asked.elapsed();
        self.cursor = batch.cursor.clone();
        for (_, damage) in &batch.skipped {
            self.tally.add(damage.kind());
        }
        Ok(batch)
    }

    /// Continues from a cursor: the batches that follow are those that followed it the first time.
    ///
    /// # Errors
    /// When the cursor belongs to another seed or another dataset.
    pub fn seek(&mut self, cursor: &Cursor) -> Result<(), DataError> {
        let samples = self.preparation.dataset.len() as u64;
        cursor.check(self.config.seed, samples)?;
        self.pipeline = None;
        self.cursor = cursor.clone();
        Ok(())
    }

    /// Where the stream stands after the last batch given out.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Samples skipped so far, by kind of damage.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How long [`Loader::next_batch`] has waited for data, in all.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What is read.
    pub fn dataset(&self) -> &Dataset {
        &self.preparation.dataset
    }
}
