use std::f64::consts::PI;

use crate::{Schedule, ScheduleError, error::check_value};

/// Settings of [`WarmupCosine`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupCosineConfig {
    /// Value at step 0 when there is a warm-up.
    pub start: f64,
    /// Value at the last warm-up step and at the step after it.
    pub peak: f64,
    /// Value that the cosine approaches; step `total_steps - 1` is still a little above it.
    pub end: f64,
    /// Steps of the warm-up, possibly none; below `total_steps`.
    pub warmup_steps: u64,
    /// Steps of the whole run, warm-up included.
    pub total_steps: u64,
}

/// Linear warm-up, then half a cosine: the schedule of [CLIP-rocket](https://arxiv.org/abs/2305.08675)'s released code.
///
/// ```text
/// step <  W:  start + (peak - start) * step / (W - 1)                      both ends included
/// step >= W:  end + (peak - end) / 2 * (1 + cos(pi * (step - W) / (T - W)))
/// ```
///
/// with W warm-up steps of T in all, so `peak` is hit twice and `end` would be reached at step T. From T on the value
/// stays at `end` instead of following the cosine up again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupCosine {
    config: WarmupCosineConfig,
}

impl WarmupCosine {
    /// The schedule of a configuration.
    ///
    /// # Errors
    /// [`ScheduleError`] when a value is negative or not finite, or when the warm-up takes the whole run.
    pub fn new(config: WarmupCosineConfig) -> Result<Self, ScheduleError> {
        check_value("start", config.start)?;
        check_value("peak", config.peak)?;
        check_value("end", config.end)?;
        let WarmupCosineConfig { warmup_steps, total_steps, .. } = config;
        if warmup_steps >= total_steps {
            return Err(ScheduleError::Warmup { warmup_steps, total_steps });
        }
        Ok(WarmupCosine { config })
    }
}

impl Schedule for WarmupCosine {
    fn at(&self, step: u64) -> f64 {
        let WarmupCosineConfig { start, peak, end, warmup_steps, total_steps } = self.config;
        if step < warmup_steps {
            // A warm-up of one step is its start, as `linspace` with one point is.
            let intervals = (warmup_steps - 1).max(1);
            start + (peak - start) * (step as f64 / intervals as f64)
        } else {
            let fraction = (step.min(total_steps) - warmup_steps) as f64 / (total_steps - warmup_steps) as f64;
            end + (peak - end) / 2.0 * (1.0 + (PI * fraction).cos())
        }
    }
}
