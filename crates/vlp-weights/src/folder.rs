//! What a folder of open_clip, of Hugging Face or of a hub's cache holds: configuration, preprocessing, weights, tokenizer.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vlp_augment::open_regular;

use crate::{ModelConfig, PreprocessConfig, PreprocessFamily, WeightError};

pub(crate) const OPEN_CLIP_CONFIG: &str = "open_clip_config.json";
pub(crate) const HF_CONFIG: &str = "config.json";
pub(crate) const HF_PREPROCESSOR: &str = "preprocessor_config.json";
/// Where transformers 5 keeps image processor and tokenizer settings together.
pub(crate) const HF_PROCESSOR: &str = "processor_config.json";
pub(crate) const MODEL_KEY: &str = "model_cfg";
pub(crate) const PREPROCESS_KEY: &str = "preprocess_cfg";
/// In the order in which open_clip 3.3.0 looks for them.
pub(crate) const WEIGHT_FILES: [&str; 8] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
];
/// What a tokenizer of Hugging Face consists of.
pub(crate) const TOKENIZER_FILES: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "tokenizer.model",
];
/// A configuration larger than this is none.
const JSON_LIMIT: u64 = 1 << 20;

/// Model and preprocessing as the files of a folder say.
pub(crate) struct FolderConfig {
    pub(crate) model: ModelConfig,
    pub(crate) preprocess: PreprocessConfig,
    /// What was passed over, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Whether a folder holds a configuration.
pub(crate) fn has_config(folder: &Path) -> bool {
    [OPEN_CLIP_CONFIG, HF_CONFIG].iter().any(|name| folder.join(name).is_file())
}

/// The configuration in a folder; none without such files. Of open_clip's and Hugging Face's, which many repositories hold
/// both, it is open_clip's.
pub(crate) fn config(folder: &Path) -> Result<Option<FolderConfig>, WeightError> {
    let [open_clip, hugging_face] = [OPEN_CLIP_CONFIG, HF_CONFIG].map(|name| folder.join(name));
    if open_clip.is_file() {
        return from_open_clip(&open_clip).map(Some);
    }
    if hugging_face.is_file() { from_hugging_face(folder, &hugging_face).map(Some) } else { Ok(None) }
}

pub(crate) fn from_open_clip(path: &Path) -> Result<FolderConfig, WeightError> {
    let both = read_json(path)?;
    if both[MODEL_KEY].is_null() {
        return Err(WeightError::config(path.display().to_string(), format!("it has no `{MODEL_KEY}`")));
    }
    let model = ModelConfig::from_json(&both[MODEL_KEY].to_string()).map_err(in_file(path, MODEL_KEY))?;
    // What a file leaves out has open_clip's defaults, whatever the model's family.
    let empty = Value::Object(serde_json::Map::new());
    let given = if both[PREPROCESS_KEY].is_null() { &empty } else { &both[PREPROCESS_KEY] };
    let (preprocess, unknown) = PreprocessConfig::from_folder(given, &model).map_err(in_file(path, PREPROCESS_KEY))?;
    let warn = |key: &String| format!("{}: {PREPROCESS_KEY}.{key} is not known and is passed over", path.display());
    Ok(FolderConfig { model, preprocess, warnings: unknown.iter().map(warn).collect() })
}

fn from_hugging_face(folder: &Path, path: &Path) -> Result<FolderConfig, WeightError> {
    let json = read_json(path)?;
    let model = ModelConfig::from_hugging_face(&json.to_string()).map_err(in_file(path, ""))?;
    let family = match json["model_type"].as_str() {
        Some("clip") => PreprocessFamily::Clip,
        _ => PreprocessFamily::Siglip,
    };
    let (preprocess, warnings) = processor(folder, family, &model)?;
    Ok(FolderConfig { model, preprocess, warnings })
}

/// The configuration of a model of one tower; none of any other.
pub(crate) fn one_tower(folder: &Path) -> Result<Option<(Value, PathBuf)>, WeightError> {
    let path = folder.join(HF_CONFIG);
    if folder.join(OPEN_CLIP_CONFIG).is_file() || !path.is_file() {
        return Ok(None);
    }
    let json = read_json(&path)?;
    let one = json["model_type"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("_vision_model") || kind.ends_with("_text_model"));
    Ok(one.then_some((json, path)))
}

/// How the image processor of a folder prepares pictures, and what was taken for granted.
pub(crate) fn processor(
    folder: &Path,
    family: PreprocessFamily,
    model: &ModelConfig,
) -> Result<(PreprocessConfig, Vec<String>), WeightError> {
    let [processor, preprocessor] = [HF_PROCESSOR, HF_PREPROCESSOR].map(|name| folder.join(name));
    // As transformers 5 does: the nested one first, else the one in a file of its own.
    let nested = if processor.is_file() { read_json(&processor)?["image_processor"].take() } else { Value::Null };
    if !nested.is_null() {
        let what = format!("image_processor in {}", processor.display());
        return Ok((PreprocessConfig::from_processor(&nested, family, &what)?, Vec::new()));
    }
    if preprocessor.is_file() {
        let what = preprocessor.display().to_string();
        return Ok((PreprocessConfig::from_processor(&read_json(&preprocessor)?, family, &what)?, Vec::new()));
    }
    let warning = format!(
        "{} holds neither {HF_PROCESSOR} with an `image_processor` nor {HF_PREPROCESSOR}: pictures are prepared as published \
         models of this family",
        folder.display()
    );
    Ok((PreprocessConfig::for_model(model)?, vec![warning]))
}

/// Names the file where an error names the kind of configuration only.
pub(crate) fn in_file<'a>(path: &'a Path, key: &'a str) -> impl FnOnce(WeightError) -> WeightError + 'a {
    move |error| match error {
        WeightError::Config { reason, .. } if key.is_empty() => WeightError::config(path.display().to_string(), reason),
        WeightError::Config { reason, .. } => WeightError::config(format!("{key} in {}", path.display()), reason),
        WeightError::Unsupported { keys } => {
            let keys = keys.into_iter().map(|key| format!("{key} in {}", path.display())).collect();
            WeightError::Unsupported { keys }
        }
        error => error,
    }
}

/// The file of weights in a folder, or the index of a sharded one.
///
/// As open_clip 3.3.0 looks for it: the known names in their order, then any other, safetensors first. Where a name is
/// missing and its index is there, it is that one.
pub(crate) fn weights(folder: &Path) -> Result<PathBuf, WeightError> {
    for name in WEIGHT_FILES {
        let candidates = [folder.join(name), folder.join(format!("{name}.index.json"))];
        if let Some(found) = candidates.into_iter().find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(WeightError::io("list", folder))? {
        names.push(entry.map_err(WeightError::io("list", folder))?.path());
    }
    names.sort();
    for ending in [".safetensors.index.json", ".safetensors", ".bin", ".pth"] {
        let ends = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending));
        if let Some(found) = names.iter().find(ends) {
            refuse_shard(found)?;
            return Ok(found.clone());
        }
    }
    let error = std::io::Error::new(std::io::ErrorKind::NotFound, format!("none of {}", WEIGHT_FILES.join(", ")));
    Err(WeightError::io("find weights in", folder)(error))
}

/// The folder with the configuration, and the file of weights: `path` is a folder, or a file in one.
pub(crate) fn both(path: &Path) -> (&Path, Option<&Path>) {
    match path.is_file() {
        true => (path.parent().unwrap_or(Path::new("")), Some(path)),
        false => (path, None),
    }
}

/// One part of several holds a part of the weights, which nothing tells from all of them.
fn refuse_shard(path: &Path) -> Result<(), WeightError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match name.rsplit_once("-of-") {
        Some((before, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) && before.contains('-') => {
            let reason = "it is one of several parts, and the index that names them (`.index.json`) is not there";
            Err(WeightError::Damaged {
                path: path.to_path_buf(),
                format: "sharded weights",
                reason: reason.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// The files of the tokenizer in a folder.
pub(crate) fn tokenizer(folder: &Path) -> Vec<PathBuf> {
    TOKENIZER_FILES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

pub(crate) fn read_json(path: &Path) -> Result<Value, WeightError> {
    let damaged = |reason: String| WeightError::Damaged { path: path.to_path_buf(), format: "JSON", reason };
    let file = open_regular(path).map_err(WeightError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(JSON_LIMIT + 1).read_to_end(&mut bytes).map_err(WeightError::io("read", path))?;
    if bytes.len() as u64 > JSON_LIMIT {
        return Err(damaged(format!("it is larger than {JSON_LIMIT} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}
