//! The arguments that name a trained model.

use std::path::PathBuf;

use vlp::pretrained::{Model, OpenOptions};

use crate::device_arg::DeviceArg;
use crate::failure::{Blame, Failure};

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
    pub(crate) fn open(&self) -> Result<Model, Failure> {
        let options = OpenOptions { model: self.model.clone(), tokenizer: self.tokenizer.clone(), ..OpenOptions::default() };
        options.open(&self.weights, &self.device.open()?).asked()
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.weights
    }
}
