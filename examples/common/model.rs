//! A model to look at pictures with: pretrained weights, or a checkpoint of the quickstart.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use vlp::augment::{ImageTransform, Normalization};
use vlp::core::Embedder;
use vlp::data::HostImages;
use vlp::device::DeviceName;
use vlp::eval::HeadEmbeddings;
use vlp::weights::{ModelConfig, Package, PreprocessConfig, ReadLimits, StateDict, WeightError, preset};

use super::checkpoint::trained;

const QUICKSTART: &str = "runs/quickstart";

/// Which model, and where it computes.
#[derive(clap::Args, Debug)]
pub(crate) struct ModelArgs {
    /// Folder of open_clip or Hugging Face, or a file of weights (safetensors, or PyTorch's)
    #[arg(long, conflicts_with = "checkpoint")]
    pub(crate) weights: Option<PathBuf>,
    /// The model of a file that has no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long, requires = "weights")]
    model: Option<String>,
    /// A run of the quickstart, of which the newest checkpoint is taken [default without --weights: runs/quickstart]
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
}

/// What reads the model's texts.
#[derive(Debug)]
pub(crate) enum Texts {
    /// A tokenizer that follows from this configuration and from what lies in the folder of the weights.
    Pretrained(Box<ModelConfig>, PathBuf),
    /// The tokenizer of `data/emoji`, with this context length and vocabulary.
    Emoji(usize, usize),
}

/// A model on a device, and what goes before and after it.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) device: Device,
    pub(crate) embedder: Box<dyn Embedder>,
    pub(crate) resize: Arc<dyn ImageTransform>,
    pub(crate) normalization: Normalization,
    /// Factor on cosines.
    pub(crate) scale: f32,
    /// Added to scaled cosines; a model with one was trained with a sigmoid, one without with a softmax.
    pub(crate) bias: Option<f32>,
    pub(crate) texts: Texts,
}

impl ModelArgs {
    pub(crate) fn load(&self) -> Result<Model, Box<dyn Error>> {
        let device = self.device.parse::<DeviceName>()?.open()?;
        match (&self.weights, &self.checkpoint) {
            (Some(path), _) => pretrained(path, self.model.as_deref(), device),
            (None, Some(run)) => trained(run, device),
            (None, None) if Path::new(QUICKSTART).is_dir() => trained(Path::new(QUICKSTART), device),
            (None, None) => Err(format!(
                "no model: give --weights FOLDER, or train a small one in minutes with `cargo run --release --example \
                 quickstart`, which leaves it in {QUICKSTART}"
            )
            .into()),
        }
    }
}

/// Weights with the configuration that they carry, that lies beside them, or of this name.
pub(crate) fn read_package(path: &Path, model: Option<&str>) -> Result<Package, Box<dyn Error>> {
    let limits = ReadLimits::default();
    let Some(name) = model else {
        return Package::read(path, &limits).map_err(|error| match error {
            WeightError::Config { what, .. } if path.is_file() && what.starts_with("the configuration of") => {
                format!("{what} is not known: it carries none and none lies beside it; say --model NAME").into()
            }
            error => error.into(),
        });
    };
    if path.is_dir() {
        return Err(format!("--model {name}: {} is a folder with a configuration of its own", path.display()).into());
    }
    let config = preset(name)?;
    let preprocess = PreprocessConfig::for_model(&config)?;
    Ok(Package::new(StateDict::read(path, &limits)?, config, preprocess)?)
}

fn pretrained(path: &Path, model: Option<&str>, device: Device) -> Result<Model, Box<dyn Error>> {
    let loaded = read_package(path, model)?.load(&device)?;
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    Ok(Model {
        name: path.display().to_string(),
        device,
        embedder: Box::new(loaded.model),
        resize: Arc::new(loaded.preprocess.resize()),
        normalization: loaded.preprocess.normalization(),
        scale: loaded.log_scale.exp(),
        bias: loaded.bias,
        texts: Texts::Pretrained(Box::new(loaded.config), folder.to_path_buf()),
    })
}

impl Model {
    /// Vectors of prepared pictures, of length 1.
    pub(crate) fn embed(&self, images: &HostImages) -> Result<HeadEmbeddings, Box<dyn Error>> {
        let images = images.to_tensor(&self.device, &self.normalization);
        Ok(HeadEmbeddings::gather([self.embedder.embed_images(images)])?)
    }
}
