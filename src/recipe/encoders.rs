use burn::tensor::Device;
use vlp_encoders::{ImageEncoderConfig, TextTransformer};
use vlp_methods::MethodConfig;

use super::{Recipe, RecipeError};
use crate::device::check_precision;

impl<M: MethodConfig, I: ImageEncoderConfig> Recipe<M, I> {
    /// The encoders on a device, computing in the recipe's precision. To look at a trained model in f32, wherever and in whatever it
    /// was trained, build them from `image` and `text`.
    ///
    /// # Errors
    /// When an encoder cannot be built, or does not compute in the recipe's precision, or the device does not.
    pub fn encoders(&self, device: &Device) -> Result<(I::Encoder, TextTransformer), RecipeError> {
        check_precision(device, self.precision)?;
        let (image, text) = (self.image.init(device)?, self.text.init(device)?);
        let image = I::with_precision(image, self.precision).ok_or_else(|| RecipeError::Value {
            key: "precision",
            value: self.precision.to_string(),
            must: "f32 or left out: this image encoder computes in f32 only",
        })?;
        Ok((image, text.with_precision(self.precision)))
    }
}
