use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::{InfoNce, InfoNceConfig, InfoNceTerms, LogitScale, LogitScaleConfig, LossError};

/// Configuration of [`ClipLoss`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipLossConfig {
    /// Where the scale starts.
    pub scale: LogitScaleConfig,
    /// The loss.
    pub info_nce: InfoNceConfig,
}

/// [`InfoNce`] with a scale of its own, as one module: CLIP's whole objective.
///
/// Radford et al. 2021, "Learning transferable visual models from natural language supervision". open_clip's loss of this
/// name takes the scale as an argument, as [`InfoNce`] does.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use vlp_core::StepContext;
/// use vlp_losses::ClipLossConfig;
///
/// let device = Device::flex();
/// let clip = ClipLossConfig::default().init(&device)?;
/// let [image, text] = [(); 2].map(|()| Tensor::random([4, 8], Distribution::Normal(0.0, 1.0), &device));
/// let loss = clip.forward(image, text, &StepContext::new(0, 0, 1)).loss();
/// assert_eq!(loss.dims(), [1]);
/// // After the optimizer step:
/// let clip = clip.clamped();
/// # Ok::<(), vlp_losses::LossError>(())
/// ```
#[derive(Module, Debug)]
pub struct ClipLoss {
    /// s.
    pub scale: LogitScale,
    #[module(skip)]
    info_nce: InfoNce,
}

impl ClipLossConfig {
    /// Builds the loss with its scale.
    ///
    /// # Errors
    /// When the scale or the loss cannot be built.
    pub fn init(&self, device: &Device) -> Result<ClipLoss, LossError> {
        Ok(ClipLoss { scale: self.scale.init(device)?, info_nce: self.info_nce.init()? })
    }
}

impl ClipLoss {
    /// The loss of a batch of pairs, with its accuracy.
    ///
    /// # Shapes
    /// - image, text: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    ///
    /// # Panics
    /// When `image` and `text` differ in shape.
    pub fn forward(&self, image: Tensor<2>, text: Tensor<2>, ctx: &StepContext<'_>) -> InfoNceTerms {
        self.info_nce.forward(image, text, self.scale.scale(), ctx)
    }

    /// Clamps the scale to 1..100, as after every optimizer step of CLIP.
    pub fn clamped(self) -> Self {
        ClipLoss { scale: self.scale.clamped(), ..self }
    }
}
