//! The folder of a run: what it holds already, and what is put beside its checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vlp_augment::read_regular;
use vlp_encoders::ImageEncoderConfig;
use vlp_methods::MethodConfig;
use vlp_trainer::{Checkpoint, config_differences};

use super::RunError;
use crate::recipe::{Recipe, SourceRecipe, TokenizerRecipe};

/// The tokenizer of a run, where it came from a file.
const TOKENIZER: &str = "tokenizer.json";
/// The recipe of a run with every key, for people: checkpoints hold it as well.
const RECIPE: &str = "recipe.toml";
/// Keys of a recipe that may differ between two starts of a run.
const FREE: [&str; 6] = ["data", "tokenizer", "init", "eval", "checkpoint", "log"];

/// What a checkpoint says about the run that it belongs to.
pub(super) fn config<M: MethodConfig, I: ImageEncoderConfig>(recipe: &Recipe<M, I>, total: u64) -> Value {
    let mut recipe = recipe.clone();
    let absolute = |source: &mut SourceRecipe| {
        if !source.source.contains("://")
            && let Ok(whole) = std::path::absolute(&source.source)
            && let Some(text) = whole.to_str()
        {
            source.source = text.to_owned();
        }
    };
    recipe.data.train.iter_mut().for_each(absolute);
    recipe.data.validation.iter_mut().filter_map(|held_out| held_out.source.as_mut()).for_each(absolute);
    recipe.eval.sets.iter_mut().for_each(|set| absolute(&mut set.source));
    if let TokenizerRecipe::File { file, .. } = &mut recipe.tokenizer {
        *file = TOKENIZER.into();
    }
    json!({ "recipe": serde_json::to_value(&recipe).expect("a recipe is plain data"), "total_steps": total })
}

/// Refuses a folder whose run would be lost; whether checkpoints there are to be replaced.
pub(super) fn check(dir: &Path, resumed: bool, fresh: bool, method: &str) -> Result<bool, RunError> {
    if resumed || !dir.exists() {
        return Ok(false);
    }
    let (newest, unreadable) = Checkpoint::latest(dir)?;
    if fresh {
        return Ok(true);
    }
    let exists = |method: &str, state: String| {
        Err(RunError::Exists { dir: dir.to_path_buf(), method: method.to_owned(), state })
    };
    match newest {
        None if unreadable.is_empty() => Ok(false),
        None => {
            let state = format!(
                "cannot be read ({}): `--fresh` starts anew and deletes it, another folder keeps it",
                unreadable.join("; ")
            );
            exists("an unknown method", state)
        }
        Some(run) => {
            let theirs = run.config()["recipe"]["method"]["name"].as_str().unwrap_or(method);
            let finished = run.config()["total_steps"].as_u64() == Some(run.step());
            let state = match finished {
                true => "is finished: `--fresh` replaces it, another folder keeps it".to_owned(),
                false => format!("stopped after step {}: `--resume` continues it, `--fresh` starts anew", run.step()),
            };
            exists(theirs, state)
        }
    }
}

/// Puts recipe and tokenizer into the folder.
pub(super) fn prepare<M: MethodConfig, I: ImageEncoderConfig>(
    dir: &Path,
    recipe: &Recipe<M, I>,
) -> Result<(), RunError> {
    let path = dir.join(RECIPE);
    fs::write(&path, recipe.to_toml()?).map_err(RunError::file("write", &path))?;
    let kept = dir.join(TOKENIZER);
    match recipe.tokenizer.path() {
        Some(given) if given != kept => {
            fs::copy(&given, &kept).map(drop).map_err(RunError::file("copy the tokenizer to", &kept))
        }
        _ => Ok(()),
    }
}

/// The checkpoint in `path`, or the newest readable one of the run there; the run's folder; what is wrong with newer ones.
pub(super) fn checkpoint(path: &Path) -> Result<(Checkpoint, PathBuf, Vec<String>), RunError> {
    if path.join("manifest.json").is_file() {
        let run = path.parent().unwrap_or(Path::new("")).to_path_buf();
        return Ok((Checkpoint::open(path)?, run, Vec::new()));
    }
    let missing = |why: String| RunError::Missing { dir: path.to_path_buf(), why };
    if !path.is_dir() {
        return Err(missing(": there is no such folder".to_owned()));
    }
    let (newest, unreadable) = Checkpoint::latest(path)?;
    let why = if unreadable.is_empty() { String::new() } else { format!(": {}", unreadable.join("; ")) };
    newest.map(|checkpoint| (checkpoint, path.to_path_buf(), unreadable)).ok_or_else(|| missing(why))
}

/// A checkpoint, the recipe of its run, and what is wrong with newer ones.
type Stored<M, I> = (Checkpoint, Recipe<M, I>, Vec<String>);

/// The newest checkpoint of a run, or the one in `path`, with the recipe of the run.
pub(super) fn newest<M: MethodConfig, I: ImageEncoderConfig>(path: &Path) -> Result<Stored<M, I>, RunError> {
    let (checkpoint, dir, passed_over) = checkpoint(path)?;
    let recipe = serde_json::from_value(checkpoint.config()["recipe"].clone()).map_err(|error| {
        let mut reason = error.to_string();
        if let Some(name) = checkpoint.config()["recipe"]["method"]["name"].as_str() {
            reason = format!("{reason} (its method is {name})");
        }
        RunError::Version { dir: path.to_path_buf(), reason }
    })?;
    Ok((checkpoint, whole(&dir, recipe), passed_over))
}

/// A stored recipe with the tokenizer of its folder.
fn whole<M, I>(dir: &Path, mut recipe: Recipe<M, I>) -> Recipe<M, I> {
    if let TokenizerRecipe::File { file, .. } = &mut recipe.tokenizer
        && file.is_relative()
    {
        *file = dir.join(&*file);
    }
    recipe
}

/// Refuses another recipe than that of the run, but for what may change between two starts.
pub(super) fn same<M: MethodConfig, I: ImageEncoderConfig>(
    checkpoint: &Checkpoint,
    saved: &Recipe<M, I>,
    ours: &Recipe<M, I>,
    total: u64,
) -> Result<(), RunError> {
    let identity = |recipe: &Recipe<M, I>, total: &Value| {
        let mut recipe = serde_json::to_value(recipe).expect("a recipe is plain data");
        if let Some(keys) = recipe.as_object_mut() {
            keys.retain(|key, _| !FREE.contains(&key.as_str()));
        }
        json!({ "recipe": recipe, "total_steps": total })
    };
    let mut differences =
        config_differences(&identity(saved, &checkpoint.config()["total_steps"]), &identity(ours, &total.into()));
    if !same_tokenizer(&saved.tokenizer, &ours.tokenizer) {
        differences.push("`recipe.tokenizer` is another file than the run's".to_owned());
    }
    let dir = checkpoint.path().parent().unwrap_or(Path::new("")).to_path_buf();
    if differences.is_empty() { Ok(()) } else { Err(RunError::OtherRecipe { dir, differences }) }
}

/// By content: the run keeps a copy of its own.
fn same_tokenizer(saved: &TokenizerRecipe, ours: &TokenizerRecipe) -> bool {
    match (saved.path(), ours.path()) {
        (None, None) => true,
        (Some(saved), Some(ours)) => match (read_regular(saved), read_regular(ours)) {
            (Ok(saved), Ok(ours)) => saved == ours,
            // What cannot be read is refused where the tokenizer is opened.
            _ => true,
        },
        _ => false,
    }
}
