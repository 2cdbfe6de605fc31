//! The work behind an inspection.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::content_hash::content_hash;
use crate::decode::check_size;
use crate::picture_header::read_header;
use crate::{
    Damage, DataError, Dataset, Duplicates, InspectOptions, Inspection, LeftOut, MOST_WORKERS, Picture, Spread,
    Unreachable, decode, printable,
};

/// Samples that a thread takes at a time.
const RUN: usize = 256;

impl Dataset {
    /// Reads every sample once, decodes some, and tells what there is.
    ///
    /// # Errors
    /// When a sample could not be fetched from afar.
    pub fn inspect(&self, options: &InspectOptions) -> Result<Inspection, DataError> {
        let workers = options.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into)).max(1);
        if workers > MOST_WORKERS {
            return Err(DataError::OptionTooLarge { option: "workers", value: workers, most: MOST_WORKERS });
        }
        let every = self.len().div_ceil(options.decode.max(1)).max(1);
        let decodes = |index: usize| options.decode > 0 && index.is_multiple_of(every);
        let (next, stop, found) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Found::default()));
        let begin = Instant::now();
        let work = || {
            let mut own = Found::default();
            while !stop.load(Ordering::Relaxed) {
                let first = next.fetch_add(RUN, Ordering::Relaxed);
                if first >= self.len() {
                    break;
                }
                for index in first..(first + RUN).min(self.len()) {
                    own.look_at(self, index, decodes(index));
                }
                stop.fetch_or(own.unreachable.is_some(), Ordering::Relaxed);
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).merge(own);
        };
        thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
        let read = begin.elapsed();
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(unreachable) = found.unreachable {
            return Err(DataError::Unreachable(unreachable));
        }
        let decoding = found.decoding.as_secs_f64();
        let left = (self.len() as f64 - found.decoded as f64) / found.decoded.max(1) as f64;
        let mut damaged = LeftOut::default();
        // In the order of the samples, whichever thread came first.
        found.damaged.sort_by_key(|(index, _)| *index);
        for (index, damage) in &found.damaged {
            damaged.add(damage.kind().name(), || printable(&format!("{}: {damage}", self.name(*index))).into_owned());
        }
        Ok(Inspection {
            samples: self.len() as u64,
            left_out: self.left_out(),
            damaged,
            warnings: self.warnings().to_vec(),
            captions: found.captions.into_iter().collect(),
            words: spread(found.words),
            width: spread(found.width),
            height: spread(found.height),
            kibibytes: spread(found.kibibytes),
            formats: found.formats.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            duplicates: duplicates(found.prints, |index| self.name(index)),
            decoded: found.decoded,
            epoch_seconds: read.as_secs_f64() + left * decoding / workers as f64,
            workers,
        })
    }
}

/// What a thread has seen.
#[derive(Default)]
struct Found {
    captions: HashMap<usize, u64>,
    words: HashMap<u64, u64>,
    width: HashMap<u64, u64>,
    height: HashMap<u64, u64>,
    kibibytes: HashMap<u64, u64>,
    formats: BTreeMap<&'static str, u64>,
    damaged: Vec<(usize, Damage)>,
    /// Index, and what stands for picture and caption.
    prints: Vec<(usize, u64, u64)>,
    decoded: u64,
    decoding: Duration,
    unreachable: Option<Unreachable>,
}

impl Found {
    fn look_at(&mut self, dataset: &Dataset, index: usize, decodes: bool) {
        match self.look(dataset, index, decodes) {
            Ok(()) => {}
            Err(Damage::Unreachable(unreachable)) => self.unreachable = Some(unreachable),
            Err(damage) => self.damaged.push((index, damage)),
        }
    }

    fn look(&mut self, dataset: &Dataset, index: usize, decodes: bool) -> Result<(), Damage> {
        let annotation = dataset.annotation(index)?;
        let picture = dataset.picture(index)?;
        let (format, width, height, print) = match &picture {
            Picture::Decoded(image) => ("pixels", image.width(), image.height(), content_hash(image.pixels())),
            Picture::Encoded(bytes) => {
                let limits = dataset.limits_of(index)?;
                let header = read_header(bytes);
                let known = matches!(header, Some(("PNG" | "JPEG" | "WebP", Some(_))));
                let decoded = match decodes || !known {
                    true => Some(self.time(|| decode(bytes, limits))?),
                    false => None,
                };
                let (format, size) = header.unwrap_or(("other", None));
                let (width, height) = match (decoded, size) {
                    (Some(image), _) => (image.width(), image.height()),
                    (None, Some((width, height))) => (width as usize, height as usize),
                    (None, None) => (0, 0),
                };
                check_size(width as u64, height as u64, limits)?;
                count(&mut self.kibibytes, bytes.len().div_ceil(1024) as u64);
                (format, width, height, content_hash(bytes))
            }
        };
        count(&mut self.width, width as u64);
        count(&mut self.height, height as u64);
        *self.formats.entry(format).or_default() += 1;
        *self.captions.entry(1 + annotation.other_captions.len()).or_default() += 1;
        for caption in std::iter::once(&annotation.caption).chain(&annotation.other_captions) {
            count(&mut self.words, caption.split_whitespace().count() as u64);
        }
        self.prints.push((index, print, content_hash(annotation.caption.as_bytes())));
        Ok(())
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = work();
        self.decoding += begin.elapsed();
        self.decoded += 1;
        result
    }

    fn merge(&mut self, other: Self) {
        for (of, samples) in other.captions {
            *self.captions.entry(of).or_default() += samples;
        }
        for (own, other) in [
            (&mut self.words, other.words),
            (&mut self.width, other.width),
            (&mut self.height, other.height),
            (&mut self.kibibytes, other.kibibytes),
        ] {
            other.into_iter().for_each(|(value, times)| *own.entry(value).or_default() += times);
        }
        for (format, times) in other.formats {
            *self.formats.entry(format).or_default() += times;
        }
        self.damaged.extend(other.damaged);
        self.prints.extend(other.prints);
        self.decoded += other.decoded;
        self.decoding += other.decoding;
        self.unreachable = self.unreachable.take().or(other.unreachable);
    }
}

fn count(counts: &mut HashMap<u64, u64>, value: u64) {
    *counts.entry(value).or_default() += 1;
}

fn spread(counts: HashMap<u64, u64>) -> Spread {
    let mut counts: Vec<(u64, u64)> = counts.into_iter().collect();
    counts.sort_unstable();
    let total: u64 = counts.iter().map(|(_, times)| times).sum();
    let mut before = 0;
    let median = counts.iter().find(|(_, times)| {
        before += times;
        before > total / 2
    });
    let value = |entry: Option<&(u64, u64)>| entry.map_or(0, |(value, _)| *value);
    Spread { least: value(counts.first()), median: value(median), most: value(counts.last()) }
}

fn duplicates(mut prints: Vec<(usize, u64, u64)>, name: impl Fn(usize) -> String) -> Duplicates {
    prints.sort_unstable();
    let mut found = Duplicates::default();
    let (mut pictures, mut captions, mut pairs) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (index, picture, caption) in prints {
        if let Some(&first) = pictures.get(&picture) {
            found.pictures += 1;
            if found.examples.len() < 3 {
                found.examples.push(format!("{} has the picture of {}", name(index), name(first)));
            }
        } else {
            pictures.insert(picture, index);
        }
        found.captions += u64::from(captions.insert(caption, ()).is_some());
        found.pairs += u64::from(pairs.insert((picture, caption), ()).is_some());
    }
    found
}
