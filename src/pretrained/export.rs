use std::path::Path;

use vlp_data::ClipVocab;
use vlp_weights::{Format, Layout, ModelConfig, Package};

use super::PretrainedError;

/// Whose layout is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// open_clip: `open_clip.create_model("local-dir:FOLDER")`.
    OpenClip,
    /// transformers: `AutoModel.from_pretrained("FOLDER")`.
    HuggingFace,
    /// timm: the image tower alone, for `timm.create_model(..., num_classes=0, checkpoint_path="FOLDER/model.safetensors")`.
    Timm,
}

impl Target {
    /// The name of the file of weights.
    pub fn weights_file(self) -> &'static str {
        match self {
            Target::OpenClip => "open_clip_model.safetensors",
            Target::HuggingFace | Target::Timm => "model.safetensors",
        }
    }
}

/// Writes weights for another library, as a folder that appears whole or not at all, with the tokenizer's files beside them:
/// those that lay beside the weights, else CLIP's where the vocabulary is CLIP's.
///
/// Returns what the other library will not do as this one does, a sentence each.
///
/// # Errors
/// When the other library has no form for this model, the folder holds other files, or something cannot be written.
pub fn export(package: &Package, target: Target, folder: impl AsRef<Path>) -> Result<Vec<String>, PretrainedError> {
    let format = match target {
        Target::OpenClip => Format::OpenClip,
        Target::HuggingFace => Format::HuggingFace,
        Target::Timm => Format::Timm,
    };
    // open_clip brings CLIP's vocabulary along, transformers does not.
    if target == Target::HuggingFace && package.tokenizer_files().next().is_none() && reads_clip(package.config()) {
        let files = ClipVocab::embedded()?.hugging_face_files(package.config().text_cfg.context_length);
        return Ok(package.clone().with_tokenizer(files)?.export(format, folder)?);
    }
    Ok(package.export(format, folder)?)
}

/// Whether a model's texts are read with CLIP's vocabulary, as far as its configuration tells.
pub(super) fn reads_clip(config: &ModelConfig) -> bool {
    let text = &config.text_cfg;
    text.hf_tokenizer_name.is_none()
        && config.layout() != Layout::OpenClipTimm
        && text.vocab_size == ClipVocab::END as usize + 1
}
