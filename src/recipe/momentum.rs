use serde::{Deserialize, Serialize};
use vlp_schedulers::{Cosine, CosineConfig, CosineEnding, ScheduleError};

use super::RecipeError;

/// How much of itself a teacher keeps at each step: `teacher <- m * teacher + (1 - m) * student`.
///
/// Half a cosine from `start` to `end`; two equal values are a constant, such as CLIP-rocket's 0.99. [`Clip`](vlp_methods::Clip)
/// and [`ClipRocket`](vlp_methods::ClipRocket) have no teacher and do not read it: it is for methods of your own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MomentumRecipe {
    /// Momentum of the first step, in `[0, 1]`; 0.996 when left out.
    pub start: f64,
    /// Momentum that the end of the run approaches, in `[0, 1]`; 1 when left out.
    pub end: f64,
}

impl Default for MomentumRecipe {
    /// BYOL's: 0.996 to 1.
    fn default() -> Self {
        Self { start: 0.996, end: 1.0 }
    }
}

impl MomentumRecipe {
    /// The momentum of a run of `total_steps` steps ([BYOL](https://arxiv.org/abs/2006.07733), section 3.2).
    ///
    /// # Errors
    /// When there is no step.
    pub fn over(&self, total_steps: u64) -> Result<Cosine, ScheduleError> {
        let Self { start, end } = *self;
        Cosine::new(CosineConfig { start, end, total_steps, ending: CosineEnding::Approached })
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        for (key, value) in [("momentum.start", self.start), ("momentum.end", self.end)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(RecipeError::Value { key, value: value.to_string(), must: "0 to 1" });
            }
        }
        Ok(())
    }
}
