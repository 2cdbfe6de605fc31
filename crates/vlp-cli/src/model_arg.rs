//! The arguments that name a trained model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use vlp::augment::recipes;
use vlp::data::{HfTokenizer, Tokenizer};
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::pretrained::{Model, ModelParts, OpenOptions, TextReader};
use vlp::run::load_as;

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
    pub(crate) fn open<M: MethodConfig, I: ImageEncoderConfig>(&self) -> Result<Model, Failure> {
        let (model, tokenizer) = (self.model.clone(), self.tokenizer.clone());
        if self.is_run() && model.is_none() {
            return self.trained::<M, I>();
        }
        let options = OpenOptions { model, tokenizer, ..OpenOptions::default() };
        options.open(&self.weights, &self.device()?).map_err(Failure::of)
    }

    /// A run of this program's methods and encoders.
    fn trained<M: MethodConfig, I: ImageEncoderConfig>(&self) -> Result<Model, Failure> {
        let trained = load_as::<M, I>(&self.weights, &self.device()?).map_err(Failure::of)?;
        let recipe = trained.recipe();
        let (vocab_size, context_length) = (recipe.text.vocab_size, recipe.text.context_length);
        let tokenizer: Arc<dyn Tokenizer> = match &self.tokenizer {
            Some(file) => Arc::new(HfTokenizer::from_path(file, context_length).asked()?),
            None => Arc::clone(trained.tokenizer()),
        };
        Ok(Model::new(ModelParts {
            name: self.weights.display().to_string(),
            device: trained.device().clone(),
            resize: Arc::new(recipes::eval(recipe.views.size)),
            normalization: trained.normalization(),
            scale: trained.scale(),
            bias: trained.bias(),
            tokenizer: Some(TextReader::new(tokenizer, vocab_size, context_length).map_err(Failure::of)?),
            package: None,
            embedder: Box::new(trained.method),
        }))
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
