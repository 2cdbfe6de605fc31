//! Shows what is in a dataset: samples, what is left out and why, captions, sizes, duplicates, and a sheet of views to look at:
//!
//! ```text
//! cargo run --release -p vlp-data --example inspect_data -- data/emoji --sheet views.png
//! ```

mod sheet;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vlp_data::{Dataset, InspectOptions, Limits};

/// Show what is in a dataset.
#[derive(Parser)]
pub(crate) struct Args {
    /// A folder of shards or pictures, a pattern of shards, or a .csv, .tsv, .jsonl or .json table; with the features `parquet` and
    /// `remote` also .parquet tables and URLs of shards.
    data: String,
    /// Where a sheet of weak and strong views goes.
    #[arg(long)]
    sheet: Option<PathBuf>,
    /// Rows of the sheet.
    #[arg(long, default_value_t = 8)]
    rows: usize,
    /// Side of the views in pixels.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Seed of the views.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Decode every picture instead of 256.
    #[arg(long)]
    decode_all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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
    let dataset = Dataset::from_path(&args.data, Limits::default())?;
    let decode = if args.decode_all { usize::MAX } else { InspectOptions::default().decode };
    let inspection = dataset.inspect(&InspectOptions { workers: args.workers, decode })?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&inspection)?),
        false => println!("{inspection}"),
    }
    if let Some(path) = &args.sheet {
        sheet::draw(args, &dataset, path)?;
        eprintln!("views: {}", path.display());
    }
    Ok(())
}
