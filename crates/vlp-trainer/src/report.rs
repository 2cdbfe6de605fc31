use std::time::{Duration, Instant};

use crate::StepNumbers;

/// What one step did and how fast the run goes.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// The step, from 0.
    pub step: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// Loss, gradient norm and named terms.
    pub numbers: StepNumbers,
    /// Whether the parameters were updated; `false` for a step that was skipped because its numbers were not finite.
    pub updated: bool,
    /// Skipped steps so far.
    pub skipped: u64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Samples in the batch.
    pub samples: usize,
    /// Speed.
    pub pace: Pace,
    /// Counts of the source by name, damaged samples by kind for example.
    pub tallies: Vec<(String, u64)>,
}

impl StepReport {
    /// The named term of the objective, if it has one.
    pub fn term(&self, name: &str) -> Option<f32> {
        self.numbers.terms.iter().find(|(term, _)| *term == name).map(|(_, value)| *value)
    }
}

/// Speed of a run, averaged over the last few dozen steps of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Samples in a second.
    pub samples_per_second: f64,
    /// Share of the time in which training waited for the next batch, 0 to 1.
    pub data_wait: f64,
    /// Time until the last step at this pace, evaluations and saves not counted.
    pub remaining: Duration,
}

/// Measures [`Pace`].
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    got_batch: Instant,
    steps: u32,
    seconds: f64,
    waited: f64,
    samples: f64,
}

impl Clock {
    /// Weight of the newest step once enough steps were seen.
    const NEWEST: f64 = 1.0 / 32.0;

    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Clock { begun: now, got_batch: now, steps: 0, seconds: 0.0, waited: 0.0, samples: 0.0 }
    }

    pub(crate) fn begin_step(&mut self) {
        self.begun = Instant::now();
    }

    pub(crate) fn got_batch(&mut self) {
        self.got_batch = Instant::now();
    }

    pub(crate) fn end_step(&mut self, samples: usize, steps_left: u64) -> Pace {
        self.steps = self.steps.saturating_add(1);
        let weight = (1.0 / f64::from(self.steps)).max(Self::NEWEST);
        let blend = |mean: &mut f64, value: f64| *mean += weight * (value - *mean);
        blend(&mut self.seconds, self.begun.elapsed().as_secs_f64());
        blend(&mut self.waited, (self.got_batch - self.begun).as_secs_f64());
        blend(&mut self.samples, samples as f64);
        let seconds = self.seconds.max(f64::MIN_POSITIVE);
        Pace {
            samples_per_second: self.samples / seconds,
            data_wait: self.waited / seconds,
            remaining: Duration::try_from_secs_f64(self.seconds * steps_left as f64).unwrap_or(Duration::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_is_the_mean_over_the_first_steps() {
        let mut clock = Clock::new();
        let before = Instant::now();
        for _ in 0..3 {
            clock.begin_step();
            std::thread::sleep(Duration::from_millis(30));
            clock.got_batch();
            std::thread::sleep(Duration::from_millis(10));
            clock.end_step(8, 5);
        }
        let elapsed = before.elapsed().as_secs_f64();
        clock.begin_step();
        clock.got_batch();
        let pace = Clock { steps: 0, ..clock }.end_step(8, 0);
        assert_eq!(pace.remaining, Duration::ZERO);
        assert!(clock.seconds >= 0.040 && clock.seconds <= elapsed / 3.0, "{} of {elapsed}", clock.seconds);
        // Sleeps may take longer, never shorter.
        assert!(clock.waited >= 0.030 && clock.waited <= clock.seconds - 0.010, "{clock:?}");
    }
}
