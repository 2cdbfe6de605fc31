use crate::{Schedule, ScheduleError, error::check_value};

/// The same value at every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    value: f64,
}

impl Constant {
    /// The same value at every step.
    ///
    /// # Errors
    /// [`ScheduleError::Value`] when `value` is negative or not finite.
    pub fn new(value: f64) -> Result<Self, ScheduleError> {
        check_value("value", value)?;
        Ok(Constant { value })
    }
}

impl Schedule for Constant {
    fn at(&self, _step: u64) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_never_changes() {
        let schedule = Constant::new(0.25).unwrap();
        assert!([0, 1, u64::MAX].iter().all(|&step| schedule.at(step) == 0.25));
    }

    #[test]
    fn negative_and_non_finite_values_are_refused() {
        for value in [-1e-9, f64::NAN, f64::INFINITY] {
            assert!(Constant::new(value).is_err(), "{value} was accepted");
        }
    }
}
