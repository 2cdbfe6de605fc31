//! Losses over pairs of vectors, equal in value and gradient to the reference implementations.
//!
//! | type | loss | source |
//! |---|---|---|
//! | [`InfoNce`] | symmetric cross-entropy over a batch, with label smoothing | CLIP (Radford et al. 2021) |
//! | [`ClipRocketLoss`] | one weak pair and all N² strong pairs | CLIP-rocket (Fini et al. 2023) |
//! | [`Sinkhorn`] | balanced soft assignment to prototypes, without gradient | SwAV (Caron et al. 2020) |
//! | [`LogitScale`] | learnable inverse temperature, kept within 1..100 | CLIP |
//! | [`Sigmoid`] | every pair a yes-or-no question, with learnable scale and bias | SigLIP (Zhai et al. 2023) |
//! | [`NegativeCosine`] | predictions towards constant targets | SimSiam (Chen and He 2020), BYOL (Grill et al. 2020) |
//! | [`SiamLip`] | each modality predicts the other, over all strong pairs | SiamLIP, BYOLIP (Fini et al. 2023) |

mod clip_rocket;
mod error;
mod info_nce;
mod logit_scale;
mod negative_cosine;
mod normalize;
mod siamlip;
mod sigmoid;
mod sinkhorn;
mod soft_cross_entropy;

pub use clip_rocket::{ClipRocketLoss, ClipRocketLossConfig, ClipRocketTerms, Reduction};
pub use error::LossError;
pub use info_nce::{InfoNce, InfoNceConfig, InfoNceTerms};
pub use logit_scale::{LogitScale, LogitScaleConfig};
pub use negative_cosine::{CosineForm, NegativeCosine, NegativeCosineConfig};
pub use normalize::l2_normalize;
pub use siamlip::{SiamLip, SiamLipConfig, SiamLipView};
pub use sigmoid::{Sigmoid, SigmoidConfig};
pub use sinkhorn::{Sinkhorn, SinkhornConfig};
