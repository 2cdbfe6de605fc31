use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SourceOptions;

/// Which columns of a Parquet table are what; nothing needs to be given where they have usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParquetOptions {
    /// Column of the picture: binary, a structure of `bytes` and `path` (Hugging Face), or text with a path. Where none is
    /// given the first of `image`, `jpg`, `jpeg`, `png`, `webp`, `img`, `image_bytes`, `image_path`, `file_name`, `filepath`,
    /// `file_path` and `path`.
    pub image_column: Option<String>,
    /// Column of the caption: text, binary with text in it, or a list of texts. Where none is given the first of `caption`,
    /// `captions`, `text`, `txt`, `title` and `sentences`.
    pub caption_column: Option<String>,
    /// Further columns with captions of the same picture.
    pub other_caption_columns: Vec<String>,
    /// The rows to read, where a column `split` names it; all, where none is given.
    pub split: Option<String>,
    /// What relative paths begin from; each table's own folder where none is given.
    pub root: Option<PathBuf>,
}

impl ParquetOptions {
    /// What these options of any source say about Parquet tables.
    pub(crate) fn of(options: &SourceOptions) -> Self {
        let mut captions = options.captions.iter().cloned();
        Self {
            image_column: options.image.clone(),
            caption_column: captions.next(),
            other_caption_columns: captions.collect(),
            split: options.split.clone(),
            root: options.root.clone(),
        }
    }
}
