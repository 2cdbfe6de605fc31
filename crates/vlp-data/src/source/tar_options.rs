use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SourceOptions;

/// Where the key of a sample ends in a member's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRule {
    /// At the first dot of the file name, as in webdataset: `0001.left.jpg` is the part `left.jpg` of the sample `0001`.
    #[default]
    FirstDot,
    /// At the last dot: `plate v2.0 front.jpg` is the picture of the sample `plate v2.0 front`.
    LastDot,
}

/// How tar shards are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TarOptions {
    /// Where the key of a sample ends.
    pub key: KeyRule,
    /// Fields of `.json` that hold captions, all of which a sample has; `txt` stands for the `.txt` member. Where none is named: `.txt`, or
    /// the first present of `caption`, `captions`, `text`, `title`, ...; a list in one of them that has what was found in it counts whole.
    pub captions: Vec<String>,
    /// Each line of a `.txt` is a caption of its own.
    pub caption_lines: bool,
    /// Most bytes that all packed shards (gzip, zstd, xz, bzip2) of a source may unpack to. They are unpacked when they are opened,
    /// into a nameless file that goes when the source goes.
    pub unpacked_bytes: u64,
    /// The folder of that file; the system's folder of temporary files, when left out.
    pub unpack_into: Option<PathBuf>,
}

/// 64 GiB.
const UNPACKED_BYTES: u64 = 64 << 30;

impl Default for TarOptions {
    /// Keys end at the first dot; 64 GiB.
    fn default() -> Self {
        Self {
            key: KeyRule::FirstDot,
            captions: Vec::new(),
            caption_lines: false,
            unpacked_bytes: UNPACKED_BYTES,
            unpack_into: None,
        }
    }
}

impl TarOptions {
    /// What these options of any source say about shards.
    pub fn of(options: &SourceOptions) -> Self {
        Self {
            key: options.key,
            captions: options.captions.clone(),
            caption_lines: options.caption_lines,
            unpacked_bytes: options.unpacked_bytes.unwrap_or(UNPACKED_BYTES),
            unpack_into: options.unpack_into.clone(),
        }
    }
}
