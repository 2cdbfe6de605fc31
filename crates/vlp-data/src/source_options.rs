use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Alpha, FolderCaptions, KeyRule, Limits, Quoting, SurplusCells};

/// How whatever [`Dataset::from_path_with`](crate::Dataset::from_path_with) is given is read. Everything may be left out: columns and
/// fields are then found by their usual names, and layouts by their content.
///
/// It is a table of a recipe: unknown keys are refused, and it may be flattened into another one.
///
/// ```
/// let options: vlp_data::SourceOptions = serde_json::from_str(r#"{"captions": ["recaption"], "split": "train"}"#)?;
/// assert_eq!(options.captions, ["recaption"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceOptions {
    /// Columns or JSON fields that hold captions; `txt` stands for the `.txt` member of a tar sample and the `.txt` file beside a
    /// picture. A sample has the captions of all of them. Where none is named: `.txt`, then the first present of `caption`, `captions`,
    /// `text`, `title` and `sentences`.
    pub captions: Vec<String>,
    /// Each line of a `.txt` is a caption of its own.
    pub caption_lines: bool,
    /// Where the key of a sample ends in the names of a shard's members.
    pub key: KeyRule,
    /// Most bytes that packed shards may unpack to; 64 GiB where nothing is given.
    pub unpacked_bytes: Option<u64>,
    /// The folder they are unpacked in; that of temporary files where none is given.
    pub unpack_into: Option<PathBuf>,
    /// Column or field of the picture or of its path.
    pub image: Option<String>,
    /// Between two columns of a table of text; found out from the header where none is given.
    pub separator: Option<char>,
    /// What quotation marks mean in a table of text.
    pub quoting: Quoting,
    /// What becomes of rows with more cells than the header.
    pub surplus_cells: SurplusCells,
    /// Rows that name the same picture are one sample with several captions.
    pub join_rows: bool,
    /// What relative paths of a table begin from; the table's own folder where none is given.
    pub root: Option<PathBuf>,
    /// The part to read where data come in parts: `train`, `val`, `validation`, `test`, ... All of them where none is named.
    pub split: Option<String>,
    /// Where the captions of a folder of pictures are.
    pub folder: FolderCaptions,
    /// Names of the classes of class folders: a file with one name a line (`classnames.txt`), a `.json` of them by folder or number, or
    /// the word `imagenet` for the names that come with the crate. `classnames.txt` beside the folders is found without it.
    pub class_names: Option<PathBuf>,
    /// What becomes of the transparent parts of pictures.
    pub alpha: Alpha,
    /// What becomes of a source that leaves something out by its own rules.
    pub left_out: LeftOutPolicy,
    /// What is accepted before a sample counts as damaged.
    pub limits: Limits,
}

/// What becomes of a source that leaves samples out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutPolicy {
    /// It is read, and what it leaves out is counted and told.
    #[default]
    Count,
    /// It is refused.
    Refuse,
}

impl SourceOptions {
    /// The defaults under these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}
