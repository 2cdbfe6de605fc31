//! Weights in several files, which an index names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use vlp_augment::open_regular;

use crate::{ReadLimits, StateDict, WeightError};

/// An index of more is none: it has one line a tensor.
const INDEX_LIMIT: u64 = 64 << 20;
/// What the name of an index ends with.
pub(crate) const INDEX: &str = ".index.json";

#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

impl StateDict {
    /// Reads every file that an index (`model.safetensors.index.json`) names, and checks that each tensor is where it says.
    pub(crate) fn read_sharded(index: &Path, limits: &ReadLimits) -> Result<Self, WeightError> {
        let damaged = |reason: String| WeightError::Damaged { path: index.to_path_buf(), format: "index", reason };
        let file = open_regular(index).map_err(WeightError::io("open", index))?;
        let mut bytes = Vec::new();
        file.take(INDEX_LIMIT + 1).read_to_end(&mut bytes).map_err(WeightError::io("read", index))?;
        if bytes.len() as u64 > INDEX_LIMIT {
            return Err(damaged(format!("it is larger than {INDEX_LIMIT} bytes")));
        }
        let Index { weight_map } = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let folder = index.parent().unwrap_or(Path::new(""));
        let (mut all, mut left) = (StateDict::new(), limits.bytes);
        for name in weight_map.values().collect::<BTreeSet<_>>() {
            // An index names files beside it and nothing else.
            if name.is_empty() || name.contains(['/', '\\']) || name == ".." || name.ends_with(INDEX) {
                return Err(damaged(format!("it names {name:?}, which is no file beside it")));
            }
            let path = folder.join(name);
            if !path.is_file() {
                return Err(damaged(format!("it names {name}, which is not there")));
            }
            let shard = StateDict::read(&path, &ReadLimits { bytes: left, ..*limits })?;
            left = left.saturating_sub(shard.iter().map(|(_, tensor)| tensor.bytes().len() as u64).sum());
            let mine: BTreeSet<&str> =
                weight_map.iter().filter(|(_, file)| *file == name).map(|(tensor, _)| tensor.as_str()).collect();
            if let Some(missing) = mine.iter().find(|tensor| !shard.contains(tensor)) {
                return Err(damaged(format!("it says that {name} holds `{missing}`, which it does not")));
            }
            all.metadata.extend(shard.metadata.clone());
            for (tensor, values) in shard {
                if all.insert(tensor.as_str(), values).is_some() {
                    return Err(damaged(format!("`{tensor}` is in more than one of its files")));
                }
            }
        }
        Ok(all)
    }
}
