use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// Most bytes that all packed shards (gzip, zstd, xz, bzip2) of a source may unpack to. They are unpacked when they are opened,
    /// into a nameless file that goes when the source goes.
    pub unpacked_bytes: u64,
    /// The folder of that file; the system's folder of temporary files, when left out.
    pub unpack_into: Option<PathBuf>,
}

impl Default for TarOptions {
    /// Keys end at the first dot; 64 GiB.
    fn default() -> Self {
        Self { key: KeyRule::FirstDot, unpacked_bytes: 64 << 30, unpack_into: None }
    }
}
