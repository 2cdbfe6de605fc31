//! `preprocessor_config.json` of Hugging Face's CLIP and SigLIP image processors.

use serde_json::{Value, json};

use super::{Interpolation, PreprocessConfig, PreprocessFamily, ResizeModeName};
use crate::WeightError;
use crate::config::ImageSize;

impl PreprocessConfig {
    /// Reads Hugging Face's `preprocessor_config.json` of a CLIPImageProcessor or SiglipImageProcessor.
    ///
    /// transformers rounds the offset of its central crop down, open_clip and this crate half to even: a picture whose
    /// margin is odd can be cut one pixel further.
    ///
    /// # Errors
    /// When it is no JSON or asks for steps that are not here.
    pub fn from_hugging_face(json: &str) -> Result<Self, WeightError> {
        let refuse = |reason: String| WeightError::config("this preprocessor_config.json", reason);
        let value: Value = serde_json::from_str(json).map_err(|error| refuse(error.to_string()))?;
        for (key, wanted) in [("do_resize", true), ("do_rescale", true), ("do_normalize", true)] {
            match &value[key] {
                Value::Null => (),
                Value::Bool(set) if *set == wanted => (),
                other => return Err(refuse(format!("{key} is {other}, only {wanted} is here"))),
            }
        }
        if value["rescale_factor"].as_f64().is_some_and(|factor| (factor - 1.0 / 255.0).abs() > 1e-9) {
            return Err(refuse(format!("rescale_factor is {}, only 1/255 is here", value["rescale_factor"])));
        }
        let side = |value: &Value| value.as_u64().map(|side| side as usize);
        let pair = |value: &Value| {
            let (height, width) = (side(&value["height"])?, side(&value["width"])?);
            Some(if height == width { ImageSize::Square(height) } else { ImageSize::HeightWidth([height, width]) })
        };
        let (size, crop) = (&value["size"], &value["crop_size"]);
        let shortest = side(size).or_else(|| side(&size["shortest_edge"]));
        let cropped = value["do_center_crop"] != Value::Bool(false);
        let (size, resize_mode) = match (shortest, pair(size)) {
            (Some(shortest), _) if cropped => {
                let crop =
                    side(crop).map(ImageSize::Square).or_else(|| pair(crop)).unwrap_or(ImageSize::Square(shortest));
                if crop != ImageSize::Square(shortest) {
                    return Err(refuse(format!(
                        "a crop of {crop:?} out of a shorter side of {shortest}; both must be equal"
                    )));
                }
                (crop, ResizeModeName::Shortest)
            }
            (None, Some(size)) => (size, ResizeModeName::Squash),
            _ => return Err(refuse(format!("size is {size} with do_center_crop {}", value["do_center_crop"]))),
        };
        let interpolation = match &value["resample"] {
            Value::Null => Interpolation::Bicubic,
            code => match code.as_u64() {
                Some(0) => Interpolation::Nearest,
                Some(1) => Interpolation::Lanczos,
                Some(2) => Interpolation::Bilinear,
                Some(3) => Interpolation::Bicubic,
                _ => return Err(refuse(format!("resample is {code}; 0 to 3 are here"))),
            },
        };
        let family =
            if resize_mode == ResizeModeName::Squash { PreprocessFamily::Siglip } else { PreprocessFamily::Clip };
        let plain = PreprocessConfig::of(family, 1);
        let channels = |key: &str, plain: [f64; 3]| match &value[key] {
            Value::Null => Ok(plain),
            given => serde_json::from_value(given.clone()).map_err(|error| refuse(format!("{key}: {error}"))),
        };
        let (mean, std) = (channels("image_mean", plain.mean)?, channels("image_std", plain.std)?);
        PreprocessConfig { size, mean, std, interpolation, resize_mode, ..plain }.checked()
    }

    /// Hugging Face's `preprocessor_config.json`.
    ///
    /// # Errors
    /// When transformers has no such preprocessing: `longest`.
    pub fn to_hugging_face(&self) -> Result<Value, WeightError> {
        let [height, width] = self.size.height_width();
        let resample = match self.interpolation {
            Interpolation::Nearest => 0,
            Interpolation::Lanczos => 1,
            Interpolation::Bilinear => 2,
            Interpolation::Bicubic | Interpolation::Random => 3,
        };
        let mut json = json!({
            "do_normalize": true,
            "do_rescale": true,
            "do_resize": true,
            "image_mean": self.mean,
            "image_std": self.std,
            "resample": resample,
            "rescale_factor": 1.0 / 255.0,
        });
        let rest = match self.resize_mode {
            ResizeModeName::Squash => json!({
                "image_processor_type": "SiglipImageProcessor",
                "size": {"height": height, "width": width},
            }),
            ResizeModeName::Shortest if height == width => json!({
                "image_processor_type": "CLIPImageProcessor",
                "do_convert_rgb": true,
                "do_center_crop": true,
                "size": {"shortest_edge": height},
                "crop_size": {"height": height, "width": width},
            }),
            ResizeModeName::Shortest | ResizeModeName::Longest => {
                let reason = format!("resize_mode {:?} to {height} x {width}", self.resize_mode);
                return Err(WeightError::config("this preprocessing for transformers", reason));
            }
        };
        let entries = json.as_object_mut().expect("an object was just made");
        entries.extend(rest.as_object().cloned().unwrap_or_default());
        Ok(json)
    }
}
