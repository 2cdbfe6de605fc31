//! Losses over pairs of vectors, equal in value and gradient to the reference implementations.
//!
//! | type | loss | source |
//! |---|---|---|
//! | [`InfoNce`] | symmetric cross-entropy over a batch, with label smoothing | CLIP (Radford et al. 2021) |
//! | [`ClipRocketLoss`] | one weak pair and all N² strong pairs | CLIP-rocket (Fini et al. 2023) |
//! | [`LogitScale`] | learnable inverse temperature, kept within 1..100 | CLIP |

mod clip_rocket;
mod error;
mod info_nce;
mod logit_scale;
mod normalize;

pub use clip_rocket::{ClipRocketLoss, ClipRocketLossConfig, ClipRocketTerms, Reduction};
pub use error::LossError;
pub use info_nce::{InfoNce, InfoNceConfig, InfoNceTerms};
pub use logit_scale::{LogitScale, LogitScaleConfig};
pub use normalize::l2_normalize;
