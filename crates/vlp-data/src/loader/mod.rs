//! Worker threads that turn shards into batches, in an order that does not depend on them.

mod collate;
mod config;
mod pipeline;
mod prepare;
mod skip_limit;
pub(crate) mod threads;
mod timing;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::{Cursor, DataError, Dataset, HostBatch, Tally, Tokenizer, Views};
pub use config::LoaderConfig;
use pipeline::Pipeline;
pub(crate) use pipeline::panic_message;
use prepare::Preparation;
pub use skip_limit::SkipLimit;
pub use threads::{MOST_WORKERS, join_or_leave};
use timing::StageClock;
pub use timing::{StageTimes, Timing};
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
    notices: Vec<String>,
    /// Whether it was told that a batch holds a sample twice.
    told_twice: bool,
    passed_over: u64,
    waited: Duration,
    computed: Duration,
    /// When the last batch was given out.
    given: Option<Instant>,
    /// Ends the wait for a batch.
    stop: Option<Arc<AtomicBool>>,
}

/// A damaged sample is told when it is the first of its kind, and then one in so many.
const NOTICE_EVERY: u64 = 1000;

/// Most notices kept.
const MOST_NOTICES: usize = 1000;

/// Damaged in a row, at a place that must be filled: at a damage of 10 % this happens once in 10^17 places.
const SUBSTITUTES: u64 = 16;

impl Loader {
    /// A stream from its beginning.
    ///
    /// # Errors
    /// When the configuration cannot work: no samples in a batch or more than fit, no workers or more than a system has room for.
    pub fn new(
        dataset: Arc<Dataset>,
        tokenizer: Arc<dyn Tokenizer>,
        views: Views,
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        config.check()?;
        if let Some(field) = &config.distinct_by {
            dataset.check_field(field)?;
        }
        let plan = Plan::new(&dataset, config.seed, config.sampling)?;
        let start = Cursor::start(config.seed, plan.slots());
        let cursor = Cursor { sampling: config.sampling, data: dataset.fingerprint(), ..start };
        let preparation = Preparation {
            dataset,
            plan,
            tokenizer,
            views,
            seed: config.seed,
            distinct_by: config.distinct_by.clone(),
            captions: config.captions,
            substitutes: if config.rank.is_some() { SUBSTITUTES } else { 0 },
            clock: StageClock::default(),
        };
        Ok(Self {
            preparation: Arc::new(preparation),
            config,
            cursor,
            pipeline: None,
            tally: Tally::default(),
            notices: Vec::new(),
            told_twice: false,
            passed_over: 0,
            waited: Duration::ZERO,
            computed: Duration::ZERO,
            given: None,
            stop: None,
        })
    }

    /// The next batch; waits until it is there.
    ///
    /// # Errors
    /// When too many samples are damaged, a batch of distinct samples cannot be filled, or a worker panicked. Asking
    /// again after an error starts anew from the last batch given out.
    pub fn next_batch(&mut self) -> Result<HostBatch, DataError> {
        let asked = Instant::now();
        self.computed += self.given.take().map_or(Duration::ZERO, |given| asked - given);
        let mut pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => Pipeline::start(&self.preparation, &self.config, self.cursor.clone())?,
        };
        // On an error the pipeline is dropped, which ends its threads.
        let stop = self.stop.clone();
        let interrupted = || stop.as_ref().is_some_and(|stop| stop.load(Ordering::SeqCst));
        let batch = pipeline.next(self.config.stall_after, interrupted)?;
        self.pipeline = Some(pipeline);
        self.waited += asked.elapsed();
        self.cursor = batch.cursor.clone();
        for (name, damage) in &batch.skipped {
            self.tally.add(damage.kind());
            let count = self.tally.count(damage.kind());
            if (count == 1 || count.is_multiple_of(NOTICE_EVERY)) && self.notices.len() < MOST_NOTICES {
                self.notices.push(format!("skipped {name} ({} number {count}): {damage}", damage.kind().name()));
            }
        }
        self.tell_passed_over(batch.passed_over);
        self.tell_twice(&batch);
        self.given = Some(Instant::now());
        Ok(batch)
    }

    fn tell_passed_over(&mut self, more: u64) {
        let before = self.passed_over;
        self.passed_over += more;
        let due = before == 0 || before / NOTICE_EVERY != self.passed_over / NOTICE_EVERY;
        if more > 0 && due && self.notices.len() < MOST_NOTICES {
            let field = self.config.distinct_by.as_deref().unwrap_or_default();
            self.notices.push(format!(
                "{} samples passed over so far until their next epoch: more of them have the same `{field}` than batches that may hold it \
                 once",
                self.passed_over
            ));
        }
    }

    /// Says once that a batch holds a sample twice, which a contrastive loss takes for two.
    fn tell_twice(&mut self, batch: &HostBatch) {
        if self.told_twice {
            return;
        }
        let plan = &self.preparation.plan;
        let mut seen = HashMap::with_capacity(batch.visits.len());
        for (row, &(epoch, slot)) in batch.visits.iter().enumerate() {
            let index = plan.index(epoch, slot);
            if let Some(first) = seen.insert(index, row) {
                let (dataset, size) = (&self.preparation.dataset, batch.visits.len());
                self.told_twice = true;
                self.notices.push(format!(
                    "rows {first} and {row} of a batch are the same sample ({}): batches of {size} from {} samples, or the end of an epoch \
                     and the beginning of the next; `distinct_by = \"picture\"` puts the second one off. Told once",
                    dataset.name(index),
                    dataset.len()
                ));
                return;
            }
        }
    }

    /// Continues from a cursor: the batches that follow are those that followed it the first time.
    ///
    /// # Errors
    /// When the cursor belongs to another seed, order or dataset (by [`Dataset::fingerprint`]), or has samples put off, which ranks do not share.
    pub fn seek(&mut self, cursor: &Cursor) -> Result<(), DataError> {
        cursor.check(&self.cursor)?;
        if self.config.rank.is_some() && !cursor.deferred.is_empty() {
            return Err(DataError::DistinctAcrossRanks);
        }
        self.pipeline = None;
        self.cursor = Cursor { data: self.cursor.data, ..cursor.clone() };
        Ok(())
    }

    /// Ends the wait for a batch with [`DataError::Interrupted`] once `stop` is set: a read that hangs must not keep a program
    /// from ending.
    pub fn interrupt_by(&mut self, stop: Arc<AtomicBool>) {
        self.stop = Some(stop);
    }

    /// Goes on counting from a tally of the same stream, which a cursor does not hold.
    pub fn restore_tally(&mut self, tally: Tally) {
        self.tally = tally;
    }

    /// Where the stream stands after the last batch given out.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Samples skipped so far, by kind of damage.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What is worth a line in a log: damaged samples, the first of each kind and every thousandth of it; samples passed over, the same; once,
    /// that a batch holds a sample twice.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Samples passed over so far because of [`LoaderConfig::distinct_by`].
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Where the time went so far.
    pub fn timing(&self) -> Timing {
        Timing { waited: self.waited, computed: self.computed, stages: self.preparation.clock.times() }
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
