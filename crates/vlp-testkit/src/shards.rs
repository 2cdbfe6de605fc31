//! Tar shards made up for tests, and ways to damage them.

use std::fmt;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, RgbImage};
use tar::{Builder, EntryType, Header};

/// A tar archive under construction.
pub struct ShardBuilder {
    archive: Builder<Vec<u8>>,
}

impl fmt::Debug for ShardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardBuilder({} bytes)", self.archive.get_ref().len())
    }
}

impl Default for ShardBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ShardBuilder {
    /// An empty archive.
    pub fn new() -> Self {
        Self { archive: Builder::new(Vec::new()) }
    }

    /// Adds a regular member.
    #[must_use]
    pub fn member(self, name: &str, bytes: &[u8]) -> Self {
        self.raw_member(name, EntryType::Regular, bytes.len() as u64, bytes)
    }

    /// Adds a picture with its caption in `.txt` and a `.json` with `label`.
    #[must_use]
    pub fn sample(self, key: &str, png: &[u8], caption: &str, label: &str) -> Self {
        let json = serde_json::json!({ "label": label }).to_string();
        self.member(&format!("{key}.png"), png)
            .member(&format!("{key}.txt"), caption.as_bytes())
            .member(&format!("{key}.json"), json.as_bytes())
    }

    /// Adds a member of any type that declares any size; the name is written as it is, `..` and all.
    #[must_use]
    pub fn raw_member(mut self, name: &str, kind: EntryType, size: u64, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        let field = &mut header.as_old_mut().name;
        let length = name.len().min(field.len());
        field[..length].copy_from_slice(&name.as_bytes()[..length]);
        header.set_cksum();
        self.archive.append(&header, bytes).expect("writing to memory");
        self
    }

    /// The finished archive.
    pub fn bytes(self) -> Vec<u8> {
        self.archive.into_inner().expect("writing to memory")
    }

    /// Writes the archive into a directory and gives its path.
    pub fn write(self, directory: &Path, name: &str) -> PathBuf {
        write(directory, name, &self.bytes())
    }
}

/// Writes a file into a directory and gives its path.
pub fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, bytes).expect("writing a test file");
    path
}

/// A picture that differs for every seed: smooth colours with some texture.
pub fn picture(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: u32, b: u32| {
            let v = (a * x + b * y + 37 * seed) % 510;
            v.min(509 - v) as u8
        };
        image::Rgb([wave(3, 2), wave(1, 5), wave(4, 1) ^ (x * y % 8) as u8])
    })
}

/// Encodes a picture losslessly.
pub fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).expect("writing to memory");
    bytes
}

/// A small PNG that differs for every seed.
pub fn png(seed: u32) -> Vec<u8> {
    encode(&picture(16, 12, seed), ImageFormat::Png)
}

/// A shard of `samples` good samples with keys from `first` on; sample i has label `label {i % labels}`.
pub fn shard(first: usize, samples: usize, labels: usize) -> ShardBuilder {
    (first..first + samples).fold(ShardBuilder::new(), |shard, i| {
        let label = format!("label {}", i % labels);
        let caption = format!("{label}: picture {i}, test, tag");
        shard.sample(&format!("{i:06}"), &png(i as u32), &caption, &label)
    })
}

/// Breaks the picture data of a PNG, behind its header.
pub fn broken_png(seed: u32) -> Vec<u8> {
    let mut bytes = png(seed);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    bytes
}

/// Numbers for choosing what to break: reproducible, not good.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(2).wrapping_add(1) }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) as usize) % n.max(1)
    }
}

/// A damaged copy: bytes flipped, overwritten, removed, doubled, or the end cut off.
pub fn mutate(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(8) {
        if bytes.is_empty() {
            break;
        }
        let at = dice.below(bytes.len());
        let length = dice.below(600).min(bytes.len() - at);
        match dice.below(6) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.below(256) as u8,
            2 => drop(bytes.drain(at..at + length)),
            3 => bytes[at..at + length].fill(dice.below(256) as u8),
            4 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}
