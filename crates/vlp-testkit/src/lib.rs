//! What tests of several crates share.

#[cfg(feature = "shards")]
pub mod corpus;
#[cfg(feature = "tensor")]
pub mod device;
#[cfg(feature = "tensor")]
pub mod golden;
#[cfg(feature = "tensor")]
pub mod golden_case;
#[cfg(feature = "tensor")]
pub mod gradient;
#[cfg(feature = "tensor")]
pub mod inputs;
pub mod mutants;
#[cfg(feature = "tensor")]
pub mod parameters;
#[cfg(feature = "tensor")]
pub mod rank_case;
#[cfg(feature = "ranks")]
pub mod ranks;
#[cfg(feature = "shards")]
pub mod shards;
#[cfg(feature = "toy")]
pub mod toy;
#[cfg(feature = "tensor")]
pub mod weights;
