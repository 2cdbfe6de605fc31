//! Weights from one library's layout to another's, with what the other needs beside them.
//!
//! ```text
//! cargo run --release --example convert -- ViT-B-32 my-hf --to hugging-face
//! cargo run --release --example convert -- epoch_32.pt mine --to open-clip --model ViT-B-32-quickgelu --dtype bf16
//! cargo run --release --example convert -- siglip-hf tower --to timm
//! ```

mod common;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use vlp::weights::{DType, Format, Layout, Package, StateDict, convert, detect};

use common::model::read_package;
use common::{Failure, exit};

/// Converts weights between open_clip, Hugging Face and timm; no value changes unless --dtype says so.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Folder of open_clip or Hugging Face, or a file of weights (safetensors, or PyTorch's)
    from: PathBuf,
    /// Folder to write; an earlier export there is replaced, nothing else is
    out: PathBuf,
    /// Whose layout to write
    #[arg(long, value_enum)]
    to: Target,
    /// Type of the numbers; without it they stay as they are
    #[arg(long, value_enum)]
    dtype: Option<Float>,
    /// The model of a file that has no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long)]
    model: Option<String>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Target {
    /// open_clip: `open_clip.create_model("local-dir:OUT")`
    OpenClip,
    /// transformers: `AutoModel.from_pretrained("OUT")`
    HuggingFace,
    /// timm: the image tower alone, for `timm.create_model(..., num_classes=0, checkpoint_path="OUT/model.safetensors")`
    Timm,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Float {
    F32,
    Bf16,
    F16,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut package = read_package(&args.from, args.model.as_deref()).map_err(Failure::Asked)?;
    println!("read    {}: {}", args.from.display(), described(package.weights()));
    if let Some(float) = args.dtype {
        package = cast(package, float).map_err(Failure::Asked)?;
    }
    write(&package, args).map_err(Failure::Asked)
}

fn cast(package: Package, float: Float) -> Result<Package, Box<dyn Error>> {
    let dtype = match float {
        Float::F32 => DType::F32,
        Float::Bf16 => DType::BF16,
        Float::F16 => DType::F16,
    };
    let (weights, config, preprocess) = package.into_parts();
    Ok(Package::new(weights.cast_floats(dtype)?, config, preprocess)?)
}

fn write(package: &Package, args: &Args) -> Result<(), Box<dyn Error>> {
    let out = &args.out;
    match args.to {
        Target::OpenClip => package.export(Format::OpenClip, out)?,
        Target::HuggingFace => package.export(Format::HuggingFace, out)?,
        Target::Timm => write_timm(package, out)?,
    }
    let open_clip = matches!(args.to, Target::OpenClip);
    let file = out.join(if open_clip { "open_clip_model.safetensors" } else { "model.safetensors" });
    let weights = StateDict::read(&file, &Default::default())?;
    let bytes = std::fs::metadata(&file)?.len();
    println!("written {}: {}, {:.1} MB", file.display(), described(&weights), bytes as f64 / 1e6);
    Ok(())
}

/// timm reads a file of weights and has the configuration in the name of the model.
fn write_timm(package: &Package, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut tower = convert(package.weights().clone(), package.config().layout(), Layout::TimmVit)?;
    tower.metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let (part, file) = (out.join("model.safetensors.part"), out.join("model.safetensors"));
    tower.write_safetensors(&part)?;
    std::fs::rename(&part, &file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(())
}

/// `302 tensors (302 f32), 151277313 numbers, open_clip CLIP`.
fn described(weights: &StateDict) -> String {
    let (mut numbers, mut types) = (0, BTreeMap::new());
    for (_, tensor) in weights.iter() {
        numbers += tensor.len();
        *types.entry(tensor.dtype().to_string()).or_insert(0) += 1;
    }
    let types: Vec<_> = types.iter().map(|(dtype, count)| format!("{count} {dtype}")).collect();
    let layout = detect(weights).map_or_else(|_| "unknown layout".to_string(), |layout| layout.to_string());
    format!("{} tensors ({}), {numbers} numbers, {layout}", weights.len(), types.join(", "))
}
