use burn::tensor::Device;
use vlp_core::Precision;
use vlp_encoders::{AnyImageEncoder, TextTransformer};

use super::{Recipe, RecipeError};
use crate::device::check_precision;

/// Where a recipe leaves the key out: runs of recipes that do not know it can so be resumed.
pub(super) fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}

impl Recipe {
    /// The encoders on a device, computing in the recipe's precision. To look at a trained model in f32, wherever and in whatever it
    /// was trained, build them from `image` and `text`.
    ///
    /// # Errors
    /// When an encoder cannot be built, or the device does not compute in the recipe's precision.
    pub fn encoders(&self, device: &Device) -> Result<(AnyImageEncoder, TextTransformer), RecipeError> {
        check_precision(device, self.precision)?;
        let (image, text) = (self.image.init(device)?, self.text.init(device)?);
        Ok((image.with_precision(self.precision), text.with_precision(self.precision)))
    }
}
