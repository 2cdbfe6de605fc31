//! A folder of pictures into one matrix of embeddings, a row a picture, and a list of their names.
//!
//! ```text
//! cargo run --release --example embed_folder -- --weights ViT-B-32 photos/ --out photos.npy
//! python -c 'import numpy; print(numpy.load("photos.npy").shape); print(open("photos.txt").readline())'
//! ```

mod common;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use vlp::augment::Image;
use vlp::data::HostImages;
use vlp::eval::HeadEmbeddings;

use common::model::{Model, ModelArgs};
use common::pictures::Pictures;
use common::rows::RowWriter;
use common::{Failure, exit};

/// Embeds pictures; those that cannot be read are left out, counted and listed.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// Matrix to write, .npy or .safetensors; names go to the same name with .txt, damaged pictures to .damaged.txt
    #[arg(long)]
    out: PathBuf,
    /// As the model gives them, without dividing by their length
    #[arg(long)]
    raw: bool,
    /// Pictures that the model sees at once
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Threads that read and resize
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let prepared = prepare(&args).map_err(Failure::Asked);
    exit(prepared.and_then(|(model, pictures, rows)| embed(&args, &model, pictures, rows).map_err(Failure::Done)))
}

fn prepare(args: &Args) -> Result<(Model, Pictures, RowWriter), Box<dyn Error>> {
    if args.batch == 0 || args.workers == 0 {
        return Err("--batch and --workers must be at least 1".into());
    }
    let pictures = Pictures::find(&args.pictures)?;
    let model = args.model.load()?;
    Ok((model, pictures, RowWriter::create(&args.out)?))
}

fn embed(args: &Args, model: &Model, pictures: Pictures, mut rows: RowWriter) -> Result<(), Box<dyn Error>> {
    let (begun, bar) = (Instant::now(), ProgressBar::new(pictures.len() as u64));
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {per_sec}, {eta} left")?);
    let (mut names, mut damaged, mut batch): (_, _, Vec<Image>) = (Vec::new(), Vec::new(), Vec::new());
    let mut prepared = pictures.prepare(model.resize.clone(), args.workers)?.peekable();
    while let Some((name, picture)) = prepared.next() {
        match picture {
            Ok(image) => {
                names.push(name);
                batch.push(image);
            }
            Err(why) => damaged.push(format!("{name}: {why}")),
        }
        if !batch.is_empty() && (batch.len() == args.batch || prepared.peek().is_none()) {
            write_batch(args, model, &batch, &mut rows)?;
            batch.clear();
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if names.is_empty() {
        return Err(format!("none of {} pictures could be read; the first: {}", damaged.len(), damaged[0]).into());
    }
    let list = |ending: &str, lines: &[String]| {
        let lines: Vec<_> = lines.iter().map(|line| line.replace('\n', "\\n") + "\n").collect();
        let path = args.out.with_extension(ending);
        fs::write(&path, lines.concat()).map_err(|error| format!("{}: {error}", path.display()))
    };
    list("txt", &names)?;
    // Also when it is empty: the list of an earlier run is not true any more.
    list("damaged.txt", &damaged)?;
    let [count, width] = rows.finish()?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{}: {count} x {width} in {seconds:.1} s by {}", args.out.display(), model.name);
    if !damaged.is_empty() {
        let path = args.out.with_extension("damaged.txt");
        eprintln!("{} of {} pictures left out, see {}", damaged.len(), names.len() + damaged.len(), path.display());
    }
    Ok(())
}

fn write_batch(args: &Args, model: &Model, batch: &[Image], rows: &mut RowWriter) -> Result<(), Box<dyn Error>> {
    let images = HostImages::collate(batch)?.into_tensor(&model.device, &model.normalization);
    let vectors = model.embedder.embed_images(images);
    if args.raw {
        let [_, width] = vectors.weak.dims();
        return Ok(rows.write(vectors.weak.try_into_vec_as::<f32>()?.into_iter(), width)?);
    }
    let vectors = HeadEmbeddings::gather([vectors])?.weak;
    Ok(rows.write(vectors.rows().iter().copied(), vectors.width())?)
}
