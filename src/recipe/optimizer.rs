use serde::{Deserialize, Serialize};
use vlp_trainer::AdamWOptions;

use super::RecipeError;

/// AdamW and what guards it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerRecipe {
    /// Decay of the mean of gradients.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    pub beta_2: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Decoupled weight decay of matrices and embeddings.
    pub weight_decay: f32,
    /// Largest joint norm of all gradients; absent means no clipping.
    #[serde(default)]
    pub max_norm: Option<f64>,
}

impl OptimizerRecipe {
    /// As the trainer takes it.
    pub fn adamw(&self) -> AdamWOptions {
        let OptimizerRecipe { beta_1, beta_2, epsilon, weight_decay, .. } = *self;
        AdamWOptions { beta_1, beta_2, epsilon, weight_decay }
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        let rate = |beta: f32| (0.0..1.0).contains(&beta);
        if !rate(self.beta_1) || !rate(self.beta_2) {
            return refuse("optimizer.beta_1/beta_2", format!("{}/{}", self.beta_1, self.beta_2), "in [0, 1)");
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return refuse("optimizer.epsilon", self.epsilon.to_string(), "a positive number");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse("optimizer.weight_decay", self.weight_decay.to_string(), "0 or more");
        }
        match self.max_norm {
            Some(norm) if !(norm.is_finite() && norm > 0.0) => {
                refuse("optimizer.max_norm", norm.to_string(), "a positive number, or left out")
            }
            _ => Ok(()),
        }
    }
}
