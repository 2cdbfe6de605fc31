use vlp_encoders::ProjectionConfig;
use vlp_losses::LogitScaleConfig;

use crate::{AnyMethodConfig, ClipRocketConfig, MethodError};

/// What most methods have: the first comparison of images with texts.
struct Common<'a> {
    embed_dim: &'a mut usize,
    head: &'a mut ProjectionConfig,
    scale: &'a mut LogitScaleConfig,
}

impl AnyMethodConfig {
    /// The method of this name with what it shares with `self` kept: the size of the embedding, the weak head and scale;
    /// between methods built on CLIP-rocket all of that part, label smoothing apart where SwALIP allows none. The rest is
    /// the published method's.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] with the names that exist.
    pub fn renamed(&self, name: &str) -> Result<Self, MethodError> {
        if name == self.name() {
            return Ok(self.clone());
        }
        let (mut from, mut to) = (self.clone(), AnyMethodConfig::named(name)?);
        if let (Some(ours), Some(theirs)) = (from.rocket(), to.rocket()) {
            *theirs = *ours;
        } else if let (Some(ours), Some(theirs)) = (from.common(), to.common()) {
            (*theirs.embed_dim, *theirs.head, *theirs.scale) = (*ours.embed_dim, *ours.head, *ours.scale);
        }
        if let AnyMethodConfig::SwaLip(swalip) = &mut to {
            swalip.rocket.loss.label_smoothing = 0.0;
        }
        Ok(to)
    }

    fn rocket(&mut self) -> Option<&mut ClipRocketConfig> {
        match self {
            AnyMethodConfig::ClipRocket(config) => Some(config),
            AnyMethodConfig::SiamLip(config) => Some(&mut config.rocket),
            AnyMethodConfig::ByoLip(config) => Some(&mut config.siamlip.rocket),
            AnyMethodConfig::BarLip(config) => Some(&mut config.rocket),
            AnyMethodConfig::SwaLip(config) => Some(&mut config.rocket),
            _ => None,
        }
    }

    fn common(&mut self) -> Option<Common<'_>> {
        let (embed_dim, head, scale) = match self {
            AnyMethodConfig::Clip(config) => (&mut config.embed_dim, &mut config.head, &mut config.scale),
            AnyMethodConfig::SwaLipV1(config) => {
                let config = &mut config.clip;
                (&mut config.embed_dim, &mut config.head, &mut config.scale)
            }
            AnyMethodConfig::Slip(config) => (&mut config.embed_dim, &mut config.head, &mut config.scale),
            AnyMethodConfig::XClip(config) => (&mut config.embed_dim, &mut config.clip_head, &mut config.scale),
            // nCLIP compares units, SigLIP has a scale and heads of another kind, the last three read no texts.
            AnyMethodConfig::NClip(_)
            | AnyMethodConfig::SigLip(_)
            | AnyMethodConfig::Dino(_)
            | AnyMethodConfig::MocoV3(_)
            | AnyMethodConfig::Swav(_) => return None,
            rest => {
                let rocket = rest.rocket()?;
                (&mut rocket.embed_dim, &mut rocket.weak_head, &mut rocket.weak_scale)
            }
        };
        Some(Common { embed_dim, head, scale })
    }
}
