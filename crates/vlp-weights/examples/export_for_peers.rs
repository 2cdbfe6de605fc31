//! Writes small models as folders of open_clip and of transformers, each with the features that this workspace computes
//! beside it, for `tests/peers/check_export.py`:
//!
//! ```sh
//! cargo run --example export_for_peers -- exported
//! python tests/peers/check_export.py exported
//! ```

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use common::{golden_json, golden_weights};
use serde_json::{Value, json};
use vlp_augment::Image;
use vlp_core::TextMode;
use vlp_testkit::inputs;
use vlp_weights::{Format, ModelConfig, Package, PreprocessConfig};

/// A picture of the size that the pictures of the golden file have: no square, so that resize modes differ.
fn picture() -> Result<Image, Box<dyn Error>> {
    let (width, height) = (100, 60);
    let pixel = |y: usize, x: usize| [5 * x + 3 * y, x * y, 2 * x + y * y].map(|value| value as u8);
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(y, x))).collect();
    Ok(Image::new(width, height, pixels)?)
}

fn rows(tensor: Tensor<2>) -> Value {
    let columns = tensor.dims()[1];
    let values: Vec<f32> = tensor.into_data().try_into_vec().expect("32-bit floats");
    json!(values.chunks(columns).collect::<Vec<_>>())
}

fn main() -> Result<(), Box<dyn Error>> {
    let target: PathBuf = std::env::args().nth(1).ok_or("name a folder to write to")?.into();
    std::fs::create_dir_all(&target)?;
    let device = Device::flex();
    for (name, model) in golden_json("open_clip.json")["models"].as_object().ok_or("no models")? {
        let mut config = ModelConfig::from_json(&model["config"].to_string())?;
        config.custom_text |= config.vision_cfg.timm_model_name.is_some();
        let preprocess = PreprocessConfig::for_model(&config)?;
        let package = Package::new(golden_weights(model), config, preprocess)?;
        let side = preprocess.size.height_width()[0];
        let text = package.config().text_cfg.clone();
        for (format, folder) in [(Format::OpenClip, "open_clip"), (Format::HuggingFace, "hugging_face")] {
            let folder = target.join(format!("{name}-{folder}"));
            if let Err(error) = package.export(format, &folder) {
                println!("{name} is not written for {format:?}: {error}");
                continue;
            }
            // What goes out is read again, so that the numbers belong to the files.
            let loaded = Package::read(&folder, &Default::default())?.load(&device)?;
            let texts = inputs::texts(3, text.context_length, text.vocab_size, &device);
            let embeddings = json!({
                "side": side,
                "context_length": text.context_length,
                "vocab_size": text.vocab_size,
                "image_features": rows(loaded.model.embed_images(inputs::images(3, side, &device))),
                "text_features": rows(loaded.model.embed_texts(texts, TextMode::Global)),
                "pixels": preprocess.apply(picture()?),
            });
            std::fs::write(
                target.join(format!("{}.json", folder.file_name().unwrap_or_default().display())),
                embeddings.to_string(),
            )?;
            println!("{}", folder.display());
        }
    }
    Ok(())
}
