//! Names of classes in place of their folders' names.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::source::read_file;
use crate::{DataError, SourceOptions};

/// The names that come with the crate, by WordNet id.
const IMAGENET: &str = include_str!("imagenet.txt");

/// The word that asks for them.
const IMAGENET_WORD: &str = "imagenet";

/// What CLIP_benchmark's exports call the file.
const USUAL: &str = "classnames.txt";

/// Longest file of names; all of WordNet's have 3 MB.
const MOST_BYTES: u64 = 64 << 20;

/// Names of the classes by their folders.
#[derive(Debug, Default)]
pub(crate) struct ClassNames {
    names: HashMap<String, String>,
}

impl ClassNames {
    /// The names of these folders: from the file that the options name, from `classnames.txt` in the root or above it if it fits, or
    /// ImageNet's for folders that are its WordNet ids. A sentence where something was left aside.
    pub(crate) fn find(
        root: &Path,
        labels: &BTreeSet<String>,
        options: &SourceOptions,
    ) -> Result<(Self, Option<String>), DataError> {
        if let Some(path) = &options.class_names {
            let names = match path.to_str() {
                Some(IMAGENET_WORD) => by_label(IMAGENET, labels).ok_or_else(|| DataError::Table {
                    path: root.to_owned(),
                    reason: "its folders are not called by ImageNet's WordNet ids: name a file in `class_names`"
                        .to_owned(),
                })?,
                _ => read(path, labels)?,
            };
            return Ok((Self { names }, None));
        }
        let usual = [root.join(USUAL), root.join("..").join(USUAL)].into_iter().find(|path| path.is_file());
        if let Some(path) = usual {
            return Ok(match read(&path, labels) {
                Ok(names) => (Self { names }, None),
                Err(error) => (Self::default(), Some(format!("class names are left aside: {error}"))),
            });
        }
        // Folders with names of their own may lie beside those with ids.
        let ids: BTreeSet<&str> = labels.iter().map(String::as_str).filter(|label| is_wordnet_id(label)).collect();
        let lines = IMAGENET.lines().filter_map(|line| line.split_once('\t'));
        let known = lines.filter(|(id, _)| ids.contains(id)).map(|(id, name)| (id.to_owned(), name.to_owned()));
        let names: HashMap<String, String> = known.collect();
        let advice = ids.iter().find(|id| !names.contains_key(**id)).map(|first| {
            format!(
                "captions of {} of {} class folders are WordNet ids, which say nothing, e.g. `{first}`: name a file of names in `class_names`",
                ids.len() - names.len(),
                labels.len()
            )
        });
        Ok((Self { names }, advice))
    }

    /// The caption of a folder: its name in the file, or its own with spaces for underscores and hyphens.
    pub(crate) fn caption(&self, label: &str) -> String {
        self.names.get(label).cloned().unwrap_or_else(|| label.replace(['_', '-'], " "))
    }
}

/// The names of numbered classes, one a line.
pub(crate) fn numbered(path: &Path) -> Result<Vec<String>, DataError> {
    Ok(text_of(path)?.lines().map(|line| line.trim().to_owned()).collect())
}

fn is_wordnet_id(label: &str) -> bool {
    label.len() == 9 && label.starts_with('n') && label[1..].bytes().all(|byte| byte.is_ascii_digit())
}

fn text_of(path: &Path) -> Result<String, DataError> {
    let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
    let bytes = read_file(path, MOST_BYTES).map_err(|damage| wrong(damage.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("the text is not UTF-8".to_owned()))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn read(path: &PathBuf, labels: &BTreeSet<String>) -> Result<HashMap<String, String>, DataError> {
    let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
    let text = text_of(path)?;
    if path.extension().is_some_and(|ending| ending == "json") {
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        return from_json(&value, labels).ok_or_else(|| {
            wrong(format!("neither a name for each of the {} folders nor as many names as folders", labels.len()))
        });
    }
    if let Some(names) = by_label(&text, labels) {
        return Ok(names);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    by_order(&lines, labels).ok_or_else(|| {
        wrong(format!(
            "{} lines for {} class folders: one name a line in the order of the folders, or folder, tab and name",
            lines.len(),
            labels.len()
        ))
    })
}

fn by_order(names: &[&str], labels: &BTreeSet<String>) -> Option<HashMap<String, String>> {
    let pairs = labels.iter().zip(names).map(|(label, name)| (label.clone(), (*name).to_owned()));
    (names.len() == labels.len()).then(|| pairs.collect())
}

/// Lines of folder and name, as `synset_words.txt`, `LOC_synset_mapping.txt` and `words.txt` have them; none where a folder has no line.
fn by_label(text: &str, labels: &BTreeSet<String>) -> Option<HashMap<String, String>> {
    ['\t', ' ', ','].into_iter().find_map(|separator| {
        let pairs = text.lines().filter_map(|line| line.split_once(separator));
        let names: HashMap<String, String> = pairs
            .map(|(label, name)| (label.trim(), name.trim()))
            .filter(|(label, name)| labels.contains(*label) && !name.is_empty())
            .map(|(label, name)| (label.to_owned(), name.to_owned()))
            .collect();
        (!labels.is_empty() && names.len() == labels.len()).then_some(names)
    })
}

/// `{"n01440764": "tench"}`, `{"0": ["n01440764", "tench"]}`, `{"0": "tench"}` or `["tench"]`.
fn from_json(value: &Value, labels: &BTreeSet<String>) -> Option<HashMap<String, String>> {
    match value {
        Value::Array(list) => by_order(&list.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?, labels),
        Value::Object(fields) => {
            let mut names = HashMap::new();
            for (key, value) in fields {
                match value {
                    Value::String(name) => names.insert(key.clone(), name.clone()),
                    Value::Array(pair) => match &pair[..] {
                        [Value::String(label), Value::String(name), ..] => names.insert(label.clone(), name.clone()),
                        _ => None,
                    },
                    _ => None,
                };
            }
            if labels.iter().all(|label| names.contains_key(label)) {
                names.retain(|label, _| labels.contains(label));
                return Some(names);
            }
            let numbered: Option<Vec<&str>> = (0..fields.len()).map(|n| fields.get(&n.to_string())?.as_str()).collect();
            by_order(&numbered?, labels)
        }
        _ => None,
    }
}
