use vlp_trainer::Stop;

/// Settings of a run that do not change what is learned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// Threads that read and augment.
    pub workers: usize,
    /// Whether a run in the same folder is replaced.
    pub fresh: bool,
    /// Whether nothing is printed.
    pub quiet: bool,
    /// What ends the run after the step in progress: give [`Stop::on_signals`] for Ctrl-C.
    pub stop: Option<Stop>,
}

impl Default for RunOptions {
    /// A worker a core but at most 8, nothing replaced, messages on, no stop.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().min(8));
        RunOptions { workers, fresh: false, quiet: false, stop: None }
    }
}

impl RunOptions {
    /// Another number of workers.
    pub fn with_workers(self, workers: usize) -> Self {
        RunOptions { workers, ..self }
    }

    /// Replaces a run in the same folder.
    pub fn with_fresh(self, fresh: bool) -> Self {
        RunOptions { fresh, ..self }
    }

    /// Prints nothing.
    pub fn with_quiet(self, quiet: bool) -> Self {
        RunOptions { quiet, ..self }
    }

    /// Ends the run after the step in progress once `stop` is requested.
    pub fn with_stop(self, stop: Stop) -> Self {
        RunOptions { stop: Some(stop), ..self }
    }
}
