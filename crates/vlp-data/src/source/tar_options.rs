use serde::{Deserialize, Serialize};

use crate::SourceOptions;

/// How tar shards are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TarOptions {
    /// Fields of `.json` that hold captions, all of which a sample has; `txt` stands for the `.txt` member. Where none is named: `.txt`, or
    /// the first present of `caption`, `captions`, `text`, `title`, ...; a list in one of them that has what was found in it counts whole.
    pub captions: Vec<String>,
    /// Each line of a `.txt` is a caption of its own.
    pub caption_lines: bool,
}

impl TarOptions {
    /// What these options of any source say about shards.
    pub(crate) fn of(options: &SourceOptions) -> Self {
        Self { captions: options.captions.clone(), caption_lines: options.caption_lines }
    }
}
