//! What tests of several crates share.

#[cfg(feature = "tensor")]
pub mod golden;
#[cfg(feature = "shards")]
pub mod shards;
#[cfg(feature = "toy")]
pub mod toy;
