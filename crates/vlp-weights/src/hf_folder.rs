use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::Value;
use vlp_encoders::BertTowerConfig;

use crate::folder::{self, HF_CONFIG, MODEL_KEY, OPEN_CLIP_CONFIG, PREPROCESS_KEY, in_file, read_json};
use crate::hf_dual::{load_vision_text_with, vision_text_config};
use crate::hf_text::from_hugging_face;
use crate::{
    HfTextModel, ModelConfig, PreprocessConfig, PreprocessFamily, ReadLimits, StateDict, TextConfig, WeightError,
    hub_cached, hub_snapshot, load_hf_text_with,
};

/// A model with a text tower of Hugging Face's as a folder holds it: open_clip's with `hf_model_name`, or transformers'
/// `VisionTextDualEncoderModel` of a CLIP vision tower and a BERT.
#[derive(Debug)]
pub struct HfTextFolder {
    /// Both towers with their weights.
    pub model: HfTextModel,
    /// The text tower.
    pub text: BertTowerConfig,
    /// Ids in a text, which the tokenizer fills up or cuts to.
    pub context_length: usize,
    /// The tokenizer of the hub that the configuration names; none where it lies in the folder.
    pub tokenizer: Option<String>,
    /// How pictures are prepared.
    pub preprocess: PreprocessConfig,
    /// What was passed over while reading, and could matter: a sentence each.
    pub warnings: Vec<String>,
}

/// What a folder says, before its weights are read.
struct Described {
    config: ModelConfig,
    text: BertTowerConfig,
    context_length: usize,
    tokenizer: Option<String>,
    preprocess: PreprocessConfig,
    warnings: Vec<String>,
    open_clip: bool,
}

impl HfTextFolder {
    /// Reads a folder, or a file of weights with its configuration beside it; none when that is of another kind of model. A text tower that open_clip names by `hf_model_name` has
    /// published sizes, or those of the `config.json` in the folder of that name or in the hub's cache on this machine.
    ///
    /// # Errors
    /// When something cannot be read, is damaged, does not fit together, or asks for towers that are not here.
    pub fn read(
        path: impl AsRef<Path>,
        limits: &ReadLimits,
        device: &Device,
    ) -> Result<Option<HfTextFolder>, WeightError> {
        let (folder, file) = folder::both(path.as_ref());
        let Some(described) = describe(folder)? else { return Ok(None) };
        let Described { config, text, context_length, tokenizer, preprocess, warnings, open_clip } = described;
        let file = file.map_or_else(|| folder::weights(folder), |file| Ok(file.to_path_buf()))?;
        let weights = StateDict::read(file, limits)?;
        let model = match open_clip {
            true => load_hf_text_with(weights, &config, &text, device)?,
            false => load_vision_text_with(weights, &config, &text, device)?,
        };
        Ok(Some(HfTextFolder { model, text, context_length, tokenizer, preprocess, warnings }))
    }
}

fn describe(folder: &Path) -> Result<Option<Described>, WeightError> {
    let [open_clip, hugging_face] = [OPEN_CLIP_CONFIG, HF_CONFIG].map(|name| folder.join(name));
    if open_clip.is_file() {
        return of_open_clip(&open_clip);
    }
    if !hugging_face.is_file() {
        return Ok(None);
    }
    let json = read_json(&hugging_face)?;
    if json["model_type"] != "vision-text-dual-encoder" {
        return Ok(None);
    }
    let (config, text) = vision_text_config(&json).map_err(in_file(&hugging_face, ""))?;
    let (preprocess, warnings) = folder::processor(folder, PreprocessFamily::Clip, &config)?;
    let before = if text.bert.offset_positions { text.bert.pad_id as usize + 1 } else { 0 };
    let context_length = text.bert.positions.saturating_sub(before);
    Ok(Some(Described { config, text, context_length, tokenizer: None, preprocess, warnings, open_clip: false }))
}

fn of_open_clip(path: &Path) -> Result<Option<Described>, WeightError> {
    let both = read_json(path)?;
    if both[MODEL_KEY]["text_cfg"]["hf_model_name"].is_null() {
        return Ok(None);
    }
    let config = ModelConfig::from_json(&both[MODEL_KEY].to_string()).map_err(in_file(path, MODEL_KEY))?;
    let name = config.text_cfg.hf_model_name.clone().unwrap_or_default();
    let sizes = match sizes_beside(&name)? {
        Some(path) => {
            let what = path.display().to_string();
            Some(from_hugging_face(&what, &read_json(&path)?)?)
        }
        None => None,
    };
    let text = config.hugging_face_text_of(sizes).map_err(in_file(path, MODEL_KEY))?;
    let Some(text) = text else { return Ok(None) };
    let given =
        if both[PREPROCESS_KEY].is_null() { Value::Object(Default::default()) } else { both[PREPROCESS_KEY].clone() };
    let (preprocess, unknown) =
        PreprocessConfig::from_folder(&given, &config).map_err(in_file(path, PREPROCESS_KEY))?;
    let warn = |key: &String| format!("{}: {PREPROCESS_KEY}.{key} is not known and is passed over", path.display());
    let warnings = unknown.iter().map(warn).collect();
    // The image tower must be one that is here, whatever the text tower.
    ModelConfig { text_cfg: TextConfig::default(), ..config.clone() }.towers().map_err(in_file(path, MODEL_KEY))?;
    let TextConfig { context_length, hf_tokenizer_name, .. } = &config.text_cfg;
    let (context_length, tokenizer) = (*context_length, hf_tokenizer_name.clone().or(Some(name)));
    Ok(Some(Described { config, text, context_length, tokenizer, preprocess, warnings, open_clip: true }))
}

/// The `config.json` of a text tower: in the folder that is named, or in the hub's cache.
fn sizes_beside(name: &str) -> Result<Option<PathBuf>, WeightError> {
    let folder = match Path::new(name) {
        folder if folder.is_dir() => folder.to_path_buf(),
        _ => match hub_cached(name) {
            Some(cached) => hub_snapshot(cached)?,
            None => return Ok(None),
        },
    };
    Ok(Some(folder.join(HF_CONFIG)).filter(|path| path.is_file()))
}
