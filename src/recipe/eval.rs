use serde::{Deserialize, Serialize};

use super::{RecipeError, SourceRecipe};

/// What a run is measured by: at its end, and while it trains where `every` says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalRecipe {
    /// Steps between two measurements during training; only at the end when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Samples to measure by; the held-out samples of `data.validation` when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<EvalSetRecipe>,
}

/// Samples to measure by, and what is measured on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalSetRecipe {
    /// The name of its rows in the results.
    pub name: String,
    /// Its samples.
    pub source: SourceRecipe,
    /// Whether pictures are searched by captions and captions by pictures.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub retrieval: bool,
    /// Classification among the values of a metadata field, by prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_shot: Option<ZeroShotRecipe>,
    /// Classification by the nearest training pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knn: Option<KnnRecipe>,
}

/// Zero-shot classification among the values of a metadata field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroShotRecipe {
    /// The field that names the class of a sample.
    pub field: String,
    /// What is said of a class, `{}` being its name; the vectors of several are averaged.
    #[serde(default = "plain", skip_serializing_if = "is_plain")]
    pub templates: Vec<String>,
}

/// Classification by weighted nearest neighbours among the training pictures, as DINO does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnnRecipe {
    /// The field that names the class of a sample.
    pub field: String,
    /// Neighbours that vote.
    #[serde(default = "twenty")]
    pub k: usize,
    /// Temperature of the votes.
    #[serde(default = "tenth")]
    pub temperature: f64,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn plain() -> Vec<String> {
    vec!["{}".to_owned()]
}

fn is_plain(templates: &[String]) -> bool {
    templates == plain()
}

fn twenty() -> usize {
    20
}

fn tenth() -> f64 {
    0.1
}

impl EvalRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        if self.every == Some(0) {
            return refuse("eval.every", "0".to_owned(), "at least 1 step, or left out");
        }
        for set in &self.sets {
            if set.name.is_empty() || self.sets.iter().filter(|other| other.name == set.name).count() > 1 {
                return refuse("eval.sets.name", format!("{:?}", set.name), "a name that no other set has");
            }
            if !set.retrieval && set.zero_shot.is_none() && set.knn.is_none() {
                return refuse("eval.sets", set.name.clone(), "measured by retrieval, zero_shot or knn");
            }
            if let Some(ZeroShotRecipe { templates, .. }) = &set.zero_shot {
                if templates.is_empty() {
                    return refuse("eval.sets.zero_shot.templates", "empty".to_owned(), "at least one template");
                }
                let places = |template: &&String| template.contains("{}") || template.contains("{c}");
                if let Some(template) = templates.iter().find(|template| !places(template)) {
                    let must = "a text with {} where the name of the class stands";
                    return refuse("eval.sets.zero_shot.templates", format!("{template:?}"), must);
                }
            }
            if let Some(KnnRecipe { k, temperature, .. }) = set.knn {
                if k == 0 {
                    return refuse("eval.sets.knn.k", k.to_string(), "at least 1");
                }
                if !(temperature.is_finite() && temperature > 0.0) {
                    return refuse("eval.sets.knn.temperature", temperature.to_string(), "a positive number");
                }
            }
        }
        Ok(())
    }
}
