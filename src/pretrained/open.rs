use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use vlp_core::Embedder;
use vlp_encoders::{AnyImageEncoder, BertTower, DualEncoder};
use vlp_weights::{
    HfTextFolder, Package, PreprocessConfig, Pretrained, ReadLimits, StateDict, TimmTower, TowersThere, WeightError,
    hub_cached, hub_snapshot, preset, presets,
};

use super::from_run::{self, is_run};
use super::model::{Body, Opened};
use super::timm_tower::ImageAlone;
use super::{Model, PretrainedError, Templates, TextReader};

/// What open_clip puts before the path of a folder, and before the name of a model on the hub.
const LOCAL: &str = "local-dir:";
const HUB: &str = "hf-hub:";

/// Opens a trained model: a run's folder or one of its checkpoints, a folder of open_clip, of Hugging Face or of timm, a folder of the
/// hub's cache, or one file of weights with its configuration inside or beside it. `OWNER/NAME`, also with open_clip's `hf-hub:`
/// before it, is looked for in the hub's cache on this machine; nothing is fetched.
///
/// # Errors
/// When there is no model, something in it is damaged or does not fit together, and when its configuration asks for parts
/// that are not here.
pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Model, PretrainedError> {
    OpenOptions::default().open(path, device)
}

/// How a model is opened, where its place does not say enough.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The model of a file that has no configuration, by open_clip's name, such as `ViT-B-32`.
    pub model: Option<String>,
    /// A `tokenizer.json`, or a folder with one, in place of the one that belongs to the model.
    pub tokenizer: Option<PathBuf>,
    /// What reading weights may cost.
    pub limits: ReadLimits,
}

impl OpenOptions {
    /// Opens a model, see [`open`].
    ///
    /// # Errors
    /// As [`open`], and when the tokenizer was not the model's.
    pub fn open(&self, path: impl AsRef<Path>, device: &Device) -> Result<Model, PretrainedError> {
        let path = path.as_ref();
        // Nothing is trained here: layers behave as in evaluation, and no graph is kept.
        let device = if device.is_autodiff() { device.clone().inner() } else { device.clone() };
        match self.place(path)? {
            Place::Run(run) => from_run::open(&run, &device, self.tokenizer_file().as_deref()),
            Place::Weights(weights) => self.weights(path, &weights, device),
        }
    }

    fn tokenizer_file(&self) -> Option<PathBuf> {
        let given = self.tokenizer.as_ref()?;
        Some(if given.is_dir() { given.join("tokenizer.json") } else { given.clone() })
    }

    /// Weights, configuration and preprocessing without a model on a device, for conversion: no number changes.
    ///
    /// # Errors
    /// As [`open`], and when a run's model has no form that other libraries know.
    pub fn package(&self, path: impl AsRef<Path>) -> Result<Package, PretrainedError> {
        match self.place(path.as_ref())? {
            Place::Run(run) => from_run::open(&run, &crate::device::open("flex")?, None)?.package(),
            Place::Weights(weights) => self.read(&weights),
        }
    }

    fn place(&self, path: &Path) -> Result<Place, PretrainedError> {
        let text = path.to_string_lossy();
        let path = path.to_str().and_then(|text| text.strip_prefix(LOCAL)).map_or(path, Path::new);
        if path.is_file() {
            return Ok(Place::Weights(path.to_path_buf()));
        }
        if !path.is_dir() {
            let name = text.strip_prefix(HUB).unwrap_or(&text);
            if let Some(cached) = hub_cached(name) {
                return Ok(Place::Weights(hub_snapshot(cached)?));
            }
            let published = presets().any(|preset| preset == name) || text.starts_with(HUB);
            return Err(match published {
                true => PretrainedError::ModelName { name: name.to_string() },
                false => PretrainedError::NotFound { path: path.to_path_buf() },
            });
        }
        if let Some(name) = &self.model {
            return Err(PretrainedError::ModelKnown { name: name.clone(), path: path.to_path_buf() });
        }
        if is_run(path) {
            return Ok(Place::Run(path.to_path_buf()));
        }
        let folder = hub_snapshot(path)?;
        if Package::is_folder(&folder) {
            return Ok(Place::Weights(folder));
        }
        let found = "it holds no readable checkpoint and no configuration of a model".to_string();
        Err(PretrainedError::NoModel { path: path.to_path_buf(), found })
    }

    fn read(&self, weights: &Path) -> Result<Package, PretrainedError> {
        let Some(name) = &self.model else {
            return Package::read(weights, &self.limits).map_err(|error| match error {
                WeightError::Config { what, .. } if weights.is_file() && what.starts_with("the configuration of") => {
                    PretrainedError::ModelUnknown { what }
                }
                error => error.into(),
            });
        };
        let config = preset(name)?;
        let preprocess = PreprocessConfig::for_model(&config)?;
        Ok(Package::new(StateDict::read(weights, &self.limits)?, config, preprocess)?)
    }

    fn weights(&self, path: &Path, weights: &Path, device: Device) -> Result<Model, PretrainedError> {
        if self.model.is_none() {
            if let Some(tower) = TimmTower::read(weights, &self.limits, &device)? {
                return Ok(of_timm(path, device, tower));
            }
            if let Some(loaded) = HfTextFolder::read(weights, &self.limits, &device)? {
                let folder = if weights.is_dir() { weights } else { weights.parent().unwrap_or(Path::new("")) };
                return self.of_hf_text(path, folder, device, loaded);
            }
        }
        let loaded = self.read(weights)?.load(&device)?;
        let folder = if weights.is_dir() { weights } else { weights.parent().unwrap_or(Path::new("")) };
        let pictures = match loaded.there {
            TowersThere::TextOnly => Err("these weights are a text tower alone, without one for pictures".to_string()),
            TowersThere::Both | TowersThere::ImageOnly => Ok(()),
        };
        let texts = match TextReader::of_model(&loaded.config, folder, self.tokenizer_file().as_deref()) {
            _ if loaded.there == TowersThere::ImageOnly => {
                Err("these weights are an image tower alone, without one for texts".to_string())
            }
            // Pictures can be embedded all the same; whoever comes with a text is told.
            Err(error) if self.tokenizer.is_none() => Err(error.to_string()),
            texts => Ok(texts?),
        };
        Ok(Model::from(Opened {
            name: path.display().to_string(),
            device,
            resize: Arc::new(loaded.preprocess.resize()),
            normalization: loaded.preprocess.normalization(),
            scale: loaded.log_scale.exp(),
            bias: loaded.bias,
            body: Box::new(Weights(loaded)),
            pictures,
            texts,
            templates: Templates::simple(),
        }))
    }
}

impl OpenOptions {
    fn of_hf_text(
        &self,
        path: &Path,
        folder: &Path,
        device: Device,
        loaded: HfTextFolder,
    ) -> Result<Model, PretrainedError> {
        let HfTextFolder { model, text, context_length, tokenizer, preprocess, .. } = loaded;
        let file = self.tokenizer_file();
        let texts = match TextReader::of_bert(&text.bert, context_length, tokenizer.as_deref(), folder, file.as_deref())
        {
            // Pictures can be embedded all the same; whoever comes with a text is told.
            Err(error) if self.tokenizer.is_none() => Err(error.to_string()),
            texts => Ok(texts?),
        };
        Ok(Model::from(Opened {
            name: path.display().to_string(),
            device,
            resize: Arc::new(preprocess.resize()),
            normalization: preprocess.normalization(),
            scale: model.log_scale.exp(),
            bias: model.bias,
            body: Box::new(WithHfText(model.model)),
            pictures: Ok(()),
            texts,
            templates: Templates::simple(),
        }))
    }
}

fn of_timm(path: &Path, device: Device, tower: TimmTower) -> Model {
    let TimmTower { encoder, preprocess, .. } = tower;
    Model::from(Opened {
        name: path.display().to_string(),
        device,
        resize: Arc::new(preprocess.resize()),
        normalization: preprocess.normalization(),
        // There is nothing to compare a picture with but pictures.
        scale: 1.0,
        bias: None,
        body: Box::new(ImageAlone(encoder)),
        pictures: Ok(()),
        texts: Err("this is an image tower of timm's alone, without one for texts".to_string()),
        templates: Templates::simple(),
    })
}

/// What lies at a path.
enum Place {
    Run(PathBuf),
    Weights(PathBuf),
}

struct WithHfText(DualEncoder<AnyImageEncoder, BertTower>);

impl Body for WithHfText {
    fn embedder(&self) -> &dyn Embedder {
        &self.0
    }

    fn package(&self) -> Result<Package, PretrainedError> {
        let reason = "a text tower of Hugging Face's is read here and not written".to_string();
        Err(PretrainedError::NoExport { reason })
    }
}

struct Weights(Pretrained);

impl Body for Weights {
    fn embedder(&self) -> &dyn Embedder {
        &self.0.model
    }

    fn package(&self) -> Result<Package, PretrainedError> {
        Ok(self.0.to_package()?)
    }
}
