//! A folder of pictures into one matrix of embeddings, a row a picture, and a list of their names. `vlp embed` does more.
//!
//! ```text
//! cargo run --release --example embed_folder -- path/to/ViT-B-32 photos/ photos.npy
//! python -c 'import numpy; print(numpy.load("photos.npy").shape); print(open("photos.txt").readline())'
//! ```

use std::path::Path;
use std::process::ExitCode;

use vlp::pretrained::{self, EmbedOptions, Pictures, embed_files};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder, out] = &arguments[..] else {
        eprintln!("usage: embed_folder MODEL FOLDER OUT.npy");
        return ExitCode::from(2);
    };
    vlp::exit_code(embed(model, folder, Path::new(out)))
}

fn embed(model: &str, folder: &str, out: &Path) -> Result<(), vlp::Error> {
    let pictures = Pictures::find(&[folder])?;
    let model = pretrained::open(model, &vlp::device::open("flex")?)?;
    let done = embed_files(&model, &pictures, out, &EmbedOptions::default(), |_| ())?;
    println!("{}: {} x {} in {:.1} s by {}", out.display(), done.rows, done.width, done.seconds, model.name());
    if done.damaged > 0 {
        eprintln!("{} pictures left out, see {}", done.damaged, out.with_extension("damaged.txt").display());
    }
    Ok(())
}
