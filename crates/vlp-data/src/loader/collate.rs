use std::collections::{HashMap, HashSet};

use super::prepare::Prepared;
use super::skip_limit::SkipGauge;
use super::{LoaderConfig, Window};
use crate::{Cursor, Damage, DataError, HostBatch, HostImages, HostTokens, HostView, Unreachable};

/// What a worker hands over: a sample with name and damage of those before it in its place, the message of its panic,
/// or why it could not be fetched.
pub(super) enum Outcome {
    Done(Option<Prepared>, Vec<(String, Damage)>),
    Panicked(String),
    Unreachable(Unreachable),
}

/// Puts samples into batches, in the order of the stream.
pub(super) struct Collator<'a> {
    window: &'a Window<Outcome>,
    config: &'a LoaderConfig,
    cursor: Cursor,
    deferred: Vec<Prepared>,
    gauge: SkipGauge,
    skipped: Vec<(String, Damage)>,
}

/// Of one value so many samples wait for later batches, each of which may hold one; this bounds memory and the cursor.
const MOST_WAITING: usize = 8;

impl<'a> Collator<'a> {
    /// Takes over from a cursor; the window's first jobs are the samples it has put off.
    pub(super) fn new(window: &'a Window<Outcome>, config: &'a LoaderConfig, cursor: Cursor) -> Self {
        let gauge = match config.rank {
            Some(_) => SkipGauge::new(config.skip_limit, 0, &[]),
            None => SkipGauge::new(config.skip_limit, cursor.read(), &cursor.damaged),
        };
        Self { window, config, cursor, deferred: Vec::new(), gauge, skipped: Vec::new() }
    }

    /// Reads the samples again that were put off before the cursor was saved. None when the loader is closing.
    pub(super) fn read_deferred(&mut self) -> Option<Result<(), DataError>> {
        self.gauge.again(self.cursor.deferred.len() as u64);
        for _ in 0..self.cursor.deferred.len() {
            match self.receive()? {
                Ok(Some(sample)) => self.deferred.push(sample),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(()))
    }

    /// The next full batch. None when the loader is closing.
    pub(super) fn next_batch(&mut self) -> Option<Result<HostBatch, DataError>> {
        let size = self.config.batch_size;
        let mut batch = Vec::with_capacity(size);
        let mut values = HashSet::new();
        let mut waiting = HashMap::<String, usize>::new();
        let mut passed_over = 0;
        let mut place = |sample: Prepared, batch: &mut Vec<Prepared>, deferred: &mut Vec<Prepared>| {
            let clash = sample.distinct.iter().any(|value| values.contains(value));
            if batch.len() < size && !clash {
                values.extend(sample.distinct.iter().cloned());
                batch.push(sample);
                return;
            }
            if clash && sample.distinct.iter().any(|value| waiting.get(value).is_some_and(|&n| n >= MOST_WAITING)) {
                passed_over += 1;
                return;
            }
            sample.distinct.iter().for_each(|value| *waiting.entry(value.clone()).or_default() += 1);
            deferred.push(sample);
        };
        let mut deferred = Vec::new();
        for sample in std::mem::take(&mut self.deferred) {
            place(sample, &mut batch, &mut deferred);
        }
        let mut read = 0;
        while batch.len() < size {
            // A whole pass has shown every value there is.
            if let Some(field) = &self.config.distinct_by
                && read > self.cursor.samples
            {
                return Some(Err(DataError::TooFewDistinct {
                    field: field.clone(),
                    values: batch.len(),
                    batch_size: size,
                    read,
                }));
            }
            let received = self.receive()?;
            read += u64::from(matches!(received, Ok(Some(_))));
            if self.config.rank.is_none() {
                self.cursor.advance(1);
            }
            match received {
                Ok(Some(sample)) => place(sample, &mut batch, &mut deferred),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if let Some(positions) = self.config.global_batch() {
            self.cursor.advance(positions);
        }
        if self.config.rank.is_none() {
            self.cursor.damaged = self.gauge.recent();
        }
        self.cursor.deferred = deferred.iter().map(|sample| sample.visit).collect();
        self.deferred = deferred;
        Some(self.collate(batch, passed_over))
    }

    /// The next sample of the window; nothing when it was damaged and the limit still allows that.
    fn receive(&mut self) -> Option<Result<Option<Prepared>, DataError>> {
        Some(match self.window.next()? {
            Outcome::Done(sample, damaged) => self.count(sample.is_some(), damaged).map(|()| sample),
            Outcome::Panicked(message) => Err(DataError::WorkerPanicked { message }),
            Outcome::Unreachable(error) => Err(DataError::Unreachable(error)),
        })
    }

    fn count(&mut self, good: bool, damaged: Vec<(String, Damage)>) -> Result<(), DataError> {
        for (name, damage) in &damaged {
            self.gauge.damaged(name, damage)?;
        }
        if good {
            self.gauge.good();
        } else if self.config.rank.is_some() {
            let last = damaged.last().map(|(name, damage)| format!("The last: {name}: {damage}"));
            return Err(DataError::NothingKept {
                origin: "a place of a batch".to_owned(),
                read: damaged.len() as u64,
                kinds: "all that were tried are damaged".to_owned(),
                first: last.unwrap_or_default(),
            });
        }
        self.skipped.extend(damaged);
        Ok(())
    }

    fn collate(&mut self, batch: Vec<Prepared>, passed_over: u64) -> Result<HostBatch, DataError> {
        let views = batch.first().map_or(0, |sample| sample.views.len());
        let mut views = (0..views).map(|number| collate_view(&batch, number)).collect::<Result<Vec<_>, _>>()?;
        let strong = views.split_off(1);
        let weak = views.remove(0);
        let crops = batch.first().map_or(0, |sample| sample.local.len());
        let local = (0..crops)
            .map(|crop| HostImages::collate(batch.iter().map(|sample| &sample.local[crop])))
            .collect::<Result<_, _>>()?;
        Ok(HostBatch {
            weak,
            strong,
            local,
            visits: batch.iter().map(|sample| sample.visit).collect(),
            keys: batch.into_iter().map(|sample| sample.key).collect(),
            skipped: std::mem::take(&mut self.skipped),
            passed_over,
            cursor: self.cursor.clone(),
        })
    }
}

fn collate_view(batch: &[Prepared], number: usize) -> Result<HostView, DataError> {
    let view = || batch.iter().map(|sample| &sample.views[number]);
    Ok(HostView {
        images: HostImages::collate(view().map(|view| &view.image))?,
        photometric: view().map(|view| view.photometric.clone()).collect(),
        tokens: HostTokens::collate(view().map(|view| &view.tokens)),
    })
}
