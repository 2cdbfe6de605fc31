//! Shards in S3, in Google's store and behind HTTP: fetched whole into a cache on disk, and read there like any others.

mod ahead;
mod cache;
mod fetch;
mod index_file;
mod options;
mod place;
mod shard;

pub(super) use ahead::Ahead;
pub(super) use index_file::IndexFile;
pub use options::RemoteOptions;
pub(super) use shard::{Remote, RemoteShard};
