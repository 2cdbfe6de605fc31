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
                 fourth digit",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    /// A SigLIP of transformers, whose image towers all compute GELU's tanh form.
    fn siglip(side: usize) -> ModelConfig {
        let mut json = preset("ViT-B-16-SigLIP").unwrap().to_hugging_face().unwrap();
        json["vision_config"]["hidden_act"] = "gelu_pytorch_tanh".into();
        json["vision_config"]["image_size"] = side.into();
        ModelConfig::from_hugging_face(&json.to_string()).unwrap()
    }

    #[test]
    fn where_timm_has_a_name_the_name_alone_is_written() {
        for side in [224, 256, 384, 512] {
            let config = siglip(side);
            assert!(config.vision_cfg.timm_model_kwargs.is_some());
            let written = config.for_releases();
            assert_eq!(
                written.vision_cfg.timm_model_name.as_deref(),
                Some(&*format!("vit_base_patch16_siglip_{side}"))
            );
            assert_eq!(written.vision_cfg.timm_model_kwargs, None);
            written.towers().unwrap();
            let remarks = config.remarks(Format::OpenClip, true);
            assert!(remarks[0].contains("exact GELU") && remarks[0].contains("tanh form"), "{remarks:?}");
        }
        // What is open_clip's own loses nothing.
        let own = preset("ViT-B-16-SigLIP").unwrap();
        assert_eq!((own.for_releases(), own.remarks(Format::OpenClip, true)), (own.clone(), Vec::new()));
    }

    #[test]
    fn a_tower_without_a_name_is_told() {
        let config = siglip(240);
        assert_eq!(config.for_releases(), config);
        assert!(config.remarks(Format::OpenClip, true)[0].contains("3.3.0"));
        let other = config.remarks(Format::HuggingFace, false);
        assert!(other.len() == 1 && other[0].contains("tokenizer.json"), "{other:?}");
    }
}
