use std::fmt;

/// A schedule that cannot be built: the caller's fault.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A value that is negative, or not finite as an f32.
    Value {
        /// Name of the field.
        field: &'static str,
        /// What it was set to.
        value: f64,
    },
    /// A warm-up that leaves no step for what follows it.
    Warmup {
        /// Steps of the warm-up.
        warmup_steps: u64,
        /// Steps of the whole run.
        total_steps: u64,
    },
    /// A number of steps that cannot be.
    Steps {
        /// Name of the field.
        field: &'static str,
        /// What it was set to.
        steps: u64,
        /// What would do.
        must: &'static str,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for ScheduleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleError::Value { field, value } => {
                write!(f, "schedule: `{field}` is {value}; it must be finite in f32 and not negative")
            }
            ScheduleError::Warmup { warmup_steps, total_steps } => write!(
                f,
                "schedule: {warmup_steps} warm-up steps do not fit into a run of {total_steps} steps; \
                 set `warmup_steps` below `total_steps`"
            ),
            ScheduleError::Steps { field, steps, must } => {
                write!(f, "schedule: `{field}` is {steps}; it must be {must}")
            }
        }
    }
}

impl std::error::Error for ScheduleError {}

pub(crate) fn check_value(field: &'static str, value: f64) -> Result<(), ScheduleError> {
    // Learning rates and decays become f32 when they are applied.
    if (value as f32).is_finite() && value >= 0.0 { Ok(()) } else { Err(ScheduleError::Value { field, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_sentence() {
        let errors = [
            ScheduleError::Value { field: "peak", value: -1.0 },
            ScheduleError::Warmup { warmup_steps: 9, total_steps: 4 },
            ScheduleError::Steps { field: "total_steps", steps: 0, must: "at least 1" },
        ];
        for error in errors {
            assert_eq!(format!("{error:?}"), error.to_string());
            assert!(error.to_string().starts_with("schedule: "), "{error}");
        }
    }
}
