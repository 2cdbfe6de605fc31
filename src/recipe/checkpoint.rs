use serde::{Deserialize, Serialize};

use super::RecipeError;

/// When a run saves and how much it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointRecipe {
    /// Steps between two checkpoints; 0: none by steps.
    pub every_steps: u64,
    /// Minutes between two checkpoints; 0: none by time.
    pub every_minutes: f64,
    /// Checkpoints that stay, the newest.
    pub keep: usize,
}

impl Default for CheckpointRecipe {
    fn default() -> Self {
        CheckpointRecipe { every_steps: 1000, every_minutes: 15.0, keep: 3 }
    }
}

impl CheckpointRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        if !(self.every_minutes >= 0.0 && self.every_minutes <= 1e6) {
            return refuse("checkpoint.every_minutes", self.every_minutes.to_string(), "0 or more, at most a million");
        }
        if self.keep == 0 {
            return refuse("checkpoint.keep", "0".to_owned(), "at least 1: a run that cannot be resumed is lost");
        }
        Ok(())
    }
}

/// What a run writes down while it trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogRecipe {
    /// Steps between two lines of `metrics.jsonl`.
    pub every: u64,
}

impl Default for LogRecipe {
    fn default() -> Self {
        LogRecipe { every: 1 }
    }
}

impl LogRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.every == 0 {
            let must = "at least 1 step";
            return Err(RecipeError::Value { key: "log.every", value: "0".to_owned(), must });
        }
        Ok(())
    }
}
