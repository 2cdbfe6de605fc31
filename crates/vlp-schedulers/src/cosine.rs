use std::f64::consts::PI;

use crate::{Schedule, ScheduleError, error::check_value};

/// Settings of [`Cosine`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineConfig {
    /// Value at step 0.
    pub start: f64,
    /// Value at the end, above or below `start`.
    pub end: f64,
    /// Steps of the run, at least 1.
    pub total_steps: u64,
    /// Which step has the value `end`.
    pub ending: CosineEnding,
}

/// Where a [`Cosine`] has its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosineEnding {
    /// Step `total_steps`, which no run takes: the last step is still a little off. BYOL's momentum, DINO's weight decay,
    /// open_clip's learning rate.
    Approached,
    /// The last step, `total_steps - 1`: lightly.
    Reached,
}

/// Half a cosine from one value to another, with no warm-up.
///
/// ```text
/// end + (start - end) / 2 * (1 + cos(pi * step / D)),  D = total_steps, or total_steps - 1 when the end is reached
/// ```
///
/// Serves the momentum of a teacher (0.996 to 1 in [BYOL](https://arxiv.org/abs/2006.07733)), a growing weight decay (0.04
/// to 0.4 in [DINO](https://arxiv.org/abs/2104.14294)) and, after a [`Warmup`](crate::Warmup), the learning rate. After
/// the end the value stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    config: CosineConfig,
}

impl Cosine {
    /// The schedule of a configuration.
    ///
    /// # Errors
    /// [`ScheduleError`] when a value is negative or not finite, or there is no step.
    pub fn new(config: CosineConfig) -> Result<Self, ScheduleError> {
        check_value("start", config.start)?;
        check_value("end", config.end)?;
        if config.total_steps == 0 {
            return Err(ScheduleError::Steps { field: "total_steps", steps: 0, must: "at least 1" });
        }
        Ok(Self { config })
    }
}

impl Schedule for Cosine {
    fn at(&self, step: u64) -> f64 {
        let CosineConfig { start, end, total_steps, ending } = self.config;
        let last = match ending {
            CosineEnding::Approached => total_steps,
            CosineEnding::Reached => total_steps - 1,
        };
        // Also where the run has one step and the end is reached at once.
        if step >= last {
            return if last == 0 && step == 0 { start } else { end };
        }
        end + (start - end) / 2.0 * (1.0 + (PI * step as f64 / last as f64).cos())
    }
}
