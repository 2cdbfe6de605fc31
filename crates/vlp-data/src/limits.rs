use serde::{Deserialize, Serialize};

/// What a reader accepts before it calls a sample damaged, so that hostile or broken files cost a bounded amount.
///
/// Memory for reading and decoding stays below about `entry_bytes + 11 * image_pixels` for each worker, and 20 MiB more: the WebP
/// decoder takes up to 16 MiB for a part that a header declares, before it finds that the file is shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest image file inside a shard, in bytes.
    pub entry_bytes: u64,
    /// Largest width or height of a picture, in pixels.
    pub image_side: u32,
    /// Most pixels of a picture; read from its header, before anything is decoded.
    pub image_pixels: u64,
    /// Longest caption, in bytes.
    pub caption_bytes: u64,
    /// Longest `.json` member, in bytes.
    pub metadata_bytes: u64,
}

impl Default for Limits {
    /// 64 MiB an entry, 8,192 pixels a side, 32 megapixels, 64 KiB a caption, 1 MiB of metadata.
    fn default() -> Self {
        Self {
            entry_bytes: 64 << 20,
            image_side: 8192,
            image_pixels: 32_000_000,
            caption_bytes: 64 << 10,
            metadata_bytes: 1 << 20,
        }
    }
}
