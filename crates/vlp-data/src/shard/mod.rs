//! Tar shards: one scan finds where the members lie, afterwards they are read at random.

mod file;
mod scan;

pub(crate) use file::ShardFile;
pub(crate) use scan::{Entry, Scan, Span, scan};
