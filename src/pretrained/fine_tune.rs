use burn::tensor::Device;
use vlp_encoders::{AnyImageEncoder, TextTransformer};
use vlp_methods::{AnyMethod, Clip, ClipConfig, SigLip, SigLipConfig};
use vlp_weights::{ModelConfig, Package, PreprocessConfig, Pretrained, TowersThere};

use super::PretrainedError;

/// A method to go on training pretrained weights with: CLIP, or SigLIP where the weights have a bias, from the scale and bias
/// that they were trained with. The second part makes a package of it again.
///
/// ```no_run
/// use vlp::pretrained::{OpenOptions, Target, export, fine_tune};
///
/// # fn main() -> Result<(), vlp::pretrained::PretrainedError> {
/// let device = vlp::device::open("flex")?.autodiff();
/// let pretrained = OpenOptions::default().package("ViT-B-32")?.load(&device)?;
/// let (method, origin) = fine_tune(pretrained, &device)?;
/// // ... train `method`, for example with `vlp::trainer::Trainer` ...
/// export(&origin.package(&method)?, Target::OpenClip, "tuned")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When scale or bias are not finite.
pub fn fine_tune(
    pretrained: Pretrained,
    device: &Device,
) -> Result<(AnyMethod<AnyImageEncoder, TextTransformer>, Origin), PretrainedError> {
    let Pretrained { model, log_scale, bias, config, preprocess, there } = pretrained;
    if there != TowersThere::Both {
        let reason = "fine-tuning needs both towers, and one of them holds no weights here";
        return Err(PretrainedError::NoTower(reason.to_string()));
    }
    let method = match bias {
        None => Clip::from_dual(model, log_scale, &ClipConfig::default(), device)?.into(),
        Some(bias) => SigLip::from_dual(model, log_scale, bias, &SigLipConfig::default(), device)?.into(),
    };
    Ok((method, Origin { config, preprocess }))
}

/// What pretrained weights were beside their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The model's configuration.
    pub config: ModelConfig,
    /// How pictures are prepared for it.
    pub preprocess: PreprocessConfig,
}

impl Origin {
    /// The trained method as a package, with its scale and bias; low-rank adapters are merged.
    ///
    /// # Errors
    /// When the method no longer has the parts of this configuration.
    pub fn package(&self, method: &AnyMethod<AnyImageEncoder, TextTransformer>) -> Result<Package, PretrainedError> {
        let model = match method.clone() {
            AnyMethod::Clip(clip) => clip.into_dual(),
            AnyMethod::SigLip(siglip) => siglip.into_dual(),
            _ => {
                let reason = "it is neither CLIP nor SigLIP, which pretrained weights go on as".to_string();
                return Err(PretrainedError::NoExport { reason });
            }
        };
        let scalar = |tensor: burn::tensor::Tensor<1>| tensor.into_scalar::<f32>();
        let log_scale = method.scale().map(scalar).unwrap_or(1.0).ln();
        let bias = method.bias().map(scalar);
        let (config, preprocess, there) = (self.config.clone(), self.preprocess, TowersThere::Both);
        Ok(Pretrained { model, log_scale, bias, config, preprocess, there }.to_package()?)
    }
}
