use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};

/// Fails when more is read in one go than a budget allows: parsers read headers and records whole, however long they
/// claim to be. Whoever drives the parser fills the budget again between two of them.
pub(crate) struct Frugal<'a, R> {
    pub(crate) inner: R,
    pub(crate) budget: &'a Cell<u64>,
    /// What is too long, for the message.
    pub(crate) what: &'static str,
}

impl<R: Read> Read for Frugal<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        match self.budget.get().checked_sub(read as u64) {
            Some(left) => self.budget.set(left),
            None => return Err(io::Error::other(self.what)),
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Frugal<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
