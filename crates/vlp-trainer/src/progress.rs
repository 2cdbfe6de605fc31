use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use indicatif::ProgressStyle;

use crate::{Control, Event, Hook, HookError, StepReport};

/// Draws the progress of a run on standard error: loss, accuracy when the objective has a term of that kind, samples a
/// second, learning rate, share of the time spent waiting for data, time left. Where standard error is no terminal it
/// writes a plain line every few seconds instead.
#[derive(Debug)]
pub struct ProgressBar {
    bar: Option<indicatif::ProgressBar>,
    every: Duration,
    last_line: Option<Instant>,
}

impl ProgressBar {
    /// A bar on a terminal, a line every 10 seconds elsewhere.
    pub fn new() -> Self {
        ProgressBar { bar: None, every: Duration::from_secs(10), last_line: None }
    }

    /// Time between lines where there is no terminal.
    pub fn with_interval(self, every: Duration) -> Self {
        ProgressBar { every, ..self }
    }

    fn step(&mut self, report: &StepReport) {
        if let Some(bar) = &self.bar {
            bar.set_position(report.step + 1);
            bar.set_message(summary(report));
            return;
        }
        let last = report.step + 1 == report.total_steps;
        if last || self.last_line.is_none_or(|line| line.elapsed() >= self.every) {
            self.last_line = Some(Instant::now());
            plain(&format!("step {}/{}  {}", report.step + 1, report.total_steps, summary(report)));
        }
    }

    fn say(&self, text: String) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => plain(&text),
        }
    }
}

/// A line on standard error. Nobody reading it any more is no reason to end a run, which `eprintln` would.
fn plain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> Hook<M> for ProgressBar {
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError> {
        match event {
            Event::Start { step, total_steps, .. } if std::io::stderr().is_terminal() => {
                let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {wide_msg}")?;
                let bar = indicatif::ProgressBar::new(*total_steps).with_style(style);
                bar.set_position(*step);
                self.bar = Some(bar);
            }
            Event::Resumed { step, path, passed_over } => {
                passed_over.iter().for_each(|reason| self.say(format!("warning: damaged checkpoint: {reason}")));
                self.say(format!("continues after step {step} from {}", path.display()));
            }
            Event::Warning { text, .. } => self.say(format!("warning: {text}")),
            Event::Step { report, .. } => self.step(report),
            Event::Saved { path, .. } => self.say(format!("saved {}", path.display())),
            Event::End { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.abandon();
                }
            }
            _ => (),
        }
        Ok(Control::Continue)
    }
}

fn summary(report: &StepReport) -> String {
    let mut text = format!("loss {:.4}", report.numbers.loss);
    let accuracy = report.numbers.terms.iter().find(|(name, _)| name.split('_').any(|word| word.starts_with("acc")));
    // Writing to a String cannot fail.
    if let Some((name, value)) = accuracy {
        let _ = write!(text, "  {} {value:.3}", name.replace('_', " "));
    }
    let pace = report.pace;
    let _ = write!(text, "  {:.0} samples/s", pace.samples_per_second);
    let _ = write!(text, "  lr {:.2e}  wait {:.0} %  ETA {}", report.lr, pace.data_wait * 100.0, clock(pace.remaining));
    if report.skipped > 0 {
        let _ = write!(text, "  skipped {}", report.skipped);
    }
    text
}

/// `h:mm:ss`, or `m:ss` below an hour.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pace, StepNumbers};

    #[test]
    fn a_summary_shows_loss_accuracy_speed_rate_wait_and_time_left() {
        let report = StepReport {
            step: 4,
            total_steps: 10,
            numbers: StepNumbers { loss: 3.25, grad_norm: 1.0, terms: vec![("scale", 14.0), ("clip_acc", 0.5)] },
            updated: true,
            skipped: 2,
            lr: 1e-3,
            samples: 8,
            pace: Pace { samples_per_second: 123.4, data_wait: 0.07, remaining: Duration::from_secs(3671) },
            tallies: Vec::new(),
        };
        assert_eq!(
            summary(&report),
            "loss 3.2500  clip acc 0.500  123 samples/s  lr 1.00e-3  wait 7 %  ETA 1:01:11  skipped 2"
        );
    }

    #[test]
    fn short_times_have_no_hours() {
        assert_eq!(clock(Duration::from_secs(61)), "1:01");
        assert_eq!(clock(Duration::ZERO), "0:00");
    }
}
