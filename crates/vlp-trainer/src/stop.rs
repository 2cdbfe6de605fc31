use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request to end a run after the step in progress. Clones share the request; the library only reads it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// Nothing requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to finish its step, save and return.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
    }

    /// Whether someone asked.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// The flag behind it, for what waits and cannot know of this type.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.requested)
    }

    /// A stop that the first SIGINT (Ctrl-C) or SIGTERM of the process requests; the second ends the process at once, as
    /// it would have without this.
    ///
    /// Handlers stay installed for the life of the process, so call it once, from the program and not from a library.
    ///
    /// # Errors
    /// What the system answers when a handler cannot be installed.
    #[cfg(feature = "signals")]
    pub fn on_signals() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::flag;

        let stop = Stop::new();
        for signal in [SIGINT, SIGTERM] {
            // Order matters: the default action asks whether the flag was set by an earlier signal.
            flag::register_conditional_default(signal, Arc::clone(&stop.requested))?;
            flag::register(signal, Arc::clone(&stop.requested))?;
        }
        Ok(stop)
    }
}
