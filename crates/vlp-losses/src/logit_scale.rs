use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::LossError;

/// Where a [`LogitScale`] starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogitScaleConfig {
    /// The scale starts at the inverse of this: 0.07 in CLIP, 0.1 for CLIP-rocket's strong pairs.
    pub temperature: f64,
}

impl Default for LogitScaleConfig {
    fn default() -> Self {
        LogitScaleConfig { temperature: 0.07 }
    }
}

/// The factor on cosine similarities, learned as its logarithm and kept within `[0, ln 100]`.
#[derive(Module, Debug)]
pub struct LogitScale {
    /// Natural logarithm of the scale, `[1]`.
    pub log_scale: Param<Tensor<1>>,
}

impl LogitScaleConfig {
    /// Builds the parameter.
    ///
    /// # Errors
    /// When the temperature is not a positive number.
    pub fn init(&self, device: &Device) -> Result<LogitScale, LossError> {
        LossError::check_temperature(self.temperature)?;
        let start = Initializer::Constant { value: -self.temperature.ln() };
        Ok(LogitScale { log_scale: start.init([1], device) })
    }
}

impl LogitScale {
    /// The scale itself, `[1]`.
    pub fn scale(&self) -> Tensor<1> {
        self.log_scale.val().exp()
    }

    /// Clamps the logarithm to `[0, ln 100]`, as after every optimizer step of CLIP.
    pub fn clamped(self) -> Self {
        let clamp = |log_scale: Tensor<1>| {
            let trained = log_scale.is_require_grad();
            let clamped = log_scale.detach().clamp(0.0, 100f64.ln()).detach();
            if trained { clamped.require_grad() } else { clamped }
        };
        LogitScale { log_scale: self.log_scale.map(clamp) }
    }
}
