use crate::{Schedule, ScheduleError, error::check_value};

/// Settings of [`Cooldown`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CooldownConfig {
    /// Value before the cool-down.
    pub value: f64,
    /// Value that the cool-down approaches.
    pub end: f64,
    /// Exponent of the fall; 1 is a straight line.
    pub power: f64,
    /// Steps of the cool-down, at the end of the run; 1 to `total_steps`.
    pub cooldown_steps: u64,
    /// Steps of the run.
    pub total_steps: u64,
}

/// One value, then a fall to another over the last steps (open_clip's `const-cooldown`, without its warm-up).
///
/// ```text
/// step <  C:  value                                              C = total_steps - cooldown_steps
/// step >= C:  end + (value - end) * (1 - (step - C) / cooldown_steps) ^ power
/// ```
///
/// From step `total_steps` on the value is `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cooldown {
    config: CooldownConfig,
}

impl Cooldown {
    /// The schedule of a configuration.
    ///
    /// # Errors
    /// [`ScheduleError`] when a value is negative or not finite, or the cool-down is empty or longer than the run.
    pub fn new(config: CooldownConfig) -> Result<Self, ScheduleError> {
        check_value("value", config.value)?;
        check_value("end", config.end)?;
        check_value("power", config.power)?;
        let CooldownConfig { cooldown_steps: steps, total_steps, .. } = config;
        if steps == 0 || steps > total_steps {
            return Err(ScheduleError::Steps { field: "cooldown_steps", steps, must: "1 to `total_steps`" });
        }
        Ok(Self { config })
    }
}

impl Schedule for Cooldown {
    fn at(&self, step: u64) -> f64 {
        let CooldownConfig { value, end, power, cooldown_steps, total_steps } = self.config;
        let Some(into) = step.checked_sub(total_steps - cooldown_steps) else {
            return value;
        };
        let left = 1.0 - into.min(cooldown_steps) as f64 / cooldown_steps as f64;
        end + (value - end) * left.powf(power)
    }
}
