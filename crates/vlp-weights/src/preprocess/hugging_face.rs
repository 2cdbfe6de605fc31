//! Image processors of Hugging Face: `preprocessor_config.json`, and `image_processor` in `processor_config.json`, where
//! transformers 5 keeps it.

use serde_json::{Value, json};

use super::open_clip::three;
use super::{Interpolation, PreprocessConfig, PreprocessFamily, ResizeModeName};
use crate::WeightError;
use crate::config::ImageSize;

/// What an image processor does where its file is silent.
struct Class {
    /// Its names, oldest first; transformers adds `Fast` and `Pil`.
    names: [&'static str; 2],
    /// Statistics.
    family: PreprocessFamily,
    interpolation: Interpolation,
    /// Whether the shorter side becomes 224 pixels and the middle is cut out, else the picture is stretched.
    cut: bool,
}

const SIDE: usize = 224;
const CLASSES: [Class; 3] = [
    Class {
        names: ["CLIPFeatureExtractor", "CLIPImageProcessor"],
        family: PreprocessFamily::Clip,
        interpolation: Interpolation::Bicubic,
        cut: true,
    },
    Class {
        names: ["SiglipImageProcessor", "SiglipImageProcessor"],
        family: PreprocessFamily::Siglip,
        interpolation: Interpolation::Bicubic,
        cut: false,
    },
    Class {
        names: ["ViTFeatureExtractor", "ViTImageProcessor"],
        family: PreprocessFamily::Siglip,
        interpolation: Interpolation::Bilinear,
        cut: false,
    },
];

/// Steps that are here, and how they have to stand.
const STEPS: [&str; 6] =
    ["do_resize", "do_rescale", "do_normalize", "do_center_crop", "do_convert_rgb", "default_to_square"];

impl PreprocessConfig {
    /// Reads Hugging Face's `preprocessor_config.json` of a CLIPImageProcessor, a SiglipImageProcessor or a
    /// ViTImageProcessor. What it leaves out has the default of its class; without a class, CLIP's where a middle is cut out,
    /// SigLIP's where the picture is stretched.
    ///
    /// # Errors
    /// When it is no JSON, of another class, or asks for steps that are not here.
    pub fn from_hugging_face(json: &str) -> Result<Self, WeightError> {
        const WHAT: &str = "this preprocessor_config.json";
        let value: Value = serde_json::from_str(json).map_err(|error| WeightError::config(WHAT, error))?;
        let stretched = value["size"].get("height").is_some() && value["do_center_crop"] != Value::Bool(true);
        let family = if stretched { PreprocessFamily::Siglip } else { PreprocessFamily::Clip };
        Self::from_processor(&value, family, WHAT)
    }

    /// Reads an image processor of a model of this family, which decides the class where the processor names none. `what` is
    /// the place that errors name.
    pub(crate) fn from_processor(value: &Value, family: PreprocessFamily, what: &str) -> Result<Self, WeightError> {
        let refuse = |reason: String| WeightError::config(what, reason);
        let class = class(value, family).map_err(refuse)?;
        if let Some(entries) = value.as_object() {
            let step = |(key, value): &(&String, &Value)| key.starts_with("do_") && **value == Value::Bool(true);
            let foreign = |(key, _): &(&String, &Value)| !STEPS.contains(&key.as_str());
            if let Some((key, _)) = entries.iter().find(|entry| step(entry) && foreign(entry)) {
                return Err(refuse(format!("{key} is true, which is not here")));
            }
        }
        for key in ["do_resize", "do_rescale"] {
            if !matches!(value[key], Value::Null | Value::Bool(true)) {
                return Err(refuse(format!("{key} is {}, only true is here", value[key])));
            }
        }
        if value["rescale_factor"].as_f64().is_some_and(|factor| (factor - 1.0 / 255.0).abs() > 1e-9) {
            return Err(refuse(format!("rescale_factor is {}, only 1/255 is here", value["rescale_factor"])));
        }
        let (size, resize, resize_mode) = sizes(value, class).map_err(refuse)?;
        let plain = PreprocessConfig::of(class.family, 1);
        let channels = |key: &str, plain: [f64; 3]| match &value[key] {
            Value::Null => Ok(plain),
            given => serde_json::from_value(three(given)).map_err(|error| refuse(format!("{key}: {error}"))),
        };
        let (mean, std) = match value["do_normalize"] {
            Value::Bool(false) => ([0.0; 3], [1.0; 3]),
            _ => (channels("image_mean", plain.mean)?, channels("image_std", plain.std)?),
        };
        let interpolation = interpolation(&value["resample"], class).map_err(refuse)?;
        let crop_down = resize_mode == ResizeModeName::Shortest || resize.is_some();
        let config = PreprocessConfig { size, mean, std, interpolation, resize_mode, resize, crop_down, ..plain };
        config.checked()
    }

    /// Hugging Face's `preprocessor_config.json`.
    ///
    /// # Errors
    /// When transformers has no such preprocessing: `longest`, and a side cut out of a picture that is no square.
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
        let cut = |size: Value| {
            json!({
                "image_processor_type": "CLIPImageProcessor",
                "do_convert_rgb": true,
                "do_center_crop": true,
                "size": size,
                "crop_size": {"height": height, "width": width},
            })
        };
        let rest = match (self.resize_mode, self.resize.map(ImageSize::height_width)) {
            (ResizeModeName::Squash, None) => json!({
                "image_processor_type": "SiglipImageProcessor",
                "size": {"height": height, "width": width},
            }),
            (ResizeModeName::Squash, Some([high, wide])) => cut(json!({"height": high, "width": wide})),
            (ResizeModeName::Shortest, Some([shorter, _])) => cut(json!({"shortest_edge": shorter})),
            (ResizeModeName::Shortest, None) if height == width => cut(json!({"shortest_edge": height})),
            (ResizeModeName::Shortest | ResizeModeName::Longest, _) => {
                let reason = format!("resize_mode {:?} to {height} x {width}", self.resize_mode);
                return Err(WeightError::config("this preprocessing for transformers", reason));
            }
        };
        let entries = json.as_object_mut().expect("an object was just made");
        entries.extend(rest.as_object().cloned().unwrap_or_default());
        Ok(json)
    }
}

fn class(value: &Value, family: PreprocessFamily) -> Result<&'static Class, String> {
    let named = ["image_processor_type", "feature_extractor_type"].iter().find_map(|key| value[key].as_str());
    let Some(name) = named else {
        return Ok(if family == PreprocessFamily::Siglip { &CLASSES[1] } else { &CLASSES[0] });
    };
    let plain = name.strip_suffix("Fast").or(name.strip_suffix("Pil")).unwrap_or(name);
    CLASSES.iter().find(|class| class.names.contains(&plain)).ok_or_else(|| {
        let known: Vec<_> = CLASSES.iter().map(|class| class.names[1]).collect();
        format!("image_processor_type is {name}; {} are known", known.join(", "))
    })
}

fn interpolation(resample: &Value, class: &Class) -> Result<Interpolation, String> {
    match resample.as_u64() {
        _ if resample.is_null() => Ok(class.interpolation),
        Some(0) => Ok(Interpolation::Nearest),
        Some(1) => Ok(Interpolation::Lanczos),
        Some(2) => Ok(Interpolation::Bilinear),
        Some(3) => Ok(Interpolation::Bicubic),
        _ => Err(format!("resample is {resample}; 0 to 3 are here")),
    }
}

/// Size in front of the model, the size that it is cut from where that is another, and how the shape changes.
fn sizes(value: &Value, class: &Class) -> Result<(ImageSize, Option<ImageSize>, ResizeModeName), String> {
    use ResizeModeName::{Shortest, Squash};
    let side = |value: &Value| value.as_u64().map(|side| side as usize);
    let pair = |value: &Value| {
        let (height, width) = (side(&value["height"])?, side(&value["width"])?);
        Some(if height == width { ImageSize::Square(height) } else { ImageSize::HeightWidth([height, width]) })
    };
    let size = &value["size"];
    let only =
        |keys: &[&str]| size.as_object().is_some_and(|given| given.keys().all(|key| keys.contains(&key.as_str())));
    let (resized, mode) = match (side(size), side(&size["shortest_edge"]), pair(size)) {
        _ if size.is_null() => (ImageSize::Square(SIDE), if class.cut { Shortest } else { Squash }),
        (Some(shorter), ..) => (ImageSize::Square(shorter), Shortest),
        (_, Some(shorter), _) if only(&["shortest_edge"]) => (ImageSize::Square(shorter), Shortest),
        (.., Some(size)) if only(&["height", "width"]) => (size, Squash),
        _ => return Err(format!("size is {size}; a side, shortest_edge, or height and width are here")),
    };
    let cut = match &value["do_center_crop"] {
        Value::Null => class.cut,
        Value::Bool(cut) => *cut,
        other => return Err(format!("do_center_crop is {other}")),
    };
    if !cut {
        return match mode {
            Squash => Ok((resized, None, Squash)),
            _ => Err(format!("size is {size} with do_center_crop false, which leaves pictures of any shape")),
        };
    }
    let crop = match &value["crop_size"] {
        Value::Null => ImageSize::Square(SIDE),
        crop => side(crop)
            .map(ImageSize::Square)
            .or_else(|| pair(crop))
            .ok_or_else(|| format!("crop_size is {crop}; a side, or height and width are here"))?,
    };
    match crop {
        crop if crop == resized => Ok((crop, None, mode)),
        ImageSize::Square(_) => Ok((crop, Some(resized), mode)),
        ImageSize::HeightWidth(_) => Err(format!("crop_size is {}, which is no square", value["crop_size"])),
    }
}
