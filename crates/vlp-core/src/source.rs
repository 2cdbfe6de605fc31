use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

/// Why a source cannot give its next batch; the loader's own error, boxed.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// A resumable, endless stream of training batches.
pub trait BatchSource {
    /// What one step consumes.
    type Batch;

    /// The next batch, on `device`. Blocks until it is there.
    ///
    /// # Errors
    /// Whatever ends the stream: too many damaged samples, a reader that failed.
    fn next_batch(&mut self, device: &Device) -> Result<Self::Batch, SourceError>;

    /// Where the stream stands after the last batch given out, in a form that a checkpoint stores.
    fn position(&self) -> serde_json::Value;

    /// Continues from a stored position: the batches that follow are those that followed it the first time.
    ///
    /// # Errors
    /// When the position is not one of this source.
    fn seek(&mut self, position: &serde_json::Value) -> Result<(), SourceError>;

    /// Counts by name since the start of the stream, damaged samples by kind for example.
    fn tallies(&self) -> Vec<(String, u64)> {
        Vec::new()
    }

    /// Ends a wait for the next batch, with any error, soon after `stop` is set: a storage that does not answer must not keep a
    /// program from ending. A source that never waits long need not heed it.
    fn interrupt_by(&mut self, _stop: Arc<AtomicBool>) {}

    /// Takes up the counts that a checkpoint holds, after [`seek`](Self::seek); for a source whose counts do not follow from its
    /// position.
    fn restore_tallies(&mut self, _tallies: &[(String, u64)]) {}
}
