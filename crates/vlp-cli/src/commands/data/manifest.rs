//! What has been packed: beside the shards, so that packing goes on where it stopped.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vlp::augment::read_regular;
use vlp::data::{SourceOptions, Tally};

use crate::failure::{Blame, Failure};

/// Everything that decides what is in the shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// What was packed, as it was named.
    pub(crate) source: String,
    /// How it was read.
    pub(crate) options: SourceOptions,
    /// Samples that it has, damaged ones too.
    pub(crate) source_samples: usize,
    pub(crate) per_shard: usize,
    pub(crate) short_side: Option<usize>,
    pub(crate) quality: u8,
}

/// A finished shard. One without a sample is not written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Packed {
    pub(crate) name: String,
    pub(crate) samples: usize,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) skipped: Tally,
    /// The first sample that was left out, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_skipped: Option<String>,
}

/// `manifest.json`, with the prefix of the shards before its name.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    #[serde(flatten)]
    pub(crate) settings: Settings,
    /// Whether every sample of the source is in a shard or counted as skipped.
    pub(crate) complete: bool,
    pub(crate) samples: usize,
    pub(crate) skipped: Tally,
    pub(crate) shards: Vec<Packed>,
}

impl Manifest {
    pub(crate) fn path(folder: &Path, prefix: &str) -> PathBuf {
        folder.join(format!("{prefix}manifest.json"))
    }

    /// `indexed` is the damage that was found before the first sample was read.
    pub(crate) fn new(settings: Settings, indexed: &Tally, mut shards: Vec<Packed>) -> Self {
        shards.sort_by(|a, b| a.name.cmp(&b.name));
        let mut skipped = indexed.clone();
        shards.iter().for_each(|shard| skipped.merge(&shard.skipped));
        let complete = shards.len() == settings.source_samples.div_ceil(settings.per_shard);
        let samples = shards.iter().map(|shard| shard.samples).sum();
        Manifest { settings, complete, samples, skipped, shards }
    }

    /// The shards of a folder that packing with these settings need not write again. Refuses a folder with other shards in it.
    pub(crate) fn finished(
        folder: &Path,
        prefix: &str,
        settings: &Settings,
        resume: bool,
    ) -> Result<Vec<Packed>, Failure> {
        let path = Self::path(folder, prefix);
        let text = match read_regular(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::asked(format!("{}: {error}", path.display()))),
        };
        match text {
            None if resume => Err(Failure::asked(format!("--resume: there is no {}", path.display()))),
            None => match first_shard(folder, prefix)? {
                Some(shard) => Err(Failure::asked(format!(
                    "{} is there already and no {} says what it holds: choose another --out or --prefix",
                    shard.display(),
                    path.display()
                ))),
                None => Ok(Vec::new()),
            },
            Some(_) if !resume => Err(Failure::asked(format!(
                "{} is there already: --resume goes on with what it lacks, another --out or --prefix starts anew",
                path.display()
            ))),
            Some(text) => {
                let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
                    Failure::asked(format!("{} is no list of packed shards: {error}", path.display()))
                })?;
                if manifest.settings != *settings {
                    return Err(Failure::asked(format!(
                        "{} was packed with {}, this would be {}: say the same, or choose another --out",
                        folder.display(),
                        serde_json::to_string(&manifest.settings).failed()?,
                        serde_json::to_string(settings).failed()?,
                    )));
                }
                let there = |shard: &Packed| {
                    let bytes = fs::metadata(folder.join(&shard.name)).map(|file| file.len());
                    shard.samples == 0 || bytes.is_ok_and(|bytes| bytes == shard.bytes)
                };
                Ok(manifest.shards.into_iter().filter(there).collect())
            }
        }
    }

    /// Takes the place of an earlier one at once.
    pub(crate) fn write(&self, folder: &Path, prefix: &str) -> Result<(), Failure> {
        let path = Self::path(folder, prefix);
        let part = path.with_added_extension("part");
        let text = serde_json::to_vec_pretty(self).failed()?;
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &path))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    }
}

fn first_shard(folder: &Path, prefix: &str) -> Result<Option<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::asked(format!("{}: {error}", folder.display()))),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.asked()?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(prefix) && name.ends_with(".tar") {
            found.push(path);
        }
    }
    Ok(found.into_iter().min())
}
