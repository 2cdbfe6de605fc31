use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vlp_augment::open_regular;

use crate::config::{ImageTower, OneTower};
use crate::folder::{
    self, FolderConfig, HF_CONFIG, HF_PREPROCESSOR, HF_PROCESSOR, MODEL_KEY, OPEN_CLIP_CONFIG, PREPROCESS_KEY,
    TOKENIZER_FILES, WEIGHT_FILES, in_file,
};
use crate::publish::{publish, write_file};
use crate::sharded::INDEX;
use crate::tokenizer_files::{TokenizerFile, for_transformers};
use crate::{
    DType, Layout, ModelConfig, PreprocessConfig, PreprocessFamily, ReadLimits, StateDict, TowersThere, WeightError,
    convert, detect, hub_snapshot,
};

/// Weights with what is needed to use them: the model's configuration, its preprocessing and its tokenizer's files.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    weights: StateDict,
    config: ModelConfig,
    preprocess: PreprocessConfig,
    there: TowersThere,
    tokenizer: BTreeMap<String, TokenizerFile>,
    warnings: Vec<String>,
}

/// Whose folders are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `open_clip_model.safetensors` and `open_clip_config.json`, for open_clip's `local-dir:` and for its hub folders.
    OpenClip,
    /// `model.safetensors`, `config.json` and `preprocessor_config.json`, for transformers' `from_pretrained`.
    HuggingFace,
    /// `model.safetensors`: the image tower alone, for timm, whose models have their configuration in the name.
    Timm,
}

impl StateDict {
    /// Reads a safetensors or a PyTorch file; which of them it is, its first bytes tell. What wrappers put before every
    /// name is taken away. Of a file whose name ends with `.index.json` it reads the parts that it names.
    ///
    /// # Errors
    /// As [`StateDict::read_safetensors`] and `StateDict::read_pytorch`, and when an index names a file that is not there.
    pub fn read(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(INDEX)) {
            return StateDict::read_sharded(path, limits);
        }
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
    /// When the weights carry another configuration in their metadata, with every tensor that does not fit, or when pictures
    /// would be prepared in another size than the model reads.
    pub fn new(weights: StateDict, mut config: ModelConfig, preprocess: PreprocessConfig) -> Result<Self, WeightError> {
        if let Some(carried) = carried_config(&weights)? {
            // The file beside the weights can say less than was known of them.
            if carried.for_releases().vision_cfg == config.vision_cfg {
                config.vision_cfg = carried.vision_cfg.clone();
            }
            let differences = differences(&carried, &config)?;
            if !differences.is_empty() {
                return Err(WeightError::ConfigDiffers { differences });
            }
        }
        let found = detect(&weights)?;
        let weights = convert(weights, found, config.layout())?;
        config.check(&weights)?;
        let (side, size) = (config.towers()?.image_size(), preprocess.size.height_width());
        if size != [side; 2] {
            let reason =
                format!("it makes pictures of {} x {} pixels, the model reads {side} x {side}", size[0], size[1]);
            return Err(WeightError::config("the preprocessing", reason));
        }
        let there = TowersThere::Both;
        Ok(Package { weights, config, preprocess, there, tokenizer: BTreeMap::new(), warnings: Vec::new() })
    }

    /// Reads a folder of open_clip or of Hugging Face, also in the hub's cache ([`hub_snapshot`]), or a single file: its
    /// configuration is the one that it carries (as files do that [`Package::export`] writes), else the one that lies beside
    /// it. Weights in several files are read by their index.
    ///
    /// # Errors
    /// When something cannot be read, is damaged, or does not fit together.
    pub fn read(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        if path.is_dir() {
            return Self::read_folder(&hub_snapshot(path)?, limits);
        }
        let weights = StateDict::read(path, limits)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        if let Some(config) = carried_config(&weights)? {
            let preprocess = match weights.metadata.get(PREPROCESS_KEY) {
                Some(json) => {
                    PreprocessConfig { size: config.vision_cfg.image_size, ..PreprocessConfig::from_json(json)? }
                }
                None => PreprocessConfig::for_model(&config)?,
            };
            return Ok(Package::new(weights, config, preprocess)?.with_tokenizer_of(folder));
        }
        if let Some(one) = folder::one_tower(folder)? {
            return Self::of_one_tower(weights, one, folder);
        }
        let beside = folder::config(folder)?.ok_or_else(|| {
            let reason = "it carries none and none lies beside it; read the file with `StateDict::read` and give the \
                          configuration to `Package::new`";
            WeightError::config(format!("the configuration of {}", path.display()), reason)
        })?;
        Self::of_folder(weights, beside, folder)
    }

    /// Whether a folder holds a configuration of open_clip or of Hugging Face, so that [`read`](Self::read) can take it.
    pub fn is_folder(folder: impl AsRef<Path>) -> bool {
        folder::has_config(folder.as_ref())
    }

    fn read_folder(folder: &Path, limits: &ReadLimits) -> Result<Self, WeightError> {
        if let Some(one) = folder::one_tower(folder)? {
            let weights = StateDict::read(folder::weights(folder)?, limits)?;
            return Self::of_one_tower(weights, one, folder);
        }
        let config = folder::config(folder)?.ok_or_else(|| {
            let names = format!("none of {OPEN_CLIP_CONFIG}, {HF_CONFIG}");
            WeightError::io("find a configuration in", folder)(std::io::Error::new(std::io::ErrorKind::NotFound, names))
        })?;
        let weights = StateDict::read(folder::weights(folder)?, limits)?;
        Self::of_folder(weights, config, folder)
    }

    fn of_folder(weights: StateDict, config: FolderConfig, folder: &Path) -> Result<Self, WeightError> {
        let FolderConfig { model, preprocess, warnings } = config;
        Ok(Package { warnings, ..Package::new(weights, model, preprocess)?.with_tokenizer_of(folder) })
    }

    fn of_one_tower(weights: StateDict, (json, path): (Value, PathBuf), folder: &Path) -> Result<Self, WeightError> {
        let unknown = || {
            let reason = format!("model_type is {}, which is no tower of CLIP or SigLIP", json["model_type"]);
            Err(WeightError::config("this configuration", reason))
        };
        let one = OneTower::from_hugging_face(&json, &weights).unwrap_or_else(unknown).map_err(in_file(&path, ""))?;
        let siglip = one.config.layout() == Layout::OpenClipTimm;
        let family = if siglip { PreprocessFamily::Siglip } else { PreprocessFamily::Clip };
        let (preprocess, warnings) = match one.there {
            TowersThere::TextOnly => (PreprocessConfig::for_model(&one.config)?, Vec::new()),
            _ => folder::processor(folder, family, &one.config)?,
        };
        let there = one.there;
        let package = Package::new(one.complete(weights)?, one.config, preprocess)?.with_tokenizer_of(folder);
        Ok(Package { there, warnings, ..package })
    }

    fn with_tokenizer_of(self, folder: &Path) -> Self {
        let named = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, TokenizerFile::At(path))
        };
        Package { tokenizer: folder::tokenizer(folder).into_iter().map(named).collect(), ..self }
    }

    /// The same package with these files of a tokenizer, by their names in Hugging Face's folders, in place of its own.
    ///
    /// # Errors
    /// When a name is none of a tokenizer's files.
    pub fn with_tokenizer(
        self,
        files: impl IntoIterator<Item = (impl Into<String>, Vec<u8>)>,
    ) -> Result<Self, WeightError> {
        let mut tokenizer = BTreeMap::new();
        for (name, bytes) in files {
            let name = name.into();
            if !TOKENIZER_FILES.contains(&name.as_str()) {
                let reason = format!("it is none of {}", TOKENIZER_FILES.join(", "));
                return Err(WeightError::config(format!("{name} as a tokenizer's file"), reason));
            }
            tokenizer.insert(name, TokenizerFile::Bytes(bytes));
        }
        Ok(Package { tokenizer, ..self })
    }

    /// The names of the tokenizer's files, which exports carry along.
    pub fn tokenizer_files(&self) -> impl Iterator<Item = &str> {
        self.tokenizer.keys().map(String::as_str)
    }

    /// Which towers hold weights: a model of Hugging Face can be one alone.
    pub fn towers_there(&self) -> TowersThere {
        self.there
    }

    pub(crate) fn with_towers_there(self, there: TowersThere) -> Self {
        Package { there, ..self }
    }

    /// What was passed over while reading, and could matter: a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes a folder that open_clip, transformers or timm loads. The folder appears whole or not at all; an earlier export
    /// at its place is replaced. Configuration and preprocessing also go into the metadata of the weights, the tokenizer's
    /// files beside them.
    ///
    /// Returns what the other side will not do as this crate does, a sentence each.
    ///
    /// # Errors
    /// When the format cannot hold this model, the folder holds other files, or something cannot be written.
    pub fn export(&self, format: Format, folder: impl AsRef<Path>) -> Result<Vec<String>, WeightError> {
        let pretty = |json: &Value| serde_json::to_vec_pretty(json).expect("JSON values can be written");
        match (self.there, format) {
            (TowersThere::Both, _) | (TowersThere::ImageOnly, Format::Timm) => (),
            (there, _) => {
                let tower = if there == TowersThere::TextOnly { "text" } else { "image" };
                let reason = format!("it is the {tower} tower alone, {format:?} takes both");
                return Err(WeightError::config("this model for an export", reason));
            }
        }
        let (model, exact) = (self.config.for_releases().to_json(), self.config.to_json());
        let own = self.config.layout();
        let (name, layout, preprocess, configs) = match format {
            Format::OpenClip => {
                let preprocess = self.preprocess.to_json()?;
                let both = json!({ MODEL_KEY: &model, PREPROCESS_KEY: &preprocess });
                (WEIGHT_FILES[0], own, Some(preprocess), vec![(OPEN_CLIP_CONFIG, pretty(&both))])
            }
            Format::HuggingFace => {
                let layout = if own == Layout::OpenClipTimm { Layout::HfSiglip } else { Layout::HfClip };
                let configs = vec![
                    (HF_CONFIG, pretty(&self.config.to_hugging_face()?)),
                    (HF_PREPROCESSOR, pretty(&self.preprocess.to_hugging_face()?)),
                ];
                ("model.safetensors", layout, Some(self.preprocess.to_own_json()), configs)
            }
            Format::Timm => ("model.safetensors", Layout::TimmVit, None, Vec::new()),
        };
        let mut weights = convert(self.weights.clone(), own, layout)?;
        // transformers refuses a file that does not say so.
        weights.metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
        if let Some(preprocess) = preprocess {
            weights.metadata.insert(MODEL_KEY.to_string(), exact.to_string());
            weights.metadata.insert(PREPROCESS_KEY.to_string(), preprocess.to_string());
        }
        let mut tokenizer = BTreeMap::new();
        let mut remarks = self.config.remarks(format, !self.tokenizer.is_empty());
        if format != Format::Timm {
            for (name, file) in &self.tokenizer {
                tokenizer.insert(name.clone(), file.bytes()?);
            }
            if format == Format::HuggingFace || self.config.text_cfg.hf_tokenizer_name.is_some() {
                remarks.extend(for_transformers(&mut tokenizer));
            }
        }
        let ours = [&WEIGHT_FILES[..], &TOKENIZER_FILES, &[OPEN_CLIP_CONFIG, HF_CONFIG, HF_PREPROCESSOR, HF_PROCESSOR]];
        publish(folder.as_ref(), &ours.concat(), |new| {
            weights.write_safetensors(new.join(name))?;
            configs.iter().try_for_each(|(name, bytes)| write_file(&new.join(name), bytes))?;
            tokenizer.iter().try_for_each(|(name, bytes)| write_file(&new.join(name), bytes))
        })?;
        Ok(remarks)
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

    /// Changes weights, configuration and preprocessing; tokenizer and warnings stay.
    ///
    /// # Errors
    /// As [`Package::new`], and whatever `change` gives.
    pub fn try_map(
        self,
        change: impl FnOnce(
            StateDict,
            ModelConfig,
            PreprocessConfig,
        ) -> Result<(StateDict, ModelConfig, PreprocessConfig), WeightError>,
    ) -> Result<Self, WeightError> {
        let Package { weights, config, preprocess, there, tokenizer, warnings } = self;
        let (weights, config, preprocess) = change(weights, config, preprocess)?;
        Ok(Package { there, tokenizer, warnings, ..Package::new(weights, config, preprocess)? })
    }

    /// The same package with all floating-point tensors in this type.
    ///
    /// # Errors
    /// As [`StateDict::cast_floats`].
    pub fn cast_floats(self, dtype: DType) -> Result<Self, WeightError> {
        Ok(Package { weights: self.weights.cast_floats(dtype)?, ..self })
    }

    /// Gives weights, configuration and preprocessing away.
    pub fn into_parts(self) -> (StateDict, ModelConfig, PreprocessConfig) {
        (self.weights, self.config, self.preprocess)
    }
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
