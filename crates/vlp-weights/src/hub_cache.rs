use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use vlp_augment::read_regular;

use crate::WeightError;

const MODELS: &str = "models--";

/// The folder with a model's files, where `folder` belongs to the cache of Hugging Face's hub: a model's folder in it
/// (`models--OWNER--NAME`) or its `snapshots`, or a whole cache that holds one model. Any other folder comes back as it is.
///
/// Of several snapshots it is the one that `refs/main` names.
///
/// # Errors
/// When the cache holds several models or none, or several snapshots and no `refs/main` among them.
pub fn hub_snapshot(folder: impl AsRef<Path>) -> Result<PathBuf, WeightError> {
    let folder = folder.as_ref();
    if folder.file_name().is_some_and(|name| name == "snapshots") {
        return snapshot(folder.parent().unwrap_or(folder));
    }
    if folder.join("snapshots").is_dir() {
        return snapshot(folder);
    }
    // The cache itself is called `hub` and lies beside other things of Hugging Face's.
    for root in [folder.to_path_buf(), folder.join("hub")] {
        let models: Vec<String> = names(&root)?.into_iter().filter(|name| name.starts_with(MODELS)).collect();
        match models.as_slice() {
            [] => (),
            [model] => return snapshot(&root.join(model)),
            several => {
                let reason = format!("it holds {}: give the folder of one of them", several.join(", "));
                return Err(WeightError::config(format!("the cache {}", root.display()), reason));
            }
        }
    }
    Ok(folder.to_path_buf())
}

/// The folder of `OWNER/NAME` in the hub's cache on this machine, where Hugging Face's own programs keep it (`HF_HUB_CACHE`, else
/// `hub` in `HF_HOME`, else `~/.cache/huggingface/hub`); none where it was never downloaded. Nothing is fetched.
pub fn hub_cached(name: &str) -> Option<PathBuf> {
    let (owner, model) = name.split_once('/')?;
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\']);
    if !plain(owner) || !plain(model) {
        return None;
    }
    let set = |key: &str| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HF_HOME").or_else(|| Some(set("HOME")?.join(".cache/huggingface")));
    let cache = set("HF_HUB_CACHE").or_else(|| Some(home()?.join("hub")))?;
    Some(cache.join(format!("{MODELS}{owner}--{model}"))).filter(|folder| folder.is_dir())
}

fn snapshot(model: &Path) -> Result<PathBuf, WeightError> {
    let snapshots = model.join("snapshots");
    let revisions = names(&snapshots)?;
    let main = read_regular(model.join("refs/main")).ok();
    let main = main.and_then(|bytes| String::from_utf8(bytes).ok()).map(|revision| revision.trim().to_string());
    let named = main.filter(|revision| revisions.contains(revision));
    match (named, revisions.as_slice()) {
        (Some(revision), _) => Ok(snapshots.join(revision)),
        (None, [only]) => Ok(snapshots.join(only)),
        (None, []) => {
            let reason = "it holds no snapshot: the download was not finished";
            Err(WeightError::config(format!("the cache {}", model.display()), reason))
        }
        (None, several) => {
            let reason =
                format!("refs/main names none of its snapshots {}: give the folder of one", several.join(", "));
            Err(WeightError::config(format!("the cache {}", model.display()), reason))
        }
    }
}

/// The folders in a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> Result<Vec<String>, WeightError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(WeightError::io("list", folder))? {
        let entry = entry.map_err(WeightError::io("list", folder))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
