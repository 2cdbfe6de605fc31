//! The few operations that decide the speed and memory of vision-language pre-training, one safe function each on burn's
//! `Tensor`, with backward passes of their own.
//!
//! | function | what it computes | what it never holds |
//! |---|---|---|
//! | [`attention`], [`self_attention`] | scaled dot-product attention of several heads, causal or not | the scores of all layers |
//! | [`log_sum_exp`] | the log-sum-exp of the rows, and of the columns, of `s a bᵀ` | the matrix `s a bᵀ` |
//! | [`softplus_sum`] | the sum of `softplus(s a bᵀ + β)` | the same |
//! | [`row_softmax`] | softmax over rows with its maxima and sums, in one pass | |
//! | [`softmax_cross_entropy`] | cross-entropy of rows of logits | the matrix of probabilities |
//! | [`layer_norm`], [`l2_normalize`] | rows of mean 0 and variance 1, rows of length 1 | what lies between input and output |
//! | [`gelu`], [`gelu_tanh`], [`quick_gelu`] | the gates of transformers | the same |
//! | [`linear`] | `x W + b` | the product before the bias |
//! | [`embedding`] | rows of a table | |
//! | [`l2_norm`] | the Euclidean norm of all numbers of a tensor | their squares |
//! | [`adamw_step`] | a step of AdamW for one parameter | what lies between old and new |
//!
//! Behind each function stands a body for every backend: compiled vector code on the CPU backend `flex` in f32, ATen's own kernels
//! on LibTorch where it has one, and chunks of ordinary tensor operations everywhere else.

// burn has deprecated LibTorch, whose type stands in every list of backends.
#![cfg_attr(feature = "tch", allow(deprecated))]

mod adamw;
mod attention;
mod autodiff;
mod backend;
mod composed;
#[cfg(all(test, feature = "flex"))]
mod composed_tests;
mod cross_entropy;
mod embedding;
#[cfg(feature = "flex")]
mod flex;
mod gelu;
mod l2_norm;
mod l2_normalize;
mod layer_norm;
#[cfg(feature = "tch")]
mod libtorch;
mod linear;
mod log_sum_exp;
mod precision;
mod row_softmax;
mod softplus_sum;

pub use adamw::{AdamWNumbers, adamw_step};
pub use attention::{AttentionOptions, attention, self_attention};
pub use cross_entropy::softmax_cross_entropy;
pub use embedding::embedding;
pub use gelu::{gelu, gelu_tanh, quick_gelu};
pub use l2_norm::l2_norm;
pub use l2_normalize::l2_normalize;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use log_sum_exp::{LogSumExp, Similarities, log_sum_exp};
pub use row_softmax::{RowSoftmax, row_softmax};
pub use softplus_sum::softplus_sum;
