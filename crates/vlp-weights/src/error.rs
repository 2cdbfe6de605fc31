use std::path::{Path, PathBuf};

// What files say may drive a terminal; messages show it escaped.
use vlp_augment::printable_lines as shown;

use crate::{DType, Layout};

/// Why weights or their configuration cannot be used, grouped by whose fault it is.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    // The data's fault.
    /// A file that contradicts itself or is of another format.
    #[error("{} is not a readable {format} file: {}", path.display(), shown(reason))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should have been.
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// A TorchScript archive holds a program, not a state dict.
    #[error(
        "{} is a TorchScript archive, a program with weights inside, and programs are not run here. Take the same weights as \
         safetensors from whoever publishes them; OpenAI's CLIP models are on the Hugging Face hub in that form",
        path.display()
    )]
    TorchScript {
        /// The file.
        path: PathBuf,
    },
    /// A pickle that wants functions called or objects built which are no tensors.
    #[error(
        "{} would call {} when unpickled, as no state dict does; nothing was called. Do not open it with anything that would: \
         ask for the same weights as safetensors, which hold nothing but numbers",
        path.display(),
        shown(&callables.join(", "))
    )]
    Code {
        /// The file.
        path: PathBuf,
        /// The functions and classes, by their Python names.
        callables: Vec<String>,
    },
    /// Names that fit none of the known layouts.
    #[error(
        "the {} tensors ({}) fit no known layout: expected open_clip's `visual.` keys, Hugging Face's `vision_model.` and \
         `text_model.` keys of a whole CLIPModel or SiglipModel, or timm's `patch_embed.` and `blocks.` keys",
        count,
        shown(&first.join(", "))
    )]
    UnknownLayout {
        /// How many tensors there are.
        count: usize,
        /// The first few names.
        first: Vec<String>,
    },
    /// Tensors that are unknown, missing or of a wrong shape; all of them are listed.
    #[error("the weights do not fit {}: {}", shown(target), shown(&problems.to_string()))]
    Keys {
        /// What they should have fitted.
        target: String,
        /// Everything that does not fit.
        problems: KeyProblems,
    },
    /// A value that has no counterpart in another number format.
    #[error("tensor `{}` of type {dtype} cannot be {action}", shown(tensor))]
    Type {
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: DType,
        /// What was attempted.
        action: String,
    },

    // The caller's fault.
    /// Two layouts that hold different architectures.
    #[error("{from} weights cannot become {to} weights: {reason}")]
    NoConversion {
        /// The layout there is.
        from: Layout,
        /// The layout asked for.
        to: Layout,
        /// Why they do not meet.
        reason: &'static str,
    },
    /// A configuration that is no JSON of the expected form.
    #[error("{} is not usable: {}", shown(what), shown(reason))]
    Config {
        /// Which configuration.
        what: String,
        /// The key at fault and what would do.
        reason: String,
    },
    /// Keys of a configuration for which there is no native model.
    #[error("this configuration needs what is not there natively: {}", shown(&keys.join("; ")))]
    Unsupported {
        /// Every such key with its value and the reason.
        keys: Vec<String>,
    },
    /// No preset of this name.
    #[error("there is no preset `{name}`{}", if close.is_empty() { String::new() } else { format!(": did you mean {}?", close.join(", ")) })]
    UnknownPreset {
        /// The name asked for.
        name: String,
        /// Presets with a similar name.
        close: Vec<String>,
    },
    /// The configuration contradicts the one that the weights carry.
    #[error("the configuration does not belong to these weights: {}", shown(&differences.join("; ")))]
    ConfigDiffers {
        /// Key by key: what the weights were saved with and what the configuration says.
        differences: Vec<String>,
    },

    // A limit.
    /// A file larger than the caller allows.
    #[error("{} would take {bytes} bytes of memory, the limit is {limit}: raise `ReadLimits::bytes` if that is right", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it needs.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },

    /// A safetensors header that is longer than the caller allows.
    #[error(
        "{} has a header of {bytes} bytes, which takes some eleven times as much memory to read; the limit is {limit}. Headers of \
         models have some hundred bytes for each tensor: raise `ReadLimits::header_bytes` only if that is right",
        path.display()
    )]
    HeaderTooLarge {
        /// The file.
        path: PathBuf,
        /// Length of the header.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },

    // The environment's fault.
    /// A file or directory could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// PyTorch files need a cargo feature.
    #[error("{} is a PyTorch file: build vlp-weights with the feature `pytorch` to read it", path.display())]
    NotBuilt {
        /// The file.
        path: PathBuf,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for WeightError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl WeightError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| WeightError::Io { action, path, source }
    }

    pub(crate) fn config(what: impl Into<String>, reason: impl ToString) -> Self {
        WeightError::Config { what: what.into(), reason: reason.to_string() }
    }
}

/// Everything about a set of tensors that does not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyProblems {
    /// Names that have no place.
    pub unknown: Vec<String>,
    /// Names that should be there, with the reason where it is not plain.
    pub missing: Vec<String>,
    /// Names with the shape found and the shape expected.
    pub shapes: Vec<String>,
}

impl KeyProblems {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.unknown.is_empty() && self.missing.is_empty() && self.shapes.is_empty()
    }

    /// `Ok` when there is none.
    pub(crate) fn into_result(self, target: impl Into<String>) -> Result<(), WeightError> {
        if self.is_empty() { Ok(()) } else { Err(WeightError::Keys { target: target.into(), problems: self }) }
    }
}

impl std::fmt::Display for KeyProblems {
    /// Up to twenty names of each kind; the fields hold all of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 20;
        let mut before = "";
        for (kind, names) in [("unknown", &self.unknown), ("missing", &self.missing), ("wrong shape", &self.shapes)] {
            if names.is_empty() {
                continue;
            }
            let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            write!(f, "{before}{} {kind}: {shown}", names.len())?;
            if names.len() > SHOWN {
                write!(f, " and {} more", names.len() - SHOWN)?;
            }
            before = "; ";
        }
        Ok(())
    }
}
