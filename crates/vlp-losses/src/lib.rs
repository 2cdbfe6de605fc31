//! Losses over pairs of vectors, equal in value and gradient to the reference implementations.
//!
//! | type | loss | source |
//! |---|---|---|
//! | [`InfoNce`] | symmetric cross-entropy over a batch, with label smoothing | CLIP (Radford et al. 2021) |
//! | [`ClipLoss`] | InfoNCE with a scale of its own, as one module | CLIP |
//! | [`ClipRocketLoss`] | one weak pair and all N² strong pairs | CLIP-rocket (Fini et al. 2023) |
//! | [`Slip`] | InfoNCE on a weak pair, NT-Xent on two strong image views | SLIP (Mu et al. 2021) |
//! | [`SwaLip`] | swapped prediction of balanced assignments to the other modality's vectors | SwALIP (Fini et al. 2023) |
//! | [`SwaLipV1`] | swapped prediction of balanced assignments to prototypes | SwALIP V1 (Fini et al. 2023) |
//! | [`Swav`] | the same between views of an image, with local crops and a queue | SwAV (Caron et al. 2020) |
//! | [`Cluster`] | agreement on units, few per sample, all per batch; no negatives | nCLIP-style (Zhou et al. 2023), after TWIST |
//! | [`XClip`] | InfoNCE and that together | xCLIP-style (Zhou et al. 2023) |
//! | [`Distillation`] | a teacher's similarities as targets | open_clip |
//! | [`Dino`] | a centred and sharpened teacher predicted from other views | DINO (Caron et al. 2021) |
//! | [`MocoV3`] | queries find a momentum encoder's keys | MoCo v3 (Chen et al. 2021) |
//! | [`Captioning`] | each token of a caption predicts the next | CoCa (Yu et al. 2022) |
//! | [`Filip`] | InfoNCE on the best matches of tokens | FILIP (Yao et al. 2021) |
//! | [`Sigmoid`] | every pair a yes-or-no question, with learnable scale and bias | SigLIP (Zhai et al. 2023) |
//! | [`NegativeCosine`] | predictions towards constant targets | SimSiam (Chen and He 2020), BYOL (Grill et al. 2020) |
//! | [`SiamLip`] | each modality predicts the other, over all strong pairs | SiamLIP, BYOLIP (Fini et al. 2023) |
//! | [`BarlowTwins`] | cross-correlation towards the identity | Barlow Twins (Zbontar et al. 2021) |
//! | [`BarLip`] | the same between images and texts, over all strong pairs | BarLIP (Fini et al. 2023) |
//! | [`NtXent`] | each view finds the other among both views of the batch | SimCLR (Chen et al. 2020) |
//! | [`VicReg`] | invariance, variance and covariance | VICReg (Bardes et al. 2021) |
//! | [`Dcl`] | NT-Xent without the positive in the denominator, weighted or not | DCL, DCLW (Yeh et al. 2021) |
//! | [`CyClip`] | InfoNCE and consistent similarities | CyCLIP (Goel et al. 2022) |
//! | [`InfoLoob`] | leave-one-out bound, with Hopfield retrieval or without | CLOOB (Fürst et al. 2021) |
//! | [`Weighted`], [`Sum`], [`AllPairs`] | losses of pairs made of losses of pairs ([`PairLoss`](vlp_core::PairLoss)) | |
//! | [`Prototypes`] | learnable unit-norm directions that vectors are scored against | SwAV (Caron et al. 2020) |
//! | [`Sinkhorn`] | balanced soft assignment to prototypes, without gradient | SwAV (Caron et al. 2020) |
//! | [`SwavQueue`] | features of earlier batches, to balance small ones | SwAV (Caron et al. 2020) |
//! | [`KeyGradients`] | whether the vectors of other rows learn too | open_clip, CLIP-rocket |
//! | [`Logits`] | whether the similarities of all pairs are held at once | FlashAttention, Inf-CL |
//! | [`LogitScale`] | learnable inverse temperature, kept within 1..100 | CLIP |
//! | [`check_finite`] | which rows of a tensor hold a NaN or an infinity | |

mod barlip;
mod barlow_twins;
mod check_finite;
mod clip_loss;
mod clip_rocket;
mod cluster;
mod coca;
mod combinators;
mod correlation;
mod cyclip;
mod dcl;
mod diagonal;
mod dino;
mod distillation;
mod error;
mod filip;
mod groups;
mod info_loob;
mod info_nce;
mod key_gradients;
mod linear;
mod log_sum_exp;
mod logit_scale;
mod logits;
mod moco_v3;
mod negative_cosine;
mod nt_xent;
#[cfg(doctest)]
mod pages;
mod pair;
mod pair_losses;
mod prototypes;
mod siamlip;
mod side;
mod sigmoid;
mod sinkhorn;
mod slip;
mod soft_cross_entropy;
mod softplus;
mod swalip;
mod swalip_v1;
mod swav;
mod swav_queue;
mod two_views;
mod vicreg;
mod xclip;

pub use barlip::{BarLip, BarLipConfig};
pub use barlow_twins::{BarlowTwins, BarlowTwinsConfig};
pub use check_finite::check_finite;
pub use clip_loss::{ClipLoss, ClipLossConfig};
pub use clip_rocket::{ClipRocketLoss, ClipRocketLossConfig, ClipRocketTerms, Reduction};
pub use cluster::{BatchMean, Cluster, ClusterConfig, ClusterTargets, ClusterTerms, Smoothness};
pub use coca::{Captioning, CaptioningConfig};
pub use combinators::{AllPairs, Sum, Weighted};
pub use correlation::CorrelationGradient;
pub use cyclip::{CyClip, CyClipConfig, CyClipLoss, CyClipLossConfig, CyClipTerms};
pub use dcl::{Dcl, DclConfig};
pub use dino::{Dino, DinoConfig};
pub use distillation::{Distillation, DistillationConfig};
pub use error::LossError;
pub use filip::{Filip, FilipConfig};
pub use info_loob::{InfoLoob, InfoLoobConfig};
pub use info_nce::{InfoNce, InfoNceConfig, InfoNceTerms};
pub use key_gradients::KeyGradients;
pub use logit_scale::{LogitScale, LogitScaleConfig};
pub use logits::Logits;
pub use moco_v3::{MocoV3, MocoV3Config};
pub use negative_cosine::{CosineForm, NegativeCosine, NegativeCosineConfig};
pub use nt_xent::{NtXent, NtXentConfig};
pub use prototypes::{Prototypes, PrototypesConfig};
pub use siamlip::{SiamLip, SiamLipConfig, SiamLipView};
pub use sigmoid::{Sigmoid, SigmoidConfig};
pub use sinkhorn::{Sinkhorn, SinkhornConfig};
pub use slip::{Slip, SlipConfig, SlipTerms};
pub use swalip::{SwaLip, SwaLipConfig};
pub use swalip_v1::{SwaLipV1, SwaLipV1Config};
pub use swav::{Swav, SwavConfig};
pub use swav_queue::{SwavQueue, SwavQueueConfig};
pub use vicreg::{VicReg, VicRegConfig, VicRegTerms};
pub use vlp_ops::l2_normalize;
pub use xclip::{XClip, XClipConfig, XClipTerms};
