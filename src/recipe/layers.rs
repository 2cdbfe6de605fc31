//! Recipes on top of one another: a file that extends another, settings on top of a recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use vlp_encoders::ImageEncoderConfig;
use vlp_methods::MethodConfig;

use super::data::is_relative;
use super::{Recipe, RecipeError, builtin};

/// The key by which a file names the recipe below it.
const EXTENDS: &str = "extends";
/// The keys that choose among kinds of a table: where they differ, nothing of the table below is kept.
const CHOOSERS: [&str; 2] = ["name", "kind"];
/// What a table that names no kind is.
const UNNAMED: [(&str, &str, &str); 2] =
    [("optimizer", "name", super::optimizer::DEFAULT), ("schedule", "kind", "clip-rocket")];
/// What has the same meaning in every kind of a table, and is kept.
const SHARED: [(&str, &[&str]); 2] = [("optimizer", &["max_norm"]), ("schedule", &["start", "peak", "end", "warmup"])];
/// Each of these takes the place of the others.
const ALTERNATIVES: [[&str; 2]; 1] = [["epochs", "steps"]];
/// The word for class names that come with the library, where a file of them may stand.
const IMAGENET: &str = "imagenet";
/// More files than any chain of recipes has.
const MOST: usize = 16;

/// Where the text of a recipe comes from.
enum Origin {
    File(PathBuf),
    Builtin(String),
}

impl Origin {
    /// The name in messages.
    fn path(&self) -> PathBuf {
        match self {
            Origin::File(path) => path.clone(),
            Origin::Builtin(name) => PathBuf::from(format!("{name}.toml")),
        }
    }

    fn text(&self) -> Result<String, RecipeError> {
        match self {
            Origin::File(path) => std::fs::read_to_string(path)
                .map_err(|source| RecipeError::Read { path: path.clone(), message: source.to_string() }),
            Origin::Builtin(name) => Recipe::builtin_text(name).map(str::to_owned),
        }
    }

    /// What the paths in it are relative to. Those of the library's own recipes are where its sources lie.
    fn folder(&self) -> PathBuf {
        match self {
            Origin::File(path) => path.parent().unwrap_or(Path::new("")).to_path_buf(),
            Origin::Builtin(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes"),
        }
    }

    /// The recipe that a file calls `other`: beside it, else of this library.
    fn other(&self, other: &str) -> Self {
        let beside = match self {
            Origin::File(path) => path.parent().unwrap_or(Path::new("")).join(other),
            Origin::Builtin(_) => return Origin::Builtin(other.trim_end_matches(".toml").to_owned()),
        };
        match builtin::text(other) {
            Some(_) if !beside.exists() => Origin::Builtin(other.trim_end_matches(".toml").to_owned()),
            _ => Origin::File(beside),
        }
    }
}

/// The recipe of a file on top of those that it extends, not yet checked.
pub(super) fn read<M: MethodConfig, I: ImageEncoderConfig>(path: &Path) -> Result<Recipe<M, I>, RecipeError> {
    read_from(Origin::File(path.to_path_buf()))
}

/// The recipe that is this text, not yet checked.
pub(super) fn from_text<M: MethodConfig, I: ImageEncoderConfig>(text: &str) -> Result<Recipe<M, I>, RecipeError> {
    if M::NAME.is_none() && I::KIND.is_none() {
        // From the text itself: messages then show the line.
        return toml::from_str(text).map_err(|error| parse(&error.to_string()));
    }
    from_table(text.parse().map_err(|error: toml::de::Error| parse(&error.to_string()))?)
}

/// The recipe of this library that has this name, checked.
pub(super) fn builtin<M: MethodConfig, I: ImageEncoderConfig>(name: &str) -> Result<Recipe<M, I>, RecipeError> {
    let recipe: Recipe<M, I> = read_from(Origin::Builtin(name.trim_end_matches(".toml").to_owned()))?;
    recipe.check()?;
    Ok(recipe)
}

fn read_from<M: MethodConfig, I: ImageEncoderConfig>(first: Origin) -> Result<Recipe<M, I>, RecipeError> {
    let (name, mut merged) = (first.path(), Table::new());
    chain::<M, I>(first)?.into_iter().rev().for_each(|(_, table)| merge(&mut merged, table));
    from_table(merged).map_err(|error| error.in_file(&name))
}

/// The tables of a recipe and of those that it extends, with the files that they come from, its own first.
fn chain<M: MethodConfig, I: ImageEncoderConfig>(first: Origin) -> Result<Vec<(PathBuf, Table)>, RecipeError> {
    let (mut next, mut tables) = (Some(first), Vec::new());
    while let Some(origin) = next.take() {
        let (path, text) = (origin.path(), origin.text()?);
        let mut table: Table =
            text.parse().map_err(|error: toml::de::Error| parse(&error.to_string()).in_file(&path))?;
        match table.remove(EXTENDS) {
            // Alone, a file's own text: messages then show the line.
            None if tables.is_empty() => {
                let _: Recipe<M, I> =
                    toml::from_str(&text).map_err(|error| parse(&error.to_string()).in_file(&path))?;
            }
            None => {}
            Some(Value::String(other)) if tables.len() < MOST => next = Some(origin.other(&other)),
            Some(other) => {
                let must = "the name of another recipe, and no file above it";
                return Err(RecipeError::Value { key: EXTENDS, value: other.to_string(), must }.in_file(&path));
            }
        }
        rebase(&mut table, &origin.folder());
        tables.push((path, table));
    }
    Ok(tables)
}

/// The file that each key of a recipe comes from, as `optimizer.weight_decay`; lists are one key.
pub(super) fn origins<M: MethodConfig, I: ImageEncoderConfig>(
    path_or_name: &str,
) -> Result<BTreeMap<String, PathBuf>, RecipeError> {
    let builtin = !Path::new(path_or_name).exists() && builtin::text(path_or_name).is_some();
    let first = match builtin {
        true => Origin::Builtin(path_or_name.trim_end_matches(".toml").to_owned()),
        false => Origin::File(PathBuf::from(path_or_name)),
    };
    let (mut merged, mut said) = (Table::new(), BTreeMap::new());
    for (path, table) in chain::<M, I>(first)?.into_iter().rev() {
        for key in keys(&table) {
            said.insert(key, path.clone());
        }
        merge(&mut merged, table);
    }
    // What another kind of a table put aside is not there any more.
    let there = keys(&merged);
    said.retain(|key, _| there.contains(key));
    Ok(said)
}

/// The names of all values in a table and those below it.
fn keys(table: &Table) -> BTreeSet<String> {
    let below = |(key, value): (&String, &Value)| match value {
        Value::Table(table) => keys(table).into_iter().map(|name| format!("{key}.{name}")).collect(),
        _ => vec![key.clone()],
    };
    table.iter().flat_map(below).collect()
}

/// Paths of a file are relative to its folder.
fn rebase(table: &mut Table, folder: &Path) {
    let join = |value: &mut Value| {
        if let Value::String(path) = value
            && is_relative(path)
            && path != IMAGENET
            && let Some(joined) = folder.join(&*path).to_str()
        {
            *path = joined.to_owned();
        }
    };
    let join_keys = |value: &mut Value, keys: &[&str]| {
        if let Value::Table(table) = value {
            keys.iter().filter_map(|key| table.get_mut(*key).map(join)).for_each(drop);
        }
    };
    // A source is a path or a table around one.
    let join_source = |source: &mut Value| match source {
        Value::Table(_) => join_keys(source, &["source", "root", "class_names"]),
        path => join(path),
    };
    let join_validation = |validation: &mut Value| {
        if let Some(source) = validation.as_table_mut().and_then(|table| table.get_mut("source")) {
            join_source(source);
        }
    };
    let each = |list: Option<&mut Value>, join: &dyn Fn(&mut Value)| {
        list.and_then(Value::as_array_mut).into_iter().flatten().for_each(join);
    };
    for (key, value) in table.iter_mut() {
        match (key.as_str(), value) {
            ("tokenizer", value @ Value::Table(_)) => join_keys(value, &["file"]),
            ("tokenizer", value) if value.as_str() != Some("clip") => join(value),
            ("augment", value) => join_keys(value, &["wordnet"]),
            ("init", value) => join_keys(value, &["weights", "checkpoint"]),
            ("data", Value::Table(data)) => {
                each(data.get_mut("train"), &join_source);
                data.get_mut("validation").into_iter().for_each(join_validation);
            }
            ("eval", Value::Table(eval)) => each(eval.get_mut("sets"), &join_validation),
            _ => (),
        }
    }
}

/// Puts `over` on top of `table`: tables join key by key unless one chooses another kind, everything else is replaced.
fn merge(table: &mut Table, over: Table) {
    for [a, b] in ALTERNATIVES {
        match (over.contains_key(a), over.contains_key(b)) {
            (true, false) => drop(table.remove(b)),
            (false, true) => drop(table.remove(a)),
            _ => (),
        }
    }
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => {
                if let Some((_, chooser, kind)) = UNNAMED.iter().find(|(name, ..)| *name == key) {
                    below.entry(*chooser).or_insert_with(|| (*kind).into());
                }
                if another_kind(below, &above) {
                    let shared = SHARED.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, shared)| *shared);
                    below.retain(|name, _| shared.contains(&name));
                }
                merge(below, above);
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn another_kind(below: &Table, above: &Table) -> bool {
    CHOOSERS.iter().any(|key| above.get(*key).is_some_and(|kind| below.get(*key) != Some(kind)))
}

impl<M: MethodConfig, I: ImageEncoderConfig> Recipe<M, I> {
    /// The recipe with some of its keys set, as command lines give them: `optimizer.weight_decay=0.5`. The value is TOML;
    /// text needs no quotes. `method.name=siglip` takes that method as published, as every `name` and `kind` does.
    ///
    /// ```
    /// let recipe = vlp::recipe::Recipe::quickstart().set(&["epochs=3", "views.strong_text=none"])?;
    /// assert_eq!(recipe.epochs, 3.0);
    /// let error = vlp::recipe::Recipe::quickstart().set(&["optimizer.weigth_decay=0.5"]).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `weight_decay`?"));
    /// # Ok::<(), vlp::recipe::RecipeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RecipeError::Setting`] when there is no `=`, and for a key that does not exist, with the nearest that does; those of
    /// [`check`](Self::check).
    pub fn set(&self, settings: &[impl AsRef<str>]) -> Result<Self, RecipeError> {
        let mut recipe = self.clone();
        for setting in settings.iter().map(AsRef::as_ref) {
            recipe = recipe.with_setting(setting).map_err(|error| RecipeError::Setting {
                setting: setting.to_owned(),
                message: error.to_string().trim_start_matches("not a recipe: ").replace('\n', " "),
            })?;
        }
        recipe.check()?;
        Ok(recipe)
    }

    fn with_setting(&self, setting: &str) -> Result<Self, RecipeError> {
        let (path, value) = setting.split_once('=').ok_or_else(|| parse("a setting is `table.key=value`"))?;
        // What is no TOML is text without quotes.
        let read =
            |text: &str| format!("value = {text}").parse::<Table>().ok().and_then(|mut read| read.remove("value"));
        let mut value = read(value.trim()).unwrap_or_else(|| Value::String(value.trim().to_owned()));
        let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
        let first = keys.remove(0).to_owned();
        for key in keys.into_iter().rev() {
            value = Value::Table(Table::from_iter([(key.to_owned(), value)]));
        }
        let mut table = Table::try_from(self).map_err(|error| parse(&error.to_string()))?;
        merge(&mut table, Table::from_iter([(first, value)]));
        from_table(table)
    }
}

fn from_table<M: MethodConfig, I: ImageEncoderConfig>(mut table: Table) -> Result<Recipe<M, I>, RecipeError> {
    let mut take = |table_key: &str, key: &str| table.get_mut(table_key)?.as_table_mut()?.remove(key);
    let name = M::NAME.and_then(|_| take("method", "name"));
    let kind = I::KIND.and_then(|_| take("image", "kind"));
    let recipe: Recipe<M, I> = table.try_into().map_err(|error: toml::de::Error| parse(&error.to_string()))?;
    let differs = |key, value: Option<Value>, own: &str| match value {
        Some(value) if value.as_str() != Some(own) => {
            let message = format!("{key} is {value}, but this program has `{own}` only");
            Err(RecipeError::Parse { message })
        }
        _ => Ok(()),
    };
    differs("method.name", name, recipe.method.name())?;
    differs("image.kind", kind, I::KIND.unwrap_or_default())?;
    Ok(recipe)
}

/// What serde said, with the key that was probably meant.
pub(super) fn parse(message: &str) -> RecipeError {
    let message = message.trim_end();
    RecipeError::Parse { message: format!("{message}{}", nearest(message).unwrap_or_default()) }
}

/// Serde names an unknown key or kind first and those that exist after it, all in backquotes.
fn nearest(message: &str) -> Option<String> {
    let (_, list) = message.split_once("unknown field ").or_else(|| message.split_once("unknown variant "))?;
    let mut names = list.split('`').skip(1).step_by(2);
    let given = names.next()?;
    let letters = given.chars().count();
    // A part of a name counts as a typo.
    let cost = |name: &str| if letters > 3 && name.contains(given) { 1 } else { strsim::levenshtein(given, name) };
    let (cost, name) = names.map(|name| (cost(name), name)).min()?;
    // Half of the letters wrong is another word.
    (2 * cost <= letters).then(|| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests;
