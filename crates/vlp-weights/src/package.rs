use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vlp_augment::open_regular;

use crate::config::ImageTower;
use crate::publish::{publish, write_file};
use crate::{Layout, ModelConfig, PreprocessConfig, ReadLimits, StateDict, WeightError, convert, detect};

/// Weights with what is needed to use them: the model's configuration and its preprocessing.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    weights: StateDict,
    config: ModelConfig,
    preprocess: PreprocessConfig,
}

/// Whose folders are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `open_clip_model.safetensors` and `open_clip_config.json`, for open_clip's `local-dir:` and for its hub folders.
    OpenClip,
    /// `model.safetensors`, `config.json` and `preprocessor_config.json`, for transformers' `from_pretrained`.
    HuggingFace,
}

const OPEN_CLIP_CONFIG: &str = "open_clip_config.json";
const HF_CONFIG: &str = "config.json";
const HF_PREPROCESSOR: &str = "preprocessor_config.json";
/// In the order in which open_clip looks for them.
const WEIGHT_FILES: [&str; 6] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
];
const MODEL_KEY: &str = "model_cfg";
const PREPROCESS_KEY: &str = "preprocess_cfg";
/// A configuration larger than this is none.
const JSON_LIMIT: u64 = 1 << 20;

impl StateDict {
    /// Reads a safetensors or a PyTorch file; which of them it is, its first bytes tell. What wrappers put before every
    /// name is taken away.
    ///
    /// # Errors
    /// As [`StateDict::read_safetensors`] and `StateDict::read_pytorch`.
    pub fn read(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let mut start = Vec::new();
        let file = open_regular(path).map_err(WeightError::io("open", path))?;
        file.take(9).read_to_end(&mut start).map_err(WeightError::io("read", path))?;
        match start.as_slice() {
            [_, _, _, _, _, _, _, _, b'{'] => Ok(StateDict::read_safetensors(path, limits)?.without_wrappers()),
            [b'P', b'K', ..] | [0x80, ..] => read_pytorch(path, limits),
            _ => Ok(StateDict::read_safetensors(path, limits)?.without_wrappers()),
        }
    }
}

#[cfg(feature = "pytorch")]
fn read_pytorch(path: &Path, limits: &ReadLimits) -> Result<StateDict, WeightError> {
    StateDict::read_pytorch(path, limits)
}

#[cfg(not(feature = "pytorch"))]
fn read_pytorch(path: &Path, _limits: &ReadLimits) -> Result<StateDict, WeightError> {
    Err(WeightError::NotBuilt { path: path.to_path_buf() })
}

impl Package {
    /// Puts weights of any layout together with their configuration; they are converted to the model's own layout in
    /// open_clip and checked tensor by tensor.
    ///
    /// # Errors
    /// When the weights carry another configuration in their metadata, or with every tensor that does not fit.
    pub fn new(weights: StateDict, config: ModelConfig, preprocess: PreprocessConfig) -> Result<Self, WeightError> {
        if let Some(carried) = carried_config(&weights)? {
            let differences = differences(&carried, &config)?;
            if !differences.is_empty() {
                return Err(WeightError::ConfigDiffers { differences });
            }
        }
        let found = detect(&weights)?;
        let weights = convert(weights, found, config.layout())?;
        config.check(&weights)?;
        Ok(Package { weights, config, preprocess })
    }

    /// Reads a folder of open_clip or of Hugging Face, or a single file: its configuration is the one that it carries (as
    /// files do that [`Package::export`] writes), else the one that lies beside it.
    ///
    /// # Errors
    /// When something cannot be read, is damaged, or does not fit together.
    pub fn read(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        if path.is_dir() {
            return Self::read_folder(path, limits);
        }
        let weights = StateDict::read(path, limits)?;
        if let Some(config) = carried_config(&weights)? {
            let preprocess = match weights.metadata.get(PREPROCESS_KEY) {
                Some(json) => PreprocessConfig::from_json(json)?,
                None => PreprocessConfig::for_model(&config)?,
            };
            return Package::new(weights, config, preprocess);
        }
        let beside = folder_config(path.parent().unwrap_or(Path::new("")))?.ok_or_else(|| {
            let reason = "it carries none and none lies beside it; read the file with `StateDict::read` and give the \
                          configuration to `Package::new`";
            WeightError::config(format!("the configuration of {}", path.display()), reason)
        })?;
        Package::new(weights, beside.0, beside.1)
    }

    fn read_folder(folder: &Path, limits: &ReadLimits) -> Result<Self, WeightError> {
        let missing = |what: &'static str, names: String| {
            let error = std::io::Error::new(std::io::ErrorKind::NotFound, format!("none of {names}"));
            WeightError::io(what, folder)(error)
        };
        let (config, preprocess) = folder_config(folder)?
            .ok_or_else(|| missing("find a configuration in", format!("{OPEN_CLIP_CONFIG}, {HF_CONFIG}")))?;
        let weights = WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        let weights = weights.ok_or_else(|| missing("find weights in", WEIGHT_FILES.join(", ")))?;
        Package::new(StateDict::read(weights, limits)?, config, preprocess)
    }

    /// Writes a folder that open_clip or transformers loads. The folder appears whole or not at all; an earlier export at
    /// its place is replaced. Configuration and preprocessing also go into the metadata of the weights.
    ///
    /// # Errors
    /// When the format cannot hold this model, the folder holds other files, or something cannot be written.
    pub fn export(&self, format: Format, folder: impl AsRef<Path>) -> Result<(), WeightError> {
        let pretty = |json: &Value| serde_json::to_vec_pretty(json).expect("JSON values can be written");
        let (model, preprocess) = (self.config.to_json(), self.preprocess.to_json());
        let own = self.config.layout();
        let (name, layout, configs) = match format {
            Format::OpenClip => {
                let both = json!({ MODEL_KEY: &model, PREPROCESS_KEY: &preprocess });
                (WEIGHT_FILES[0], own, vec![(OPEN_CLIP_CONFIG, pretty(&both))])
            }
            Format::HuggingFace => {
                let layout = if own == Layout::OpenClipTimm { Layout::HfSiglip } else { Layout::HfClip };
                let configs = vec![
                    (HF_CONFIG, pretty(&self.config.to_hugging_face()?)),
                    (HF_PREPROCESSOR, pretty(&self.preprocess.to_hugging_face()?)),
                ];
                ("model.safetensors", layout, configs)
            }
        };
        let mut weights = convert(self.weights.clone(), own, layout)?;
        weights.metadata = BTreeMap::from([
            // transformers refuses a file that does not say so.
            ("format".to_string(), "pt".to_string()),
            (MODEL_KEY.to_string(), model.to_string()),
            (PREPROCESS_KEY.to_string(), preprocess.to_string()),
        ]);
        let ours = [&WEIGHT_FILES[..], &[OPEN_CLIP_CONFIG, HF_CONFIG, HF_PREPROCESSOR]].concat();
        publish(folder.as_ref(), &ours, |new| {
            weights.write_safetensors(new.join(name))?;
            configs.iter().try_for_each(|(name, bytes)| write_file(&new.join(name), bytes))
        })
    }

    /// The weights in the layout of [`ModelConfig::layout`].
    pub fn weights(&self) -> &StateDict {
        &self.weights
    }

    /// The model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// How pictures are prepared.
    pub fn preprocess(&self) -> &PreprocessConfig {
        &self.preprocess
    }

    /// Gives weights, configuration and preprocessing away.
    pub fn into_parts(self) -> (StateDict, ModelConfig, PreprocessConfig) {
        (self.weights, self.config, self.preprocess)
    }
}

/// Model and preprocessing as the files of a folder say; none without such files.
fn folder_config(folder: &Path) -> Result<Option<(ModelConfig, PreprocessConfig)>, WeightError> {
    let [open_clip, hugging_face, preprocessor] =
        [OPEN_CLIP_CONFIG, HF_CONFIG, HF_PREPROCESSOR].map(|name| folder.join(name));
    if open_clip.is_file() {
        let text = read_json(&open_clip)?;
        let both: Value =
            serde_json::from_str(&text).map_err(|error| WeightError::config(open_clip.display().to_string(), error))?;
        let config = ModelConfig::from_json(&both[MODEL_KEY].to_string())?;
        let preprocess = match &both[PREPROCESS_KEY] {
            Value::Null => PreprocessConfig::for_model(&config)?,
            given => PreprocessConfig::from_json(&given.to_string())?,
        };
        return Ok(Some((config, preprocess)));
    }
    if !hugging_face.is_file() {
        return Ok(None);
    }
    let config = ModelConfig::from_hugging_face(&read_json(&hugging_face)?)?;
    let preprocess = match preprocessor.is_file() {
        true => PreprocessConfig::from_hugging_face(&read_json(&preprocessor)?)?,
        false => PreprocessConfig::for_model(&config)?,
    };
    Ok(Some((config, preprocess)))
}

fn read_json(path: &PathBuf) -> Result<String, WeightError> {
    let damaged = |reason: String| WeightError::Damaged { path: path.clone(), format: "JSON", reason };
    let file = open_regular(path).map_err(WeightError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(JSON_LIMIT + 1).read_to_end(&mut bytes).map_err(WeightError::io("read", path))?;
    if bytes.len() as u64 > JSON_LIMIT {
        return Err(damaged(format!("it is larger than {JSON_LIMIT} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| damaged(error.to_string()))
}

/// The configuration in the metadata of the weights.
fn carried_config(weights: &StateDict) -> Result<Option<ModelConfig>, WeightError> {
    weights.metadata.get(MODEL_KEY).map(|json| ModelConfig::from_json(json)).transpose()
}

/// What differs between two configurations of the same weights. The numbers that come out are decided by the towers, so
/// where those are equal nothing differs; the size of pictures may change, since position embeddings are resized for it,
/// and so may the values that scale and bias start from.
fn differences(carried: &ModelConfig, asked: &ModelConfig) -> Result<Vec<String>, WeightError> {
    let [mut was, is] = [carried.towers()?, asked.towers()?];
    (was.log_scale, was.bias) = (is.log_scale, is.bias);
    match (&mut was.image, &is.image) {
        (ImageTower::Vit(was), ImageTower::Vit(is)) => was.image_size = is.image_size,
        (ImageTower::ResNet(was), ImageTower::ResNet(is)) => was.image_size = is.image_size,
        _ => (),
    }
    if was == is {
        return Ok(Vec::new());
    }
    let [carried, asked] = [carried, asked].map(|config| {
        let json = serde_json::to_value(config).expect("plain data");
        let mut entries = BTreeMap::new();
        for (key, value) in json.as_object().into_iter().flatten() {
            match value.as_object() {
                Some(nested) => {
                    entries.extend(nested.iter().map(|(inner, value)| (format!("{key}.{inner}"), value.clone())))
                }
                None => drop(entries.insert(key.clone(), value.clone())),
            }
        }
        entries
    });
    let differs = asked.iter().filter(|(key, value)| carried.get(*key) != Some(value));
    let said = differs.map(|(key, value)| {
        let had = carried.get(key).unwrap_or(&Value::Null);
        format!("the weights were trained with {key} = {had}, the configuration says {value}")
    });
    Ok(said.collect())
}
