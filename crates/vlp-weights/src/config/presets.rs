use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::ModelConfig;
use crate::WeightError;

/// The 81 model configurations of open_clip that consist of native towers or of SigLIP's timm ViT, as they stand there
/// (MIT licence, `presets/LICENSE`).
const JSON: &str = include_str!("../../presets/open_clip.json");

fn all() -> &'static BTreeMap<String, ModelConfig> {
    static PRESETS: OnceLock<BTreeMap<String, ModelConfig>> = OnceLock::new();
    PRESETS.get_or_init(|| serde_json::from_str(JSON).expect("the embedded presets are read by a test"))
}

/// The names of the presets, sorted.
pub fn presets() -> impl Iterator<Item = &'static str> {
    all().keys().map(String::as_str)
}

/// A configuration by open_clip's name, such as `ViT-B-32` or `ViT-B-16-SigLIP2`.
///
/// # Errors
/// When there is no preset of this name.
pub fn preset(name: &str) -> Result<ModelConfig, WeightError> {
    all().get(name).cloned().ok_or_else(|| {
        let plain = |name: &str| name.to_lowercase().replace(['-', '_', '/'], "");
        let asked = plain(name);
        let close = presets().filter(|known| plain(known).starts_with(&asked) || asked.starts_with(&plain(known)));
        WeightError::UnknownPreset { name: name.to_string(), close: close.take(5).map(str::to_string).collect() }
    })
}
