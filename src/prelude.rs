//! The names that most programs need: `use vlp::prelude::*`.

pub use crate::device;
pub use crate::recipe::Recipe;
pub use crate::run::{Run, RunOptions, Trained};
pub use vlp_core::{BatchSource, Embedder, ImageEncoder, Method, PairLoss, TextEncoder};
pub use vlp_schedulers::Schedule;
pub use vlp_trainer::{Stepper, Stop};
