//! Published models by name.

mod clip_rocket;
mod open_clip;
mod siglip;

use crate::{DualEncoderConfig, EncoderError};

/// The configuration of a published model.
///
/// - open_clip's names (`ViT-B-32`, `ViT-L-14-336-quickgelu`, `RN50`, `ViT-B-16-SigLIP2-256`, ...): those of its presets
///   whose towers this crate has.
/// - clip-rocket's backbones (`R50`, `CNEXTT`, `VITS16MOCO`, ...) and the same and their kin under timm's names
///   (`resnet50`, `convnext_tiny`, `vit_base_patch16_224`, ...), with clip-rocket's text tower of 12 layers, linear heads and
///   256 columns. `RN50` is OpenAI's ResNet, `resnet50` torchvision's.
///
/// Take a part where only that is wanted: `preset("resnet50")?.image`.
///
/// # Errors
/// When the name is unknown; the message holds the nearest known one.
///
/// ```
/// use burn::tensor::Device;
/// use vlp_encoders::{parameter_count, preset};
/// // Weights are drawn when they are first read, so this allocates none of the 151 million.
/// let model = preset("ViT-B-32")?.init(&Device::flex())?;
/// assert_eq!(parameter_count(&model), 151_277_312);
/// assert!(preset("ViT-B-23").unwrap_err().to_string().contains("ViT-B-32"));
/// # Ok::<(), vlp_encoders::EncoderError>(())
/// ```
pub fn preset(name: &str) -> Result<DualEncoderConfig, EncoderError> {
    open_clip::find(name).or_else(|| siglip::find(name)).or_else(|| clip_rocket::find(name)).ok_or_else(|| {
        let nearest = preset_names().into_iter().min_by_key(|known| distance(name, known)).unwrap_or_default();
        EncoderError::UnknownPreset { name: name.to_string(), nearest }
    })
}

/// All names that [`preset`] knows.
pub fn preset_names() -> Vec<String> {
    open_clip::names().chain(siglip::names()).chain(clip_rocket::names()).collect()
}

/// Edit distance in which another case is half a change.
fn distance(a: &str, b: &str) -> usize {
    strsim::levenshtein(a, b) + strsim::levenshtein(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_edit_or_another_case_away() {
        for (wrong, nearest) in
            [("vit-b-32", "ViT-B-32"), ("RN5O", "RN50"), ("resnet-50", "resnet50"), ("convnext_tny", "convnext_tiny")]
        {
            let error = preset(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("`{nearest}`")), "{error}");
        }
        assert_eq!((distance("abc", "abd"), distance("abc", "aBc"), distance("", "ab")), (2, 1, 4));
    }

    #[test]
    fn every_listed_name_is_known_and_none_is_listed_twice() {
        let names = preset_names();
        assert!(names.iter().all(|name| preset(name).is_ok()));
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }
}
