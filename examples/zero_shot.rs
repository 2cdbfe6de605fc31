//! What is on these pictures? Probabilities of class names that the model was never trained for.
//!
//! ```text
//! cargo run --release --example zero_shot -- --weights ViT-B-32 --classes cat,dog,bird photos/
//! cargo run --release --example quickstart                          # no weights at hand: train some in minutes
//! cargo run --release --example zero_shot -- --classes "red heart,dog,pizza" data/emoji/test-concepts-000.tar
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vlp::pretrained::{OpenOptions, Pictures, PretrainedError, Templates};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Classifies pictures among classes given by name.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// A run's folder, a folder of open_clip or Hugging Face, or a file of weights
    #[arg(long, visible_alias = "checkpoint", default_value = "runs/quickstart")]
    weights: PathBuf,
    /// The model of a file that has no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long)]
    model: Option<String>,
    /// A tokenizer.json instead of the one that belongs to the model
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Names of the classes, with commas between them; `imagenet` alone for its 1,000
    #[arg(long, value_delimiter = ',', required = true)]
    classes: Vec<String>,
    /// What is said, {} being the class; several are averaged [default: "a photo of a {}.", "{}" for a run]
    #[arg(long)]
    template: Vec<String>,
    /// Classes shown for each picture
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
}

fn main() -> ExitCode {
    classify(Args::parse()).map_or_else(
        |error| {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        },
        |()| ExitCode::SUCCESS,
    )
}

fn classify(args: Args) -> Result<(), PretrainedError> {
    let names: Vec<&str> = args.classes.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    let names = if names == ["imagenet"] { vlp::pretrained::imagenet_classes() } else { names };
    let own = if args.template.is_empty() { None } else { Some(Templates::new(args.template)?) };
    let pictures = Pictures::find(&args.pictures)?;
    let options = OpenOptions { model: args.model, tokenizer: args.tokenizer, ..OpenOptions::default() };
    let model = options.open(args.weights, &vlp::device::open(&args.device)?)?;
    let classifier = model.classifier(&names, own.as_ref().unwrap_or(model.templates()))?;
    println!("{} classes by {}", names.len(), model.name());
    let mut unread = 0;
    for batch in model.batches(&pictures, 32, 2, 0)? {
        let batch = batch?;
        unread += batch.damaged.len();
        batch.damaged.iter().for_each(|(name, why)| eprintln!("warning: {name} is left out: {why}"));
        let Some(vectors) = batch.unit()? else { continue };
        for (name, classes) in batch.names.iter().zip(classifier.rank(&vectors, args.top.into())?) {
            let said = classes.iter().map(|class| format!("{:5.1} % {}", 100.0 * class.probability, class.name));
            println!("{name:<40} {}", said.collect::<Vec<_>>().join("  "));
        }
    }
    match unread {
        0 => return Ok(()),
        count => eprintln!("{count} of {} pictures could not be read", pictures.len()),
    }
    let first = pictures.name(0);
    if unread < pictures.len() { Ok(()) } else { Err(PretrainedError::NoneReadable { count: unread, first }) }
}
