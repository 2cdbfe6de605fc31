use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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

/// One source of samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRecipe {
    /// Whatever [`Dataset::from_path`](vlp_data::Dataset::from_path) reads: shards by pattern, a table, a folder.
    pub source: String,
    /// How often its samples are seen, relative to those of other sources.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f64,
}

/// Samples that are held out: a source of their own, or a share of the training samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationRecipe {
    /// A source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A share of the training samples, in (0, 1), chosen by a hash of their keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl SourceRecipe {
    /// A source of weight 1.
    pub fn new(source: impl Into<String>) -> Self {
        SourceRecipe { source: source.into(), weight: 1.0 }
    }
}

fn one() -> f64 {
    1.0
}

fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}

impl DataRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        for SourceRecipe { source, weight } in &self.train {
            if source.is_empty() {
                return refuse("data.train.source", "empty".to_owned(), "a path or a pattern of shards");
            }
            if !(*weight > 0.0 && *weight <= 1e6) {
                return refuse("data.train.weight", weight.to_string(), "above 0 and at most a million");
            }
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
