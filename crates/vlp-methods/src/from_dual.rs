//! Methods that go on training a dual encoder, and give it back.

use burn::tensor::Device;
use vlp_core::{ImageEncoder, TextEncoder};
use vlp_encoders::DualEncoder;
use vlp_losses::{LogitScaleConfig, SigmoidConfig};

use crate::{Clip, ClipConfig, MethodError, SigLip, SigLipConfig};

impl<I: ImageEncoder, T: TextEncoder> Clip<I, T> {
    /// CLIP on encoders and heads that are there already, from the scale that they were trained with, as its natural
    /// logarithm. Of the configuration the loss alone counts.
    ///
    /// # Errors
    /// When the loss cannot be built, or the scale is not finite.
    pub fn from_dual(
        dual: DualEncoder<I, T>,
        log_scale: f32,
        config: &ClipConfig,
        device: &Device,
    ) -> Result<Self, MethodError> {
        let DualEncoder { image, text, image_head, text_head } = dual;
        // The heads are replaced at once.
        let config = ClipConfig {
            embed_dim: 1,
            head: ClipConfig::default().head,
            scale: LogitScaleConfig { temperature: temperature(log_scale) },
            ..*config
        };
        let mut clip = config.init(image, text, device)?;
        (clip.image_head, clip.text_head) = (image_head, text_head);
        Ok(clip)
    }

    /// The encoders with their heads.
    pub fn into_dual(self) -> DualEncoder<I, T> {
        DualEncoder { image: self.image, text: self.text, image_head: self.image_head, text_head: self.text_head }
    }
}

impl<I: ImageEncoder, T: TextEncoder> SigLip<I, T> {
    /// SigLIP on encoders and heads that are there already, from the scale, as its natural logarithm, and the bias that they
    /// were trained with. Of the configuration the loss and the clamp count.
    ///
    /// # Errors
    /// When the loss cannot be built, or scale or bias are not finite.
    pub fn from_dual(
        dual: DualEncoder<I, T>,
        log_scale: f32,
        bias: f32,
        config: &SigLipConfig,
        device: &Device,
    ) -> Result<Self, MethodError> {
        let DualEncoder { image, text, image_head, text_head } = dual;
        let loss = SigmoidConfig { temperature: temperature(log_scale), bias: f64::from(bias), ..config.loss };
        let plain = ClipConfig::default().head;
        let config = SigLipConfig { embed_dim: 1, image_head: plain, text_head: plain, loss, ..*config };
        let mut siglip = config.init(image, text, device)?;
        (siglip.image_head, siglip.text_head) = (image_head, text_head);
        Ok(siglip)
    }

    /// The encoders with their heads.
    pub fn into_dual(self) -> DualEncoder<I, T> {
        DualEncoder { image: self.image, text: self.text, image_head: self.image_head, text_head: self.text_head }
    }
}

fn temperature(log_scale: f32) -> f64 {
    (-f64::from(log_scale)).exp()
}
