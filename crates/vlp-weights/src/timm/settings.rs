//! timm's `pretrained_cfg`: how pictures are prepared where it evaluates.

use serde_json::Value;

use crate::config::ImageSize;
use crate::{Interpolation, PreprocessConfig, ResizeModeName, WeightError};

const WHAT: &str = "this timm configuration";

/// Reads the preprocessing; what is left out has timm's default (ImageNet's statistics, bicubic, 0.875 of the shorter side).
pub(super) fn read(json: &Value) -> Result<PreprocessConfig, WeightError> {
    // Old files have the keys at the root.
    let settings = if json["pretrained_cfg"].is_object() { &json["pretrained_cfg"] } else { json };
    let refuse = |key: &str, must: &str| {
        WeightError::config(WHAT, format!("pretrained_cfg.{key} is {}, it must be {must}", settings[key]))
    };
    let three = |key: &str, default: [f64; 3]| match &settings[key] {
        Value::Null => Ok(default),
        value => {
            match value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<_>>()).as_deref() {
                Some(&[red, green, blue]) => Ok([red, green, blue]),
                _ => Err(refuse(key, "three numbers")),
            }
        }
    };
    let (mean, std) = (three("mean", [0.485, 0.456, 0.406])?, three("std", [0.229, 0.224, 0.225])?);
    let sides: Option<Vec<usize>> = match &settings["input_size"] {
        Value::Null => Some(vec![3, 224, 224]),
        value => value.as_array().map(|list| list.iter().filter_map(|side| Some(side.as_u64()? as usize)).collect()),
    };
    let side = match sides.as_deref() {
        Some(&[3, height, width]) if height == width => height,
        _ => return Err(refuse("input_size", "[3, side, side]")),
    };
    let crop = match &settings["crop_pct"] {
        Value::Null => 0.875,
        value => {
            let crop = value.as_f64().filter(|crop| *crop > 0.0 && *crop <= 1.0);
            crop.ok_or_else(|| refuse("crop_pct", "above 0 and at most 1"))?
        }
    };
    let interpolation = match settings["interpolation"].as_str() {
        None | Some("bicubic") => Interpolation::Bicubic,
        Some("bilinear") => Interpolation::Bilinear,
        Some("lanczos") => Interpolation::Lanczos,
        Some("nearest") => Interpolation::Nearest,
        Some(_) => return Err(refuse("interpolation", "bicubic, bilinear, lanczos or nearest")),
    };
    let resize_mode = match settings["crop_mode"].as_str() {
        None | Some("center") => ResizeModeName::Shortest,
        Some("squash") => ResizeModeName::Squash,
        Some(_) => return Err(refuse("crop_mode", "center or squash")),
    };
    // As timm computes it: cut off to a whole number.
    let from = (side as f64 / crop).floor() as usize;
    let resize = (from != side).then_some(ImageSize::Square(from));
    let size = ImageSize::Square(side);
    PreprocessConfig { size, mean, std, interpolation, resize_mode, resize, ..PreprocessConfig::default() }.checked()
}
