//! `vlp data pack`: any data set into WebDataset tar shards.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::ProgressBar;
use serde::Serialize;
use vlp::data::Dataset;
use vlp::trainer::Stop;

use super::manifest::{Manifest, Packed, Settings};
use super::shard::{Stopped, Writer};
use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::source_arg::SourceArg;
use crate::table::Table;

/// Packs pictures with all their captions into tar shards; what is damaged is left out and counted.
///
/// Small enough pictures are copied byte for byte; larger ones are resized and encoded anew. The same input gives the same shards, whatever
/// the number of threads. Ctrl-C keeps the shards that are whole.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArg,
    /// Folder of the shards and manifest.json
    #[arg(long)]
    out: PathBuf,
    /// How the shards' names begin, such as train-
    #[arg(long, default_value = "")]
    prefix: String,
    /// Samples in a shard
    #[arg(long, default_value_t = 10_000, value_parser = crate::at_least_one)]
    per_shard: usize,
    /// Shrink pictures whose shorter side is longer than this, in pixels
    #[arg(long, value_parser = crate::at_least_one)]
    short_side: Option<usize>,
    /// Quality of JPEG files that are encoded anew, from 1 to 100
    #[arg(long, default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Go on where packing stopped
    #[arg(long)]
    resume: bool,
    /// Threads [default: one for each core]
    #[arg(long, value_parser = crate::threads)]
    workers: Option<usize>,
}

impl Args {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        if self.prefix.contains(['/', '\\']) {
            return Err(Failure::asked(format!("--prefix {}: it is the beginning of a file's name", self.prefix)));
        }
        let dataset = self.source.open()?;
        let settings = Settings {
            source: self.source.data.clone(),
            options: self.source.options()?,
            source_samples: dataset.len(),
            per_shard: self.per_shard,
            short_side: self.short_side,
            quality: self.quality,
        };
        let done = Manifest::finished(&self.out, &self.prefix, &settings, self.resume)?;
        dataset.warnings().iter().for_each(|warning| screen.warn(warning));
        fs::create_dir_all(&self.out).map_err(|error| Failure::asked(format!("{}: {error}", self.out.display())))?;
        let kept = done.len();
        let bar = screen.bar(dataset.len() as u64, "samples");
        let packed = self.pack(&dataset, &settings, done, &bar);
        bar.finish_and_clear();
        let packed = packed?;
        let manifest = Manifest::new(settings, dataset.tally(), packed);
        if manifest.samples == 0 {
            let first = manifest.shards.iter().find_map(|shard| shard.first_skipped.clone()).unwrap_or_default();
            return Err(Failure::failed(format!("none of {} samples could be packed; {first}", dataset.len())));
        }
        screen.show(&Answered { out: self.out, written: manifest.shards.len() - kept, manifest })
    }

    /// Writes the shards that are not `done`, and the manifest after each.
    fn pack(
        &self,
        dataset: &Dataset,
        settings: &Settings,
        done: Vec<Packed>,
        bar: &ProgressBar,
    ) -> Result<Vec<Packed>, Failure> {
        let stop = Stop::on_signals().failed()?;
        let writer = Writer { dataset, short_side: self.short_side, quality: self.quality, bar, stop: &stop };
        let shards = dataset.len().div_ceil(self.per_shard);
        let name = |number: usize| format!("{}{number:05}.tar", self.prefix);
        let known: Vec<String> = done.iter().map(|shard| shard.name.clone()).collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(done));
        let work = || -> Result<(), Failure> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= shards {
                    return Ok(());
                }
                let samples = number * self.per_shard..((number + 1) * self.per_shard).min(dataset.len());
                if known.contains(&name(number)) {
                    bar.inc(samples.len() as u64);
                    continue;
                }
                let packed = writer.write(samples, &self.out.join(name(number)))?;
                let mut done = done.lock().map_err(|_| Failure::failed("a thread of the packing panicked"))?;
                done.push(packed);
                // After each shard: a killed process leaves nothing that it would have to do again.
                Manifest::new(settings.clone(), dataset.tally(), done.clone()).write(&self.out, &self.prefix)?;
            }
        };
        let cores = || thread::available_parallelism().map_or(1, Into::into);
        let result = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.workers.unwrap_or_else(cores)).map(|_| scope.spawn(work)).collect();
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            ends.into_iter().try_for_each(|end| end.map_err(|_| Failure::failed("a thread of the packing panicked"))?)
        });
        let done = done.into_inner().map_err(|_| Failure::failed("a thread of the packing panicked"))?;
        match result {
            Err(failure) if failure == Stopped.into() => Err(Failure::failed(format!(
                "stopped with {} of {shards} shards in {}: the same command with --resume goes on",
                done.len(),
                self.out.display()
            ))),
            result => result.map(|()| done),
        }
    }
}

#[derive(Serialize)]
struct Answered {
    out: PathBuf,
    /// Shards that were written now; the others were there.
    written: usize,
    #[serde(flatten)]
    manifest: Manifest,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Manifest { samples, skipped, shards, .. } = &self.manifest;
        let mut table = Table::new(&["shard", "samples>", "MB>", "skipped>"]);
        for shard in shards {
            let megabytes = format!("{:.1}", shard.bytes as f64 / 1e6);
            let skipped = shard.skipped.total().to_string();
            table.row([shard.name.clone(), shard.samples.to_string(), megabytes, skipped]);
        }
        table.write(out)?;
        writeln!(out, "\n{samples} samples in {}, skipped: {skipped}", self.out.display())?;
        let left_out = shards.iter().filter_map(|shard| shard.first_skipped.as_ref());
        left_out.take(5).try_for_each(|line| writeln!(out, "  {line}"))
    }
}
