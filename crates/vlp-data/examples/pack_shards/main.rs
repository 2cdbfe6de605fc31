//! Packs pictures with captions into WebDataset tar shards:
//!
//! ```text
//! cargo run --release -p vlp-data --example pack_shards -- photos/ --out shards --short-side 256
//! ```
//!
//! The input is anything `Dataset::from_path` reads. Small enough pictures are copied byte for byte; larger ones are resized
//! and encoded anew. Damaged samples are left out and counted in `manifest.json`. The same input gives the same shards.

mod shard;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use vlp_data::{Dataset, Limits, Tally};

use shard::{Packed, Packing};

/// Pack pictures with captions into tar shards.
#[derive(Parser)]
struct Args {
    /// A folder of pictures, a .csv, .tsv or .jsonl table, or shards to pack anew; with the features `parquet` and `remote`
    /// also .parquet tables and URLs of shards.
    data: String,
    /// Where the shards and `manifest.json` go.
    #[arg(long)]
    out: PathBuf,
    /// How the shards' names begin.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Samples in a shard.
    #[arg(long, default_value_t = 10_000)]
    per_shard: usize,
    /// Shrink pictures whose shorter side is longer than this, in pixels.
    #[arg(long)]
    short_side: Option<usize>,
    /// Quality of JPEG files that are encoded anew, from 1 to 100.
    #[arg(long, default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Threads; by default one for each core.
    #[arg(long)]
    workers: Option<usize>,
}

fn main() -> ExitCode {
    match pack(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pack(args: &Args) -> Result<(), Box<dyn Error>> {
    if args.per_shard == 0 || args.short_side == Some(0) {
        return Err("--per-shard and --short-side must be at least 1".into());
    }
    let dataset = Dataset::from_path(&args.data, Limits::default())?;
    for warning in dataset.warnings() {
        eprintln!("warning: {warning}");
    }
    fs::create_dir_all(&args.out)?;
    let packing = Packing { dataset: &dataset, short_side: args.short_side, quality: args.quality };
    let bar = ProgressBar::new(dataset.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} samples, {per_sec}, {eta} left")?);
    let shards = dataset.len().div_ceil(args.per_shard);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::<(usize, Packed)>::new()));
    let work = || -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= shards {
                return Ok(());
            }
            let samples = number * args.per_shard..((number + 1) * args.per_shard).min(dataset.len());
            let path = args.out.join(format!("{}{number:05}.tar", args.prefix));
            let packed = packing.write(samples, &path, &bar).map_err(|error| format!("{}: {error}", path.display()))?;
            done.lock().map_err(|error| error.to_string())?.push((number, packed));
        }
    };
    let workers = args.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into)).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })?;
    bar.finish();
    let mut done = done.into_inner()?;
    done.sort_by_key(|(number, _)| *number);
    let mut skipped = dataset.tally().clone();
    done.iter().for_each(|(_, packed)| skipped.merge(&packed.skipped));
    let samples: usize = done.iter().map(|(_, packed)| packed.samples).sum();
    let manifest = json!({
        "samples": samples,
        "skipped": counts(&skipped),
        "short_side": args.short_side,
        "shards": done.iter().map(|(_, packed)| packed.manifest()).collect::<Vec<_>>(),
    });
    fs::write(args.out.join("manifest.json"), serde_json::to_vec_pretty(&manifest)?)?;
    println!("{samples} samples in {shards} shards in {}, skipped: {skipped}", args.out.display());
    for line in done.iter().filter_map(|(_, packed)| packed.first_skipped.as_ref()).take(5) {
        println!("  {line}");
    }
    Ok(())
}

fn counts(tally: &Tally) -> serde_json::Value {
    tally.iter().map(|(kind, count)| (kind.name().to_owned(), count.into())).collect::<serde_json::Map<_, _>>().into()
}
