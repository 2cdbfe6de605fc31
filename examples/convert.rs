//! Weights from one library's layout to another's, with what the other needs beside them.
//!
//! ```text
//! cargo run --release --example convert -- ViT-B-32 my-hf --to hugging-face
//! cargo run --release --example convert -- epoch_32.pt mine --to open-clip --model ViT-B-32-quickgelu --dtype bf16
//! cargo run --release --example convert -- runs/my-clip mine --to open-clip
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use vlp::pretrained::{OpenOptions, PretrainedError, Target, export};
use vlp::weights::{DType, StateDict};

/// Converts weights between open_clip, Hugging Face and timm; no value changes unless --dtype says so.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Folder of open_clip or Hugging Face, a file of weights (safetensors, or PyTorch's), or a run's folder
    from: PathBuf,
    /// Folder to write; an earlier export there is replaced, nothing else is
    out: PathBuf,
    /// Whose layout to write
    #[arg(long, value_enum)]
    to: To,
    /// Type of the numbers; without it they stay as they are
    #[arg(long, value_enum)]
    dtype: Option<Float>,
    /// The model of a file that has no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long)]
    model: Option<String>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum To {
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
    run(Args::parse()).map_or_else(
        |error| {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run(args: Args) -> Result<(), PretrainedError> {
    let mut package = OpenOptions { model: args.model, ..OpenOptions::default() }.package(&args.from)?;
    println!("read    {}: {}", args.from.display(), package.weights().summary());
    package.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    if let Some(float) = args.dtype {
        let dtype = [DType::F32, DType::BF16, DType::F16][float as usize];
        package = package.cast_floats(dtype)?;
    }
    let target = [Target::OpenClip, Target::HuggingFace, Target::Timm][args.to as usize];
    export(&package, target, &args.out)?.iter().for_each(|remark| eprintln!("warning: {remark}"));
    let file = args.out.join(target.weights_file());
    println!("written {}: {}", file.display(), StateDict::read(&file, &Default::default())?.summary());
    Ok(())
}
