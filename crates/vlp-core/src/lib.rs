//! The vocabulary that every other `vlp` crate speaks: what an encoder, a loss and a method are, what a batch holds and
//! what a training step knows. Nothing here chooses a backend, an architecture or a loss.
//!
//! | trait or type | role |
//! |---|---|
//! | [`ImageEncoder`], [`TextEncoder`] | a batch of images or token sequences to one vector each |
//! | [`Method`] | everything trained, saved and resumed together; split into `encode` and `objective` |
//! | [`Features`] | the tensors that pass between the two |
//! | [`PairLoss`] | two batches whose rows are pairs to a scalar |
//! | [`Embedder`] | a trained method as evaluation sees it |
//! | [`Collective`] | the ranks of one run; [`Single`] is the run with one |
//! | [`StepContext`], [`StepOutput`] | what a step knows, what it returns |
//! | [`BatchSource`] | a resumable stream of batches |
//! | [`PairBatch`], [`View`] | image-text pairs under one weak and N strong views |
//! | [`Precision`] | what an encoder's layers compute in |

mod batch;
mod collective;
mod embedder;
mod encoder;
mod features;
mod method;
mod pair_loss;
mod precision;
mod seed;
mod source;
mod step;

pub use batch::{PairBatch, View};
pub use collective::{Collective, Single};
pub use embedder::{Embedder, HeadVectors};
pub use encoder::{ImageEncoder, TextEncoder, TextMode};
pub use features::Features;
pub use method::Method;
pub use pair_loss::PairLoss;
pub use precision::Precision;
pub use seed::mix;
pub use source::{BatchSource, SourceError};
pub use step::{StepContext, StepOutput};

#[doc(hidden)]
pub use burn::tensor::{Int, Tensor};
