use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What turns captions into ids: CLIP's own vocabulary, or a `tokenizer.json`.
///
/// In TOML it is `"clip"`, the path of a `tokenizer.json` or of a folder that holds one, or a table `{ file = "...", canonicalize =
/// true }` for SigLIP's, which reads lower case without punctuation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum TokenizerRecipe {
    /// The tokenizer of OpenAI's CLIP and of open_clip, which is part of this library.
    #[default]
    Clip,
    /// A Hugging Face tokenizer.
    File {
        /// A `tokenizer.json`, or the folder that holds it.
        file: PathBuf,
        /// Whether captions are brought to lower case and lose their punctuation first, as SigLIP's are.
        canonicalize: bool,
    },
}

/// Its form in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Table(Table),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    file: PathBuf,
    #[serde(default)]
    canonicalize: bool,
}

const CLIP: &str = "clip";

impl From<Written> for TokenizerRecipe {
    fn from(written: Written) -> Self {
        match written {
            Written::Word(word) if word == CLIP => TokenizerRecipe::Clip,
            Written::Word(path) => TokenizerRecipe::File { file: path.into(), canonicalize: false },
            Written::Table(Table { file, canonicalize }) => TokenizerRecipe::File { file, canonicalize },
        }
    }
}

impl From<TokenizerRecipe> for Written {
    fn from(recipe: TokenizerRecipe) -> Self {
        match recipe {
            TokenizerRecipe::Clip => Written::Word(CLIP.to_owned()),
            TokenizerRecipe::File { file, canonicalize } => match file.to_str() {
                Some(path) if !canonicalize && path != CLIP => Written::Word(path.to_owned()),
                _ => Written::Table(Table { file, canonicalize }),
            },
        }
    }
}

impl TokenizerRecipe {
    /// A `tokenizer.json`, or the folder that holds one.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        TokenizerRecipe::File { file: path.into(), canonicalize: false }
    }

    /// The path of the `tokenizer.json`; none for CLIP's own.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            TokenizerRecipe::Clip => None,
            TokenizerRecipe::File { file, .. } if file.is_dir() => Some(file.join("tokenizer.json")),
            TokenizerRecipe::File { file, .. } => Some(file.clone()),
        }
    }
}
