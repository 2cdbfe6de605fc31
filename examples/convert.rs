//! Weights from one library's layout to another's, with what the other needs beside them. `vlp convert` does more.
//!
//! ```text
//! cargo run --release --example convert -- path/to/ViT-B-32 my-hf hugging-face
//! cargo run --release --example convert -- runs/my-clip mine open-clip
//! ```

use std::process::ExitCode;

use vlp::pretrained::{OpenOptions, Target, export};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let target = match arguments.get(2).map(String::as_str) {
        Some("open-clip") => Target::OpenClip,
        Some("hugging-face") => Target::HuggingFace,
        Some("timm") => Target::Timm,
        _ => {
            eprintln!("usage: convert FROM FOLDER open-clip|hugging-face|timm");
            return ExitCode::from(2);
        }
    };
    vlp::exit_code(convert(&arguments[0], &arguments[1], target))
}

fn convert(from: &str, folder: &str, target: Target) -> Result<(), vlp::Error> {
    let package = OpenOptions::default().package(from)?;
    println!("read {}", package.weights().summary());
    let remarks = export(&package, target, folder)?;
    package.warnings().iter().chain(&remarks).for_each(|remark| eprintln!("warning: {remark}"));
    Ok(())
}
