//! Methods: what is encoded, how it is compared, what happens after an update. Each is generic over its encoders, so a
//! new backbone needs no change here.
//!
//! | type | method | source |
//! |---|---|---|
//! | [`Clip`] | one weak view, one linear head per modality | Radford et al. 2021 |
//! | [`ClipRocket`] | weak and N strong views, separate heads and scales | Fini et al. 2023 |

mod clip;
mod clip_rocket;
mod error;

pub use clip::{Clip, ClipConfig, ClipFeatures};
pub use clip_rocket::{ClipRocket, ClipRocketConfig, ClipRocketFeatures, StrongHeads};
pub use error::MethodError;
