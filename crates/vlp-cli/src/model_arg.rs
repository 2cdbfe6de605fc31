//! The arguments that name a trained model.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::pretrained::{Model, OpenOptions};

use crate::device_arg::DeviceArg;
use crate::failure::Failure;

/// A model, and where it computes.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct ModelArg {
    /// A run's folder, a folder of open_clip, Hugging Face or timm, a hub's cache, or a file of weights
    weights: PathBuf,
    /// The model of a file that carries no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A tokenizer.json instead of the one that belongs to the model
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

impl ModelArg {
    pub(crate) fn open<M: MethodConfig, I: ImageEncoderConfig>(&self) -> Result<Model, Failure> {
        let options = OpenOptions { model: self.model.clone(), tokenizer: self.tokenizer.clone(), ..OpenOptions::default() };
        options.open(&self.weights, &self.device()?).map_err(Failure::of)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.weights
    }

    pub(crate) fn device(&self) -> Result<Device, Failure> {
        self.device.open()
    }

    /// Whether it is the folder of a run, or of one of its checkpoints.
    pub(crate) fn is_run(&self) -> bool {
        let step = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("step-");
        let folder = &self.weights;
        folder.join("manifest.json").is_file()
            || std::fs::read_dir(folder).is_ok_and(|entries| entries.filter_map(Result::ok).any(step))
    }
}
