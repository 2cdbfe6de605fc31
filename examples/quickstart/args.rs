//! The command line, and what it leads to before the first step.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use clap::Parser;
use vlp::data::{Dataset, HfTokenizer, Limits, Tokenizer};
use vlp::device::{DeviceName, check_precision};
use vlp::recipe::Recipe;

use crate::existing_run;

/// Trains a small vision-language model on emoji and shows what it has learned.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Args {
    /// What to train: clip, clip-rocket, slip, siamlip, byolip, barlip, swalip, swalip-v1, nclip, xclip or siglip
    #[arg(long)]
    method: Option<String>,
    /// Passes over the training pairs
    #[arg(long)]
    epochs: Option<f64>,
    /// Only 30 steps, then everything that follows a full run
    #[arg(long)]
    short: bool,
    /// Continue from the newest checkpoint in the run's directory
    #[arg(long)]
    resume: bool,
    /// Start anew even where an unfinished run would be lost
    #[arg(long, conflicts_with = "resume")]
    fresh: bool,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
    /// Seed of weights, order, augmentation and dropout
    #[arg(long)]
    seed: Option<u64>,
    /// A recipe in TOML instead of the built-in recipes/quickstart.toml
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Set a key of the recipe, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Directory with the shards and tokenizer.json
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/emoji"), hide_default_value = true)]
    data: PathBuf,
    /// What to train on instead of that directory's train-*.tar: whatever `Dataset::from_path` reads, such as a pattern of
    /// shards, a table, and with the features `parquet` and `remote` also .parquet tables and URLs of shards
    #[arg(long)]
    train: Option<String>,
    /// Directory of the run
    #[arg(long, default_value = "runs/quickstart")]
    out: PathBuf,
    /// Threads that read and augment; they do not change what is learned
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// A run that is ready to start.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) recipe: Recipe,
    pub(crate) device_name: DeviceName,
    /// With autodiff.
    pub(crate) device: Device,
    pub(crate) data: PathBuf,
    pub(crate) train: Arc<Dataset>,
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    pub(crate) out: PathBuf,
    pub(crate) total: u64,
    pub(crate) resume: bool,
    pub(crate) overwrite: bool,
    pub(crate) workers: usize,
}

impl Args {
    /// Checks everything that can be checked before training.
    pub(crate) fn prepare(self) -> Result<Setup, Box<dyn Error>> {
        let device_name: DeviceName = self.device.parse()?;
        let recipe = self.recipe()?;
        let device = device_name.open()?.autodiff();
        check_precision(&device, recipe.precision)?;
        let tokenizer = HfTokenizer::from_path(self.data.join("tokenizer.json"), recipe.text.context_length)?;
        if tokenizer.vocab_size() != recipe.text.vocab_size {
            let (ours, theirs) = (recipe.text.vocab_size, tokenizer.vocab_size());
            return Err(format!("the recipe's text.vocab_size is {ours}, the tokenizer has {theirs} entries").into());
        }
        let train = Arc::new(match &self.train {
            Some(source) => Dataset::from_path(source, Limits::default())?,
            None => Dataset::open(&self.data, "train-", Limits::default())?,
        });
        let total = if self.short { 30 } else { recipe.total_steps(train.len()) };
        if self.workers == 0 {
            return Err("--workers must be at least 1".into());
        }
        std::fs::create_dir_all(&self.out).map_err(|error| format!("--out {}: {error}", self.out.display()))?;
        if self.resume {
            existing_run::continues(&self.out, recipe.method.name())?;
        }
        let overwrite = self.fresh || (!self.resume && existing_run::replaces(&self.out)?);
        let Args { data, out, resume, workers, .. } = self;
        let tokenizer = Arc::new(tokenizer);
        Ok(Setup { recipe, device_name, device, data, train, tokenizer, out, total, resume, overwrite, workers })
    }

    fn recipe(&self) -> Result<Recipe, Box<dyn Error>> {
        let mut recipe = match (&self.recipe, &self.method) {
            (Some(path), None) => Recipe::from_path(path)?,
            (Some(path), Some(name)) => Recipe::from_path(path)?.with_method(name)?,
            (None, None) => Recipe::quickstart(),
            (None, Some(name)) => Recipe::quickstart_with(name)?,
        }
        .set(&self.settings)?;
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.check()?;
        Ok(recipe)
    }
}

impl Setup {
    /// What a resumed run must share with the first.
    pub(crate) fn config(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::json!({ "recipe": serde_json::to_value(&self.recipe)?, "total_steps": self.total }))
    }
}
