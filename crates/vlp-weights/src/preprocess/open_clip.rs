//! open_clip's `preprocess_cfg`, as open_clip 3.3.0 reads it.

use serde_json::{Value, json};

use super::{PreprocessConfig, ResizeModeName};
use crate::{ModelConfig, WeightError};

const WHAT: &str = "this preprocess_cfg";
const KEYS: [&str; 9] =
    ["size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color", "resize", "crop_down"];

impl PreprocessConfig {
    /// Reads open_clip's `preprocess_cfg`. A key that is null is as good as missing, one that is unknown is passed over;
    /// a single number stands for all three channels, and a mean or deviation of exactly 0 for OpenAI's, all as in open_clip
    /// 3.3.0.
    ///
    /// # Errors
    /// When it is no JSON or a value is none that open_clip takes.
    pub fn from_json(json: &str) -> Result<Self, WeightError> {
        let value: Value = serde_json::from_str(json).map_err(|error| WeightError::config(WHAT, error))?;
        Ok(read(value)?.0)
    }

    /// The same of a folder, whose model decides the size whatever the file says; and the keys that nothing here knows.
    pub(crate) fn from_folder(value: &Value, config: &ModelConfig) -> Result<(Self, Vec<String>), WeightError> {
        let mut value = value.clone();
        if let Some(entries) = value.as_object_mut() {
            entries.insert("size".to_string(), json!(config.vision_cfg.image_size));
        }
        read(value)
    }

    /// open_clip's `preprocess_cfg`.
    ///
    /// # Errors
    /// When open_clip has no such preprocessing: a cut out of another size than the model's.
    pub fn to_json(&self) -> Result<Value, WeightError> {
        if let Some(size) = self.resize {
            let reason = format!("it resizes to {:?} and cuts {:?} out", size.height_width(), self.size.height_width());
            return Err(WeightError::config("this preprocessing for open_clip", reason));
        }
        Ok(PreprocessConfig { crop_down: false, ..*self }.to_own_json())
    }

    /// Everything, for the metadata of weights.
    pub(crate) fn to_own_json(self) -> Value {
        let mut value = serde_json::to_value(self).expect("plain data");
        if self.fill_color.iter().all(|level| *level == self.fill_color[0]) {
            value["fill_color"] = self.fill_color[0].into();
        }
        value
    }
}

fn read(mut value: Value) -> Result<(PreprocessConfig, Vec<String>), WeightError> {
    let refuse = |error: String| WeightError::config(WHAT, error);
    let Some(entries) = value.as_object_mut() else {
        return Err(refuse(format!("it is {value}, no table of keys")));
    };
    entries.retain(|_, value| !value.is_null());
    let unknown: Vec<String> = entries.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
    unknown.iter().for_each(|key| drop(entries.remove(key)));
    for key in ["mean", "std"] {
        let Some(given) = entries.get(key) else { continue };
        // Python's `or`: what is zero or empty gives way to the default.
        if given.as_f64() == Some(0.0) || given.as_array().is_some_and(Vec::is_empty) {
            entries.remove(key);
        } else {
            entries.insert(key.to_string(), three(given));
        }
    }
    if let Some(fill) = entries.get("fill_color").map(three) {
        entries.insert("fill_color".to_string(), fill);
    }
    if let Some([side]) = entries.get("size").and_then(Value::as_array).map(Vec::as_slice) {
        let side = side.clone();
        entries.insert("size".to_string(), side);
    }
    let mut config: PreprocessConfig = serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
    if config.resize_mode == ResizeModeName::Longest && config.resize.is_some() {
        config.resize = None;
    }
    Ok((config.checked()?, unknown))
}

/// One number for each channel.
pub(super) fn three(given: &Value) -> Value {
    match given.as_array().map(Vec::as_slice) {
        None if given.is_number() => json!([given, given, given]),
        Some([one]) => json!([one, one, one]),
        _ => given.clone(),
    }
}
