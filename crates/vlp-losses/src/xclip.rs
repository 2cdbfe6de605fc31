use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::{Cluster, ClusterConfig, ClusterTerms, InfoNce, InfoNceConfig, LossError};

/// Configuration of [`XClip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct XClipConfig {
    /// The contrastive part.
    pub clip: InfoNceConfig,
    /// The part without negatives.
    pub cluster: ClusterConfig,
    /// w_c, on the contrastive part.
    pub clip_weight: f64,
    /// w_n, on the part without negatives.
    pub cluster_weight: f64,
}

impl Default for XClipConfig {
    fn default() -> Self {
        XClipConfig {
            clip: InfoNceConfig::default(),
            cluster: ClusterConfig::default(),
            clip_weight: 1.0,
            cluster_weight: 1.0,
        }
    }
}

/// xCLIP-style objective: CLIP's loss on one head per modality, nCLIP's on another.
///
/// ```text
/// L = w_c InfoNCE(x, y; s) + w_n Cluster(a, b)
/// ```
///
/// After Zhou et al. 2023, "Non-contrastive learning meets language-image pre-training". That xCLIP trains both together
/// is the paper's; the weights are not known (a reader reports 0.3 and 0.7), nor is what [`ClusterConfig`] lists.
#[derive(Debug, Clone, Copy)]
pub struct XClip {
    clip: InfoNce,
    cluster: Cluster,
    clip_weight: f64,
    cluster_weight: f64,
}

/// [`XClip`] taken apart; every tensor is `[1]`.
#[derive(Debug, Clone)]
pub struct XClipTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// The contrastive part, not weighted.
    pub clip: Tensor<1>,
    /// Share of images that find their text, without gradient.
    pub clip_accuracy: Tensor<1>,
    /// The part without negatives, not weighted.
    pub cluster: ClusterTerms,
}

impl XClipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When a weight is negative or no finite number, or a part cannot be built.
    pub fn init(&self) -> Result<XClip, LossError> {
        LossError::check_coefficient("clip_weight", self.clip_weight, 1.0)?;
        LossError::check_coefficient("cluster_weight", self.cluster_weight, 1.0)?;
        Ok(XClip {
            clip: self.clip.init()?,
            cluster: self.cluster.init()?,
            clip_weight: self.clip_weight,
            cluster_weight: self.cluster_weight,
        })
    }
}

impl XClip {
    /// CLIP's loss and the units' together, with their parts.
    ///
    /// # Shapes
    /// - vectors: of images and texts, each `[batch, dim]`, not normalised
    /// - scores: of images and texts, each `[batch, units]`
    /// - scale: `[1]`, the inverse temperature itself (not its logarithm)
    ///
    /// # Panics
    /// When images and texts differ in shape, or vectors and scores in rows.
    pub fn forward(
        &self,
        [image, text]: [Tensor<2>; 2],
        scores: [Tensor<2>; 2],
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> XClipTerms {
        let (vectors, scored) = (image.dims()[0], scores[0].dims()[0]);
        assert_eq!(vectors, scored, "xCLIP needs both heads' outputs of the same samples");
        let contrast = self.clip.forward(image, text, scale, ctx);
        let clip_accuracy = contrast.accuracy.clone();
        let clip = contrast.loss();
        let cluster = self.cluster.forward(scores, ctx);
        let loss = clip.clone() * self.clip_weight + cluster.loss.clone() * self.cluster_weight;
        XClipTerms { loss, clip, clip_accuracy, cluster }
    }
}
