use std::fmt;

use crate::{StateDict, WeightError};

/// How a state dict names and shapes its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// open_clip's `CLIP` and OpenAI's: `visual.…`, the text tower's keys at the root. ViT and ModifiedResNet.
    OpenClip,
    /// open_clip's `CustomTextCLIP`: the same with the text tower's keys under `text.`.
    OpenClipCustomText,
    /// open_clip's `CustomTextCLIP` around a timm ViT (SigLIP): `visual.trunk.…` and `text.…`.
    OpenClipTimm,
    /// Hugging Face's `CLIPModel`.
    HfClip,
    /// Hugging Face's `SiglipModel`, SigLIP 2 at a fixed resolution included.
    HfSiglip,
    /// A timm vision transformer by itself.
    TimmVit,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::OpenClip => "open_clip CLIP",
            Layout::OpenClipCustomText => "open_clip CustomTextCLIP",
            Layout::OpenClipTimm => "open_clip SigLIP (timm trunk)",
            Layout::HfClip => "Hugging Face CLIPModel",
            Layout::HfSiglip => "Hugging Face SiglipModel",
            Layout::TimmVit => "timm ViT",
        })
    }
}

/// The text tower's keys that old open_clip files and OpenAI's hold at the root.
const ROOT_TEXT: [&str; 5] = ["text_projection", "positional_embedding", "token_embedding", "transformer", "ln_final"];

/// Whether a key belongs to a text tower at the root.
pub(crate) fn is_root_text(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    ROOT_TEXT.contains(&first)
}

/// Buffers that hold no weight: sizes in OpenAI's files, masks, position counters in old Hugging Face files.
pub(crate) fn is_idle_buffer(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    matches!(name, "input_resolution" | "context_length" | "vocab_size") || matches!(last, "attn_mask" | "position_ids")
}

/// Tells the layout from the names.
///
/// # Errors
/// When the names fit none.
pub fn detect(dict: &StateDict) -> Result<Layout, WeightError> {
    let any = |prefix: &str| dict.names().any(|name| name.starts_with(prefix));
    if any("vision_model.") && any("text_model.") {
        if dict.contains("visual_projection.weight") {
            return Ok(Layout::HfClip);
        }
        if dict.contains("vision_model.head.probe") {
            return Ok(Layout::HfSiglip);
        }
    } else if any("visual.trunk.") {
        return Ok(Layout::OpenClipTimm);
    } else if any("visual.") {
        return Ok(if any("text.") { Layout::OpenClipCustomText } else { Layout::OpenClip });
    } else if any("patch_embed.proj.") && any("blocks.") {
        return Ok(Layout::TimmVit);
    }
    let first = dict.names().take(5).map(str::to_string).collect();
    Err(WeightError::UnknownLayout { count: dict.len(), first })
}
