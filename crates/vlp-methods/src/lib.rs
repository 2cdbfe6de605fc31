//! Methods: what is encoded, how it is compared, what happens after an update. Each is generic over its encoders, so a
//! new backbone needs no change here.
//!
//! | type | method | source |
//! |---|---|---|
//! | [`Clip`] | one weak view, one linear head per modality | Radford et al. 2021 |
//! | [`SigLip`] | the same with a sigmoid for every pair | Zhai et al. 2023 |
//! | [`Slip`] | CLIP, and SimCLR on two strong views of the picture | Mu et al. 2021 |
//! | [`ClipRocket`] | weak and N strong views, separate heads and scales | Fini et al. 2023 |
//! | [`SiamLip`] | CLIP-rocket, and each modality predicts the other | Fini et al. 2023 |
//! | [`ByoLip`] | the same with targets of a moving average | Fini et al. 2023 |
//! | [`BarLip`] | CLIP-rocket, and cross-correlation towards the identity | Fini et al. 2023 |
//! | [`SwaLip`] | CLIP-rocket, and swapped prediction of balanced assignments | Fini et al. 2023 |
//! | [`SwaLipV1`] | CLIP, and the same with prototypes | Fini et al. 2023, first version |
//! | [`NClip`] | agreement on units without negatives | nCLIP-style, Zhou et al. 2023 |
//! | [`XClip`] | CLIP and that together | xCLIP-style, Zhou et al. 2023 |
//! | [`Dino`] | pictures alone: a centred, sharpened teacher predicted from other views | Caron et al. 2021 |
//! | [`MocoV3`] | pictures alone: each view finds the momentum encoder's vector of the other | Chen et al. 2021 |
//! | [`Swav`] | pictures alone: swapped prediction of balanced assignments to prototypes | Caron et al. 2020 |
//! | [`PairMethod`] | one weak view, any loss of pairs | |
//! | [`AnyMethod`], [`AnyMethodConfig`] | one of these, by one word | |
//! | [`MethodConfig`], [`PairLossConfig`] | what makes a method or a loss of your own nameable in recipes | |
//! | [`Teacher`], [`ImageTeacher`], [`MomentumConfig`] | what makes targets and follows a method | |
//! | [`ViewVectors`], [`Heads`], [`ViewHeads`] | what they are made of | |

mod any_method;
mod any_method_config;
mod barlip;
mod byolip;
mod clip;
mod clip_rocket;
mod cluster_head;
mod dino;
mod error;
mod from_dual;
mod global_views;
mod heads;
mod image_teacher;
mod method_config;
mod moco_v3;
mod momentum;
mod nclip;
mod pair_method;
mod pair_method_config;
mod pending;
mod renamed;
mod siamlip;
mod siglip;
mod slip;
mod strong_head;
mod strong_views;
mod swalip;
mod swalip_v1;
mod swav;
mod teacher;
mod view_vectors;
mod xclip;

pub use any_method::{AnyFeatures, AnyMethod};
pub use any_method_config::AnyMethodConfig;
pub use barlip::{BarLip, BarLipConfig, BarLipFeatures};
pub use byolip::{ByoLip, ByoLipConfig};
pub use clip::{Clip, ClipConfig, ClipFeatures};
pub use clip_rocket::{ClipRocket, ClipRocketConfig, StrongHeads};
pub use cluster_head::{ClusterHead, ClusterHeadConfig};
pub use dino::{Dino, DinoConfig, DinoFeatures};
pub use error::MethodError;
pub use heads::{Heads, ViewHeads};
pub use image_teacher::ImageTeacher;
pub use method_config::{MethodConfig, Towers};
pub use moco_v3::{MocoV3, MocoV3Config, MocoV3Features};
pub use momentum::MomentumConfig;
pub use nclip::{ClusterVectors, NClip, NClipConfig, NClipFeatures};
pub use pair_method::PairMethod;
pub use pair_method_config::{PairLossConfig, PairMethodConfig};
pub use siamlip::{SiamLip, SiamLipConfig, SiamLipFeatures};
pub use siglip::{SigLip, SigLipConfig};
pub use slip::{Slip, SlipConfig, SlipFeatures};
pub use strong_views::StrongViews;
pub use swalip::{SwaLip, SwaLipConfig};
pub use swalip_v1::{SwaLipV1, SwaLipV1Config, SwaLipV1Features};
pub use swav::{Swav, SwavConfig, SwavFeatures};
pub use teacher::Teacher;
pub use view_vectors::ViewVectors;
pub use xclip::{XClip, XClipConfig, XClipFeatures};
