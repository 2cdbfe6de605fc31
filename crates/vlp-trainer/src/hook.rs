use std::error::Error;
use std::path::Path;

use crate::{Outcome, StepReport};

/// Why a hook cannot go on; its own error, boxed.
pub type HookError = Box<dyn Error + Send + Sync>;

/// What a hook wants the run to do next. Heeded after [`Event::Start`] and [`Event::Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Save and return, as on a stop request.
    Stop,
}

/// Something that happened in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, M> {
    /// The run continues from a checkpoint; before `Start`.
    Resumed {
        /// Steps taken when it was written.
        step: u64,
        /// Its directory.
        path: &'a Path,
        /// Newer checkpoints that are damaged, and how: what the steps after `step` had learnt is lost and learnt again.
        passed_over: &'a [String],
    },
    /// Something that is no reason to end the run and that somebody should look at. Each is told once.
    Warning {
        /// Steps taken so far.
        step: u64,
        /// What it is.
        text: &'a str,
    },
    /// Before the first step of this process.
    Start {
        /// The step that comes first; above 0 after a resume.
        step: u64,
        /// Steps of the whole run.
        total_steps: u64,
        /// What is trained.
        method: &'a M,
    },
    /// A step was taken.
    Step {
        /// Its numbers.
        report: &'a StepReport,
        /// What is trained, after the update.
        method: &'a M,
        /// The moving average of its parameters, where there is one: what an evaluation looks at.
        average: Option<&'a M>,
    },
    /// A checkpoint is on disk.
    Saved {
        /// Steps taken so far.
        step: u64,
        /// Its directory.
        path: &'a Path,
    },
    /// The run is over, finished or stopped; not sent when it ends with an error.
    End {
        /// How it ended.
        outcome: &'a Outcome,
        /// What was trained.
        method: &'a M,
    },
}

/// Looks on while a method `M` is trained: logs, draws, evaluates, stops early. A closure over [`Event`] is a hook.
pub trait Hook<M> {
    /// Is told what happened, and says what the run does next.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on; the run saves and ends with it.
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError>;
}

impl<M, F: FnMut(&Event<'_, M>) -> Result<Control, HookError>> Hook<M> for F {
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError> {
        self(event)
    }
}
