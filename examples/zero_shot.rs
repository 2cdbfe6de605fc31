//! What is on these pictures? Probabilities of class names that the model was never trained for.
//!
//! ```text
//! cargo run --release --example zero_shot -- --weights ViT-B-32 --classes cat,dog,bird photos/
//! cargo run --release --example quickstart                          # no weights at hand: train some in minutes
//! cargo run --release --example zero_shot -- --classes "red heart,dog,pizza" data/emoji/test-concepts-000.tar
//! ```

mod common;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vlp::augment::Image;
use vlp::data::HostImages;
use vlp::eval::{Embeddings, top_k};

use common::classes::{class_vectors, probabilities};
use common::model::{Model, ModelArgs, Texts};
use common::pictures::Pictures;
use common::tokenizer::Reader;
use common::{Failure, exit};

const BATCH: usize = 32;

/// Classifies pictures among classes given by name.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// Names of the classes, with commas between them
    #[arg(long, value_delimiter = ',', required_unless_present = "classes_from")]
    classes: Vec<String>,
    /// A file with a class name on each line
    #[arg(long)]
    classes_from: Option<PathBuf>,
    /// What is said, {} being the class; several are averaged [default: "a photo of a {}.", "{}" for a checkpoint]
    #[arg(long)]
    template: Vec<String>,
    /// A tokenizer.json instead of the one that belongs to the model
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Classes shown for each picture
    #[arg(long, default_value_t = 5)]
    top: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let prepared = prepare(&args).map_err(Failure::Asked);
    exit(prepared.and_then(|ready| classify(ready, args.top).map_err(Failure::Done)))
}

struct Ready {
    model: Model,
    classes: Vec<String>,
    vectors: Embeddings,
    pictures: Pictures,
}

fn prepare(args: &Args) -> Result<Ready, Box<dyn Error>> {
    let listed = match &args.classes_from {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => String::new(),
    };
    let names = args.classes.iter().map(String::as_str).chain(listed.lines()).map(str::trim);
    let classes: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_string).collect();
    if classes.is_empty() || args.top == 0 {
        return Err("at least one class and --top 1 are needed".into());
    }
    if let Some(template) = args.template.iter().find(|template| !template.contains("{}")) {
        return Err(format!("--template '{template}' has no {{}} for the class").into());
    }
    let pictures = Pictures::find(&args.pictures)?;
    let model = args.model.load()?;
    let reader = Reader::new(&model.texts, args.tokenizer.as_deref())?;
    let default = if let Texts::Emoji(..) = model.texts { "{}" } else { "a photo of a {}." };
    let templates = if args.template.is_empty() { vec![default.to_string()] } else { args.template.clone() };
    let vectors = class_vectors(&model, &reader, &classes, &templates)?;
    Ok(Ready { model, classes, vectors, pictures })
}

fn classify(Ready { model, classes, vectors, pictures }: Ready, top: usize) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} classes by {}", classes.len(), model.name)?;
    let (mut batch, mut shown, mut damaged): (Vec<(String, Image)>, _, _) = (Vec::new(), 0, 0);
    let mut prepared = pictures.prepare(model.resize.clone(), 2)?.peekable();
    while let Some((name, picture)) = prepared.next() {
        match picture {
            Ok(image) => batch.push((name, image)),
            Err(why) => {
                damaged += 1;
                eprintln!("warning: {name} is left out: {why}");
            }
        }
        if batch.is_empty() || (batch.len() < BATCH && prepared.peek().is_some()) {
            continue;
        }
        let images = model.embed(&HostImages::collate(batch.iter().map(|(_, image)| image))?)?.weak;
        let (nearest, cosines) = (top_k(&images, &vectors, top)?, images.similarity(&vectors)?);
        for (row, (name, _)) in batch.iter().enumerate() {
            let shares = probabilities(&cosines.row(row).to_vec(), &model);
            let said = nearest[row].iter().map(|&class| format!("{:5.1} % {}", 100.0 * shares[class], classes[class]));
            writeln!(out, "{name:<40} {}", said.collect::<Vec<_>>().join("  "))?;
        }
        shown += batch.len();
        batch.clear();
    }
    if damaged > 0 {
        eprintln!("{damaged} of {} pictures could not be read", shown + damaged);
    }
    if shown == 0 { Err("none of the pictures could be read".into()) } else { Ok(()) }
}
