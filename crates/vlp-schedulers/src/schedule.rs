/// A value for each training step.
pub trait Schedule: Send + Sync {
    /// The value at `step`, counted from 0.
    fn at(&self, step: u64) -> f64;
}

impl<F: Fn(u64) -> f64 + Send + Sync> Schedule for F {
    fn at(&self, step: u64) -> f64 {
        self(step)
    }
}

impl Schedule for Box<dyn Schedule> {
    fn at(&self, step: u64) -> f64 {
        self.as_ref().at(step)
    }
}
