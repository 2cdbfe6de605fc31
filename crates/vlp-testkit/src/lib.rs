//! What tests of several crates share.

#[cfg(feature = "tensor")]
pub mod golden;
