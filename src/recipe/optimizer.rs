use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};
use vlp_schedulers::{Cosine, CosineConfig, CosineEnding, ScheduleError};
use vlp_trainer::{AnyOptimizerOptions, TrainError};

use super::RecipeError;

/// How parameters move: an optimizer by its `name`, its own settings beside it, and what guards it.
///
/// Without a `name` it is AdamW. A setting that is left out has the optimizer's default.
///
/// ```
/// use vlp::recipe::Recipe;
///
/// let recipe = Recipe::quickstart().set(&["optimizer.name=lars", "optimizer.momentum=0.95"])?;
/// assert_eq!((recipe.optimizer.settings.name(), recipe.optimizer.weight_decay()), ("lars", 1e-6));
/// # Ok::<(), vlp::recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OptimizerRecipe {
    /// The optimizer and its settings, in TOML keys of this table.
    #[serde(flatten)]
    pub settings: AnyOptimizerOptions,
    /// Where half a cosine takes the weight decay by the end of the run (DINO: 0.04 to 0.4); it stays as it is when left out:
    /// [`weight_decay_over`](Self::weight_decay_over).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay_end: Option<f64>,
    /// Largest joint norm of all gradients; absent means no clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<f64>,
}

/// The optimizer of a table without a `name`.
pub(super) const DEFAULT: &str = "adamw";

impl<'de> Deserialize<'de> for OptimizerRecipe {
    // Serde cannot refuse unknown keys of a flattened table, nor take a default for the name.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = BTreeMap::<String, Option<Value>>::deserialize(deserializer)?;
        let mut given: Table = given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let mut take = |key: &str| -> Result<Option<f64>, D::Error> {
            given
                .remove(key)
                .map(Value::try_into)
                .transpose()
                .map_err(|error| D::Error::custom(format!("{key}: {error}")))
        };
        let (weight_decay_end, max_norm) = (take("weight_decay_end")?, take("max_norm")?);
        given.entry("name").or_insert_with(|| DEFAULT.into());
        let name = given["name"].as_str().ok_or_else(|| D::Error::custom("name must be a string"))?;
        let default =
            AnyOptimizerOptions::named(name).map_err(|_| unknown("variant", name, AnyOptimizerOptions::NAMES))?;
        let known = Table::try_from(default).map_err(D::Error::custom)?;
        if let Some(key) = given.keys().find(|key| !known.contains_key(*key)) {
            let own = known.keys().map(String::as_str);
            return Err(unknown("field", key, own.chain(["weight_decay_end", "max_norm"])));
        }
        let settings = given.try_into().map_err(D::Error::custom)?;
        Ok(OptimizerRecipe { settings, weight_decay_end, max_norm })
    }
}

/// Serde's own sentence about an unknown word, from which the nearest one is found.
fn unknown<'a, E: serde::de::Error>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> E {
    let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    E::custom(format!("unknown {what} `{word}`, expected one of {}", known.join(", ")))
}

impl OptimizerRecipe {
    /// The weight decay of the first step.
    pub fn weight_decay(&self) -> f64 {
        self.settings.weight_decay()
    }

    /// The weight decay of each step of a run of `total_steps` steps, for
    /// [`build_with_decay`](AnyOptimizerOptions::build_with_decay).
    ///
    /// # Errors
    /// When there is no step.
    pub fn weight_decay_over(&self, total_steps: u64) -> Result<Cosine, ScheduleError> {
        // In single precision, as the optimizer takes it.
        let single = |value: f64| f64::from(value as f32);
        let start = single(self.weight_decay());
        let end = self.weight_decay_end.map_or(start, single);
        Cosine::new(CosineConfig { start, end, total_steps, ending: CosineEnding::Approached })
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        match self.settings.check() {
            Ok(()) => (),
            Err(TrainError::OptimizerOption { name, value, must }) => {
                return refuse(key(name), value.to_string(), must);
            }
            Err(other) => return Err(RecipeError::Parse { message: other.to_string() }),
        }
        // The optimizer computes in f32.
        let finite = |value: f64| (value as f32).is_finite();
        if let Some(end) = self.weight_decay_end
            && !(finite(end) && end >= 0.0)
        {
            return refuse("optimizer.weight_decay_end", end.to_string(), "0 or more, or left out");
        }
        match self.max_norm {
            Some(norm) if !(finite(norm) && norm as f32 > 0.0) => {
                refuse("optimizer.max_norm", norm.to_string(), "a positive number, or left out")
            }
            _ => Ok(()),
        }
    }
}

/// The key of a setting.
fn key(setting: &str) -> &'static str {
    const KEYS: [&str; 7] = [
        "optimizer.beta_1",
        "optimizer.beta_2",
        "optimizer.epsilon",
        "optimizer.weight_decay",
        "optimizer.momentum",
        "optimizer.dampening",
        "optimizer.trust",
    ];
    KEYS.into_iter().find(|key| key.ends_with(&format!(".{setting}"))).unwrap_or("optimizer")
}
