use serde::{Deserialize, Serialize};

use super::{ImagePipeline, Operation, Step, image_presets};
use crate::{
    AugmentError, AutoContrast, CenterCrop, ColorJitter, Equalize, Filter, GaussianBlur, Grayscale, HorizontalFlip,
    ImageSequence, ImageTransform, Invert, PassOrder, Posterize, RandAugment, RandomApply, RandomResizedCrop, Resize,
    Sharpness, Solarize, VerticalFlip,
};

/// How pixels are weighted when a picture changes its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterName {
    /// [`Filter::Bicubic`].
    #[default]
    Bicubic,
    /// [`Filter::Bilinear`].
    Bilinear,
}

/// An operation on pictures as data, the name in the key `op`. Sizes that are left out are the pipeline's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImageOp {
    /// [`RandomResizedCrop`].
    RandomResizedCrop {
        /// Side of the square in pixels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<usize>,
        /// Smallest and largest share of the area; `[0.08, 1]` when left out.
        #[serde(default = "whole_scale")]
        scale: [f64; 2],
        /// Smallest and largest width / height; 3:4 to 4:3 when left out.
        #[serde(default = "usual_ratio")]
        ratio: [f64; 2],
        /// Bicubic when left out.
        #[serde(default)]
        filter: FilterName,
        /// Which direction is resampled first, `pillow13` when left out.
        #[serde(default, skip_serializing_if = "is_usual")]
        order: PassOrder,
    },
    /// [`Resize`] of the shorter side.
    Resize {
        /// Length of the shorter side in pixels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<usize>,
        /// Bicubic when left out.
        #[serde(default)]
        filter: FilterName,
        /// Which direction is resampled first, `pillow13` when left out.
        #[serde(default, skip_serializing_if = "is_usual")]
        order: PassOrder,
    },
    /// [`CenterCrop`].
    CenterCrop {
        /// Side of the square in pixels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<usize>,
    },
    /// [`HorizontalFlip`].
    HorizontalFlip {},
    /// [`VerticalFlip`].
    VerticalFlip {},
    /// [`Grayscale`].
    Grayscale {},
    /// [`Invert`].
    Invert {},
    /// [`AutoContrast`].
    Autocontrast {},
    /// [`Equalize`].
    Equalize {},
    /// [`ColorJitter`].
    ColorJitter {
        /// Factors `[max(0, 1 - x), 1 + x]`; 0 when left out.
        #[serde(default)]
        brightness: f64,
        /// The same for the contrast.
        #[serde(default)]
        contrast: f64,
        /// The same for the saturation.
        #[serde(default)]
        saturation: f64,
        /// Turns of `[-x, x]` of the colour circle, at most 0.5; 0 when left out.
        #[serde(default)]
        hue: f64,
    },
    /// [`GaussianBlur`].
    GaussianBlur {
        /// Smallest and largest standard deviation in pixels; `[0.1, 2]` when left out.
        #[serde(default = "usual_radius")]
        radius: [f64; 2],
    },
    /// [`Solarize`].
    Solarize {
        /// Bytes below it stay; 128 when left out.
        #[serde(default = "half")]
        threshold: f64,
    },
    /// [`Posterize`].
    Posterize {
        /// Bits that stay, 1 to 8.
        bits: u8,
    },
    /// [`Sharpness`].
    Sharpness {
        /// 0 smooths, 1 changes nothing, more sharpens.
        factor: f64,
    },
    /// [`RandAugment`].
    RandAugment {
        /// Operations one after the other; 2 when left out.
        #[serde(default = "two")]
        operations: usize,
        /// Number of the bin, counted from 0; 9 when left out.
        #[serde(default = "nine")]
        magnitude: usize,
        /// Number of bins; 31 when left out.
        #[serde(default = "thirty_one")]
        bins: usize,
        /// What fills empty places; black when left out.
        #[serde(default)]
        fill: [u8; 3],
    },
}

pub(super) fn whole_scale() -> [f64; 2] {
    [0.08, 1.0]
}

fn is_usual(order: &PassOrder) -> bool {
    *order == PassOrder::default()
}

pub(super) fn usual_ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

fn usual_radius() -> [f64; 2] {
    [0.1, 2.0]
}

fn half() -> f64 {
    128.0
}

fn two() -> usize {
    2
}

fn nine() -> usize {
    9
}

fn thirty_one() -> usize {
    31
}

impl From<FilterName> for Filter {
    fn from(name: FilterName) -> Self {
        match name {
            FilterName::Bicubic => Filter::Bicubic,
            FilterName::Bilinear => Filter::Bilinear,
        }
    }
}

impl Operation for ImageOp {
    const KIND: &'static str = "image operation";
    const PRESET_KIND: &'static str = "image preset";
    const NAMES: &'static [&'static str] = &[
        "random-resized-crop",
        "resize",
        "center-crop",
        "horizontal-flip",
        "vertical-flip",
        "grayscale",
        "invert",
        "autocontrast",
        "equalize",
        "color-jitter",
        "gaussian-blur",
        "solarize",
        "posterize",
        "sharpness",
        "rand-augment",
    ];
    const PRESETS: &'static [&'static str] = image_presets::NAMES;

    fn preset(name: &str) -> Option<Vec<Step<Self>>> {
        image_presets::steps(name)
    }

    fn check(&self) -> Result<(), AugmentError> {
        let sided = |op, size: &Option<usize>| require(op, "size", *size, size.is_none_or(is_side), SIDE);
        match self {
            Self::RandomResizedCrop { size, scale, ratio, .. } => {
                let op = "random-resized-crop";
                sided(op, size)?;
                let ordered = |[low, high]: [f64; 2]| low > 0.0 && low <= high && high.is_finite();
                require(
                    op,
                    "scale",
                    scale,
                    ordered(*scale) && scale[1] <= 1.0,
                    "[low, high] with 0 < low <= high <= 1",
                )?;
                require(op, "ratio", ratio, ordered(*ratio), "[low, high] with 0 < low <= high")
            }
            Self::Resize { size, .. } => sided("resize", size),
            Self::CenterCrop { size } => sided("center-crop", size),
            Self::ColorJitter { brightness, contrast, saturation, hue } => {
                let op = "color-jitter";
                for (field, value) in [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)] {
                    require(op, field, value, *value >= 0.0 && value.is_finite(), "0 or more")?;
                }
                require(op, "hue", hue, (0.0..=0.5).contains(hue), "0 to 0.5")
            }
            Self::GaussianBlur { radius } => {
                // Beyond this the fixed-point weights of the box filters have no bits left.
                let ordered = radius[0] >= 0.0 && radius[0] <= radius[1] && radius[1] <= 1000.0;
                require("gaussian-blur", "radius", radius, ordered, "[low, high] with 0 <= low <= high <= 1000")
            }
            Self::Solarize { threshold } => {
                require("solarize", "threshold", threshold, (0.0..=256.0).contains(threshold), "0 to 256")
            }
            Self::Posterize { bits } => require("posterize", "bits", bits, (1..=8).contains(bits), "1 to 8"),
            Self::Sharpness { factor } => {
                require("sharpness", "factor", factor, *factor >= 0.0 && factor.is_finite(), "0 or more")
            }
            Self::RandAugment { operations, magnitude, bins, .. } => {
                require("rand-augment", "operations", operations, *operations <= 100, "at most 100")?;
                require("rand-augment", "bins", bins, *bins >= 2, "at least 2")?;
                require("rand-augment", "magnitude", magnitude, magnitude < bins, "below `bins`")
            }
            Self::HorizontalFlip {}
            | Self::VerticalFlip {}
            | Self::Grayscale {}
            | Self::Invert {}
            | Self::Autocontrast {}
            | Self::Equalize {} => Ok(()),
        }
    }
}

/// Larger pictures than a reader accepts are typos, and would take gigabytes each.
fn is_side(size: usize) -> bool {
    (1..=8192).contains(&size)
}

const SIDE: &str = "1 to 8192 pixels";

pub(super) fn require(
    op: &str,
    field: &'static str,
    value: impl std::fmt::Debug,
    holds: bool,
    must: &'static str,
) -> Result<(), AugmentError> {
    if holds {
        Ok(())
    } else {
        Err(AugmentError::Value { op: op.to_owned(), field, value: format!("{value:?}"), must })
    }
}

impl ImagePipeline {
    /// The transforms; crops without a size of their own are `size` pixels wide and high.
    ///
    /// # Errors
    /// [`AugmentError::Value`] when `size` is 0 or above 8,192.
    pub fn build(&self, size: usize) -> Result<ImageSequence, AugmentError> {
        require("pipeline", "size", size, is_side(size), SIDE)?;
        Ok(self.steps().iter().fold(ImageSequence::new(), |sequence, step| step.append_to(sequence, size)))
    }
}

impl Step<ImageOp> {
    fn append_to(&self, sequence: ImageSequence, full: usize) -> ImageSequence {
        let pair = |[low, high]: [f64; 2]| (low, high);
        match self.op {
            ImageOp::RandomResizedCrop { size, scale, ratio, filter, order } => self.then(
                sequence,
                RandomResizedCrop {
                    size: size.unwrap_or(full),
                    scale: pair(scale),
                    ratio: pair(ratio),
                    filter: filter.into(),
                    order,
                },
            ),
            ImageOp::Resize { size, filter, order } => {
                self.then(sequence, Resize { shorter_side: size.unwrap_or(full), filter: filter.into(), order })
            }
            ImageOp::CenterCrop { size } => self.then(sequence, CenterCrop { size: size.unwrap_or(full) }),
            ImageOp::HorizontalFlip {} => self.then(sequence, HorizontalFlip),
            ImageOp::VerticalFlip {} => self.then(sequence, VerticalFlip),
            ImageOp::Grayscale {} => self.then(sequence, Grayscale),
            ImageOp::Invert {} => self.then(sequence, Invert),
            ImageOp::Autocontrast {} => self.then(sequence, AutoContrast),
            ImageOp::Equalize {} => self.then(sequence, Equalize),
            ImageOp::ColorJitter { brightness, contrast, saturation, hue } => {
                self.then(sequence, ColorJitter::new(brightness, contrast, saturation, hue))
            }
            ImageOp::GaussianBlur { radius } => self.then(sequence, GaussianBlur { radius: pair(radius) }),
            ImageOp::Solarize { threshold } => self.then(sequence, Solarize { threshold }),
            ImageOp::Posterize { bits } => self.then(sequence, Posterize { bits }),
            ImageOp::Sharpness { factor } => self.then(sequence, Sharpness { factor }),
            ImageOp::RandAugment { operations, magnitude, bins, fill } => {
                self.then(sequence, RandAugment { operations, magnitude, bins, fill })
            }
        }
    }

    /// A step that always happens tosses no coin.
    fn then(&self, sequence: ImageSequence, transform: impl ImageTransform + 'static) -> ImageSequence {
        if self.p < 1.0 { sequence.then(RandomApply::new(self.p, transform)) } else { sequence.then(transform) }
    }
}
