use crate::{Schedule, ScheduleError, error::check_value};

/// A linear warm-up that leads to the first value of another schedule, which then runs from its own step 0.
///
/// ```text
/// step <  W:  start + (S(0) - start) * (step + 1) / W
/// step >= W:  S(step - W)
/// ```
///
/// The form of open_clip (`start` 0) and lightly: the first step is already above `start`, the last one of the warm-up has
/// the full value. CLIP-rocket's form, which begins at `start`, is [`WarmupCosine`](crate::WarmupCosine).
///
/// ```
/// use vlp_schedulers::{Constant, Schedule, Warmup};
///
/// let lr = Warmup::new(0.0, 10, Constant::new(1e-3)?)?;
/// assert_eq!((lr.at(0), lr.at(9), lr.at(10)), (1e-4, 1e-3, 1e-3));
/// # Ok::<(), vlp_schedulers::ScheduleError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup<S> {
    start: f64,
    steps: u64,
    then: S,
}

impl<S: Schedule> Warmup<S> {
    /// Rises from `start` over `steps` steps, then follows `then`.
    ///
    /// # Errors
    /// [`ScheduleError::Value`] when `start` is negative or not finite.
    pub fn new(start: f64, steps: u64, then: S) -> Result<Self, ScheduleError> {
        check_value("start", start)?;
        Ok(Self { start, steps, then })
    }
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn at(&self, step: u64) -> f64 {
        if step < self.steps {
            let peak = self.then.at(0);
            self.start + (peak - self.start) * (step + 1) as f64 / self.steps as f64
        } else {
            self.then.at(step - self.steps)
        }
    }
}
