//! Shows what is in a dataset: counts, sizes, captions, damaged samples, and a sheet of views to look at:
//!
//! ```text
//! cargo run --release -p vlp-data --example inspect_data -- data/emoji --sheet views.png
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use vlp_augment::{Identity, Image, ImageSequence, ImageTransform, KeywordShuffle, SampleRng, recipes};
use vlp_data::{Dataset, Limits, Tally, View, Views};
use vlp_report::{Picture, RetrievalRow, RetrievalSheet};

/// Show what is in a dataset.
#[derive(Parser)]
struct Args {
    /// A folder of shards or pictures, a pattern of shards, or a .csv, .tsv or .jsonl table.
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

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
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
    sheet(&args, &dataset, &good)?;
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

/// Evenly spread samples: the picture as it is, its weak view, and three strong ones.
fn sheet(args: &Args, dataset: &Dataset, good: &[usize]) -> Result<(), Box<dyn Error>> {
    let views = Views::weak(View::new(recipes::clip_rocket_weak(args.size), Identity))
        .and_strong(3, View::new(recipes::clip_rocket_strong(args.size), KeywordShuffle { at_least: 1 }));
    let mut samples = Vec::new();
    for &index in good.iter().step_by((good.len() / args.rows.max(1)).max(1)).take(args.rows) {
        let sample = dataset.sample(index)?;
        let whole = recipes::eval(args.size).apply(sample.image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        let made = views.preview(sample.image, &sample.annotation.caption, (args.seed, 0, index as u64));
        samples.push((sample.annotation.caption, whole, made));
    }
    let mut sheet = RetrievalSheet::new("Views of evenly spread samples").caption_width(420).subtitle(
        "1: the whole picture, 2: weak view, 3 to 5: strong views (thin frames). Text: caption, then that of the first strong view",
    );
    for (caption, whole, made) in &samples {
        let picture =
            |image: &Image| Picture::new(image.width() as u32, image.height() as u32, image.pixels()).map_err(Box::new);
        let mut row = RetrievalRow::new(format!("{caption} → {}", made[1].1)).hit(picture(whole)?, true);
        for (number, (image, _)) in made.iter().enumerate() {
            row = row.hit(picture(image)?, number == 0);
        }
        sheet = sheet.row(row);
    }
    Ok(sheet.save(&args.sheet)?)
}
