//! Shows what is in a dataset: counts, sizes, captions, damaged samples, and a sheet of views to look at:
//!
//! ```text
//! cargo run --release -p vlp-data --example inspect_data -- data/emoji --sheet views.png
//! ```

mod sheet;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use vlp_augment::ImageSequence;
use vlp_data::{Damage, Dataset, Limits, Tally};

/// Show what is in a dataset.
#[derive(Parser)]
pub(crate) struct Args {
    /// A folder of shards or pictures, a pattern of shards, or a .csv, .tsv or .jsonl table; with the features `parquet` and
    /// `remote` also .parquet tables and URLs of shards.
    data: String,
    /// Where the sheet of weak and strong views goes.
    #[arg(long, default_value = "views.png")]
    sheet: PathBuf,
    /// Rows of the sheet.
    #[arg(long, default_value_t = 8)]
    rows: usize,
    /// Side of the views in pixels.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Seed of the views.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Damaged samples listed at most.
    #[arg(long, default_value_t = 20)]
    list: usize,
    /// Threads; by default one for each core.
    #[arg(long)]
    workers: Option<usize>,
}

fn main() -> ExitCode {
    match inspect(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn inspect(args: &Args) -> Result<(), Box<dyn Error>> {
    let dataset = Arc::new(Dataset::from_path(&args.data, Limits::default())?);
    for warning in dataset.warnings() {
        println!("warning: {warning}");
    }
    let workers = args.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let start = Instant::now();
    let (mut widths, mut heights, mut words, mut good) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tally, mut captions) = (Tally::default(), std::collections::HashSet::new());
    // No transform: the pictures come as they are.
    for (index, sample) in dataset.pass(ImageSequence::new(), workers)?.enumerate() {
        match sample {
            Ok(sample) => {
                widths.push(sample.image.width());
                heights.push(sample.image.height());
                words.push(sample.annotation.caption.split_whitespace().count());
                captions.insert(sample.annotation.caption);
                good.push(index);
            }
            Err(Damage::Unreachable(error)) => return Err(error.into()),
            Err(damage) => {
                if tally.total() < args.list as u64 {
                    println!("damaged: {}: {damage}", dataset.name(index));
                }
                tally.add(damage.kind());
            }
        }
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "{} samples read in {took:.1} s ({:.0} a second, {workers} threads)",
        dataset.len(),
        dataset.len() as f64 / took
    );
    println!("{} good, {} different captions", good.len(), captions.len());
    println!("damaged when indexed: {}; when read: {tally}", dataset.tally());
    for (name, values) in [("width", widths), ("height", heights), ("words a caption", words)] {
        println!("{name}: {}", spread(values));
    }
    sheet::draw(args, &dataset, &good)?;
    println!("views: {}", args.sheet.display());
    Ok(())
}

/// Smallest, middle and largest value.
fn spread(mut values: Vec<usize>) -> String {
    values.sort_unstable();
    match values[..] {
        [] => "none".to_owned(),
        [first, ..] => format!("{first} to {}, median {}", values[values.len() - 1], values[values.len() / 2]),
    }
}
