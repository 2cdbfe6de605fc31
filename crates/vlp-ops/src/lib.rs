//! The few operations that decide the speed and memory of vision-language pre-training, one safe function each on burn's
//! `Tensor`, with backward passes of their own.
//!
//! | function | what it computes | what it never holds |
//! |---|---|---|
//! | [`log_sum_exp`] | the log-sum-exp of the rows, and of the columns, of `s a bᵀ` | the matrix `s a bᵀ` |
//! | [`softplus_sum`] | the sum of `softplus(s a bᵀ + β)` | the same |
//! | [`row_softmax`] | softmax over rows with its maxima and sums, in one pass | |
//!
//! Behind each function stands a body for every backend: compiled vector code on the CPU backend `flex` in f32, and chunks
//! of ordinary tensor operations everywhere else.

mod autodiff;
mod backend;
mod composed;
#[cfg(all(test, feature = "flex"))]
mod composed_tests;
#[cfg(feature = "flex")]
mod flex;
mod gelu;
mod layer_norm;
mod linear;
mod log_sum_exp;
mod precision;
mod row_softmax;
mod softplus_sum;

pub use gelu::{gelu, gelu_tanh, quick_gelu};
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use log_sum_exp::{LogSumExp, Similarities, log_sum_exp};
pub use row_softmax::{RowSoftmax, row_softmax};
pub use softplus_sum::softplus_sum;
