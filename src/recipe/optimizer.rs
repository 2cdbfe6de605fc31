use serde::{Deserialize, Serialize};
use vlp_schedulers::{Cosine, CosineConfig, CosineEnding, ScheduleError};
use vlp_trainer::AdamWOptions;

use super::RecipeError;

/// AdamW and what guards it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerRecipe {
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Decoupled weight decay of matrices and embeddings.
    pub weight_decay: f64,
    /// Where half a cosine takes the weight decay by the end of the run (DINO: 0.04 to 0.4); it stays as it is when left out:
    /// [`weight_decay_over`](Self::weight_decay_over).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay_end: Option<f64>,
    /// Largest joint norm of all gradients; absent means no clipping.
    #[serde(default)]
    pub max_norm: Option<f64>,
}

impl OptimizerRecipe {
    /// As the trainer takes it, with the weight decay of the first step.
    pub fn adamw(&self) -> AdamWOptions {
        let OptimizerRecipe { beta_1, beta_2, epsilon, weight_decay, .. } = *self;
        let [beta_1, beta_2, epsilon, weight_decay] = [beta_1, beta_2, epsilon, weight_decay].map(|value| value as f32);
        AdamWOptions { beta_1, beta_2, epsilon, weight_decay }
    }

    /// The weight decay of each step of a run of `total_steps` steps, for [`adamw_with_decay`](vlp_trainer::adamw_with_decay).
    ///
    /// # Errors
    /// When there is no step.
    pub fn weight_decay_over(&self, total_steps: u64) -> Result<Cosine, ScheduleError> {
        // In single precision, as the optimizer takes it.
        let single = |value: f64| f64::from(value as f32);
        let (start, end) = (single(self.weight_decay), single(self.weight_decay_end.unwrap_or(self.weight_decay)));
        Cosine::new(CosineConfig { start, end, total_steps, ending: CosineEnding::Approached })
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        // The optimizer computes in f32.
        let rate = |beta: f64| (0.0..1.0).contains(&(beta as f32));
        for (key, beta) in [("optimizer.beta_1", self.beta_1), ("optimizer.beta_2", self.beta_2)] {
            if !rate(beta) {
                return refuse(key, beta.to_string(), "in [0, 1), and below 1 in f32");
            }
        }
        if !((self.epsilon as f32).is_finite() && self.epsilon as f32 > 0.0) {
            return refuse("optimizer.epsilon", self.epsilon.to_string(), "a positive number");
        }
        let finite = |value: f64| (value as f32).is_finite();
        if !(finite(self.weight_decay) && self.weight_decay >= 0.0) {
            return refuse("optimizer.weight_decay", self.weight_decay.to_string(), "0 or more, and finite in f32");
        }
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
