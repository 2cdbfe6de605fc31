use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use vlp_data::{DataError, Dataset, SourceOptions};

use super::RecipeError;

/// What a run is trained on, and what it is measured on while it trains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataRecipe {
    /// The sources of training samples, mixed by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<SourceRecipe>,
    /// The samples that evaluation holds out; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationRecipe>,
}

/// One source of samples: what it is, how often it is seen, and the keys of [`SourceOptions`] beside them.
///
/// In TOML it is a table `{ source = "...", split = "train", captions = ["recaption"] }`, or the path alone.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecipe {
    /// Whatever [`Dataset::from_path_with`](vlp_data::Dataset::from_path_with) reads: shards by pattern, a table, a folder.
    pub source: String,
    /// How often its samples are seen, relative to those of other sources.
    pub weight: f64,
    /// How it is read.
    pub options: SourceOptions,
}

/// Samples that are held out: a source of their own, or a share of the training samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationRecipe {
    /// A source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRecipe>,
    /// A share of the training samples, in (0, 1), chosen by a hash of their keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl SourceRecipe {
    /// A source of weight 1, read by its usual names.
    pub fn new(source: impl Into<String>) -> Self {
        SourceRecipe { source: source.into(), weight: 1.0, options: SourceOptions::default() }
    }

    /// The source, open.
    ///
    /// # Errors
    /// As [`Dataset::from_path_with`].
    pub fn open(&self) -> Result<Dataset, DataError> {
        Dataset::from_path_with(&self.source, &self.options)
    }

    fn check(&self, key: &'static str) -> Result<(), RecipeError> {
        if self.source.is_empty() {
            return Err(RecipeError::Value { key, value: "empty".to_owned(), must: "a path or a pattern of shards" });
        }
        if !(self.weight > 0.0 && self.weight <= 1e6) {
            let must = "a source whose weight is above 0 and at most a million";
            return Err(RecipeError::Value { key, value: format!("a source of weight {}", self.weight), must });
        }
        Ok(())
    }
}

const SOURCE: &str = "source";
const WEIGHT: &str = "weight";

impl Serialize for SourceRecipe {
    /// What is as usual is left out; a path alone stays one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = |options: &SourceOptions| match serde_json::to_value(options) {
            Ok(Value::Object(keys)) => keys,
            _ => Map::new(),
        };
        let usual = keys(&SourceOptions::default());
        let mut written = keys(&self.options);
        written.retain(|key, value| usual.get(key) != Some(value));
        if self.weight != 1.0 {
            written.insert(WEIGHT.to_owned(), self.weight.into());
        }
        if written.is_empty() {
            return serializer.serialize_str(&self.source);
        }
        written.insert(SOURCE.to_owned(), self.source.clone().into());
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SourceRecipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = match Value::deserialize(deserializer)? {
            Value::String(source) => return Ok(SourceRecipe::new(source)),
            Value::Object(keys) => keys,
            other => return Err(D::Error::custom(format!("a source is a path or a table, not {other}"))),
        };
        let source = match keys.remove(SOURCE) {
            Some(Value::String(source)) => source,
            Some(other) => return Err(D::Error::custom(format!("`source` is a path, not {other}"))),
            None => return Err(D::Error::missing_field(SOURCE)),
        };
        let weight = keys.remove(WEIGHT).map_or(Ok(1.0), |weight| {
            weight.as_f64().ok_or_else(|| D::Error::custom(format!("`weight` is a number, not {weight}")))
        })?;
        let options = serde_json::from_value(Value::Object(keys)).map_err(D::Error::custom)?;
        Ok(SourceRecipe { source, weight, options })
    }
}

impl DataRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        self.train.iter().try_for_each(|source| source.check("data.train"))?;
        if let Some(ValidationRecipe { source: Some(source), .. }) = &self.validation {
            source.check("data.validation.source")?;
        }
        match &self.validation {
            Some(ValidationRecipe { source: Some(_), share: Some(share) }) => {
                refuse("data.validation.share", share.to_string(), "left out where data.validation.source is set")
            }
            Some(ValidationRecipe { source: None, share: None }) => {
                refuse("data.validation", "empty".to_owned(), "a table with `source` or with `share`")
            }
            Some(ValidationRecipe { share: Some(share), .. }) if !(*share > 0.0 && *share < 1.0) => {
                refuse("data.validation.share", share.to_string(), "above 0 and below 1")
            }
            _ => Ok(()),
        }
    }
}

/// Whether a source is named by a path of this machine, which a recipe's file may say relative to itself.
pub(super) fn is_relative(source: &str) -> bool {
    !source.is_empty() && !source.contains("://") && PathBuf::from(source).is_relative()
}
