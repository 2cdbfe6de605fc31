//! What a release of another library does not do as this crate does.

use super::{ImageTower, ModelActivation, ModelConfig};
use crate::Format;

const ACTIVATION: &str = "act_layer";

impl ModelConfig {
    /// The same model as every release of open_clip up to 3.3.0 can read it: they refuse `timm_model_kwargs`. Of a trunk that
    /// timm has a name for, only the form of GELU gets lost with it.
    pub(crate) fn for_releases(&self) -> Self {
        let mut config = self.clone();
        if config.vision_cfg.timm_model_kwargs.as_ref().is_some_and(|given| given.keys().all(|key| key == ACTIVATION)) {
            config.vision_cfg.timm_model_kwargs = None;
        }
        config
    }

    /// What whoever opens an export of this model will find different.
    pub(crate) fn remarks(&self, format: Format, tokenizer: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        let reduced = self.for_releases();
        if format == Format::OpenClip && reduced.vision_cfg.timm_model_kwargs.is_some() {
            remarks.push(
                "open_clip up to 3.3.0, the newest release, refuses this configuration with a TypeError: timm has no name for an \
                 image tower of these sizes, and vision_cfg.timm_model_kwargs is known to its development version only"
                    .to_string(),
            );
        } else if format == Format::OpenClip && reduced != *self {
            let form = |config: &ModelConfig| match config.towers().map(|towers| towers.image) {
                Ok(ImageTower::Vit(vit)) if vit.activation == ModelActivation::GeluTanh => "its tanh form",
                _ => "exact GELU",
            };
            remarks.push(format!(
                "open_clip's image tower of this name computes {}, the weights were trained with {}: its vectors differ in the \
                 third digit",
                form(&reduced),
                form(self)
            ));
        }
        if format == Format::HuggingFace && !tokenizer {
            remarks.push(
                "no tokenizer lay beside the weights: transformers 5 makes up one of two entries and reads every text alike until \
                 the model's tokenizer.json and tokenizer_config.json are put into the folder"
                    .to_string(),
            );
        }
        if format == Format::OpenClip && self.text_cfg.hf_tokenizer_name.is_some() && !tokenizer {
            remarks.push(
                "no tokenizer lay beside the weights: open_clip looks for the model's in the folder, put its tokenizer.json and \
                 tokenizer_config.json there"
                    .to_string(),
            );
        }
        remarks
    }
}
