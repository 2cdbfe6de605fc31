use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::TrainError;

/// Version of the layout of a checkpoint directory.
const FORMAT: u32 = 1;
pub(crate) const MANIFEST: &str = "manifest.json";
/// Hash of the manifest, in the format that `sha256sum --check` reads.
pub(crate) const SEAL: &str = "manifest.sha256";

/// What a checkpoint directory holds and how to tell that all of it is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    pub(crate) step: u64,
    pub(crate) config: Value,
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(crate) fn new(step: u64, config: &Value, files: &[(&str, &[u8])]) -> Self {
        let entry = |bytes: &[u8]| Entry { bytes: bytes.len() as u64, sha256: sha256(bytes) };
        let files = files.iter().map(|(name, bytes)| (name.to_string(), entry(bytes))).collect();
        Manifest { format: FORMAT, step, config: config.clone(), files }
    }

    /// The manifest file and its seal.
    pub(crate) fn seal(&self) -> Result<(Vec<u8>, Vec<u8>), serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let seal = format!("{}  {MANIFEST}\n", sha256(&text));
        Ok((text, seal.into_bytes()))
    }

    /// Reads the manifest of the checkpoint in `dir` and checks it against its seal.
    pub(crate) fn read(dir: &Path) -> Result<Self, TrainError> {
        let text = read(dir, MANIFEST)?;
        let seal = read(dir, SEAL)?;
        if seal != format!("{}  {MANIFEST}\n", sha256(&text)).as_bytes() {
            return Err(TrainError::damaged(dir, format!("{MANIFEST} does not match {SEAL}")));
        }
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| TrainError::damaged(dir, format!("{MANIFEST} cannot be understood: {error}")))?;
        if manifest.format != FORMAT {
            let reason = format!("it has format {}, this version reads format {FORMAT}", manifest.format);
            return Err(TrainError::damaged(dir, reason));
        }
        Ok(manifest)
    }

    /// Whether a file is part of the checkpoint.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Reads one file of the checkpoint and checks its length and hash.
    pub(crate) fn file(&self, dir: &Path, name: &str) -> Result<Vec<u8>, TrainError> {
        let Some(entry) = self.files.get(name) else {
            return Err(TrainError::damaged(dir, format!("{MANIFEST} does not list {name}")));
        };
        let bytes = read(dir, name)?;
        if bytes.len() as u64 != entry.bytes {
            let reason = format!("{name} has {} bytes instead of {}", bytes.len(), entry.bytes);
            return Err(TrainError::damaged(dir, reason));
        }
        if sha256(&bytes) != entry.sha256 {
            return Err(TrainError::damaged(dir, format!("{name} does not match its hash in {MANIFEST}")));
        }
        Ok(bytes)
    }

    /// Checks every file.
    pub(crate) fn verify(&self, dir: &Path) -> Result<(), TrainError> {
        self.files.keys().try_for_each(|name| self.file(dir, name).map(drop))
    }
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, TrainError> {
    let path = dir.join(name);
    // A pipe of that name would be waited for.
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(TrainError::damaged(dir, format!("{name} is not a regular file")));
    }
    fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => TrainError::damaged(dir, format!("{name} is missing")),
        _ => TrainError::io("read", &path)(error),
    })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where two configurations differ, key by key; empty when they agree.
pub fn differences(saved: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", saved, &through_text(ours), &mut found);
    found
}

/// Numbers that were written and read back may differ in the last bit from those that were not.
fn through_text(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_else(|_| value.clone())
}

fn compare(key: &str, saved: &Value, ours: &Value, found: &mut Vec<String>) {
    match (saved, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let child = |name: &str| if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
            for (name, value) in a {
                match b.get(name) {
                    Some(other) => compare(&child(name), value, other, found),
                    None => found.push(format!("`{}` was {} and is not there now", child(name), shown(value))),
                }
            }
            for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                found.push(format!("`{}` was not there and is {} now", child(name), shown(value)));
            }
        }
        _ if saved == ours || same_number(saved, ours) => (),
        _ => {
            let what = if key.is_empty() { "it".to_string() } else { format!("`{key}`") };
            found.push(format!("{what} was {} and is {} now", shown(saved), shown(ours)));
        }
    }
}

/// A number in single precision that was once written with all digits of double precision is still the same number.
fn same_number(saved: &Value, ours: &Value) -> bool {
    let fractions = saved.is_f64() && ours.is_f64();
    fractions && saved.as_f64().map(|value| value as f32) == ours.as_f64().map(|value| value as f32)
}

/// A value in a sentence: of long ones, such as a whole encoder, the beginning.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_configurations_have_no_difference() {
        let config = json!({"lr": 0.1 + 0.2, "model": {"width": 64, "heads": [1, 2]}, "third": 1.0 / 3.0});
        let saved = through_text(&config);
        assert_eq!(differences(&saved, &config), Vec::<String>::new());
    }

    #[test]
    fn every_differing_key_is_named_with_both_values() {
        let saved = json!({"lr": 0.1, "model": {"width": 64, "old": true}});
        let ours = json!({"lr": 0.2, "model": {"width": 64, "new": null}});
        let found = differences(&saved, &ours);
        assert_eq!(
            found,
            [
                "`lr` was 0.1 and is 0.2 now",
                "`model.old` was true and is not there now",
                "`model.new` was not there and is null now"
            ]
        );
    }

    #[test]
    fn long_values_are_cut() {
        let found = differences(&json!({"image": {"name": "é".repeat(100)}}), &json!({"image": 1}));
        assert_eq!(found, [format!("`image` was {{\"name\":\"{}… and is 1 now", "é".repeat(51))]);
    }
}
