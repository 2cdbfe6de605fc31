//! How a picture becomes what an image tower reads, kept beside the weights.

mod fit;
mod hugging_face;
mod open_clip;

use serde::{Deserialize, Serialize};
use vlp_augment::{Filter, Image, ImageTransform, Normalization, PassOrder, ResizeMode, ResizeTo, SampleRng};

pub use fit::FitPicture;

use crate::config::{ImageSize, ImageTower, VitPool};
use crate::{ModelConfig, WeightError};

/// Resampling by open_clip's and Pillow's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Cubic, antialiased.
    #[default]
    Bicubic,
    /// Triangle, antialiased.
    Bilinear,
    /// Windowed sinc, antialiased (Hugging Face only).
    Lanczos,
    /// The nearest pixel (Hugging Face only).
    Nearest,
    /// open_clip's choice of bicubic or bilinear at random in training; bicubic here, as in its evaluation.
    Random,
}

/// What happens to a picture that is no square, by open_clip's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeModeName {
    /// The shorter side fits, the centre is cut out.
    #[default]
    Shortest,
    /// Both sides are stretched to fit.
    Squash,
    /// The longer side fits, `fill_color` fills the rest.
    Longest,
}

/// open_clip's `preprocess_cfg`, and what transformers and timm have beyond it; what is missing has open_clip's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreprocessConfig {
    /// Side of the pictures in pixels, or height and width.
    pub size: ImageSize,
    /// Colour mode.
    pub mode: ColourMode,
    /// Mean of red, green and blue in `[0, 1]` units.
    pub mean: [f64; 3],
    /// Standard deviation of red, green and blue in `[0, 1]` units.
    pub std: [f64; 3],
    /// Resampling.
    pub interpolation: Interpolation,
    /// What happens to a picture that is no square.
    pub resize_mode: ResizeModeName,
    /// Red, green and blue in the margins of `longest`.
    pub fill_color: [u8; 3],
    /// What a picture is resized to before `size` is cut out of its middle, where that is another size: the shorter side with
    /// `shortest`, both sides with `squash`. open_clip has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<ImageSize>,
    /// Whether an odd margin of the middle leaves its extra pixel at the right and bottom, as in transformers; in open_clip
    /// half a pixel is rounded to even.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crop_down: bool,
}

/// The only colour mode there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColourMode {
    /// Red, green, blue.
    #[default]
    #[serde(rename = "RGB")]
    Rgb,
}

/// Published families with their own preprocessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreprocessFamily {
    /// OpenAI's CLIP and most others: its statistics, bicubic, shorter side.
    Clip,
    /// SigLIP: 0.5 and 0.5, bicubic, stretched.
    Siglip,
    /// CLIPA: ImageNet's statistics, bilinear, stretched.
    Clipa,
    /// MobileCLIP: 0 and 1, bilinear, shorter side.
    MobileClip,
    /// Perception Encoder: 0.5 and 0.5, bilinear, stretched.
    Pe,
}

impl Default for PreprocessConfig {
    fn default() -> Self {
        PreprocessConfig::of(PreprocessFamily::Clip, 224)
    }
}

impl PreprocessConfig {
    /// The preprocessing that a family was trained with, for square pictures of this side.
    pub fn of(family: PreprocessFamily, side: usize) -> Self {
        use Interpolation::{Bicubic, Bilinear};
        use ResizeModeName::{Shortest, Squash};
        type Statistics = [[f64; 3]; 2];
        // As they stand in configuration files: not the nearest 32-bit floats.
        const CLIP: Statistics =
            [[0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]];
        const IMAGENET: Statistics = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
        const HALF: Statistics = [[0.5; 3]; 2];
        const PLAIN: Statistics = [[0.0; 3], [1.0; 3]];
        let ([mean, std], interpolation, resize_mode) = match family {
            PreprocessFamily::Clip => (CLIP, Bicubic, Shortest),
            PreprocessFamily::Siglip => (HALF, Bicubic, Squash),
            PreprocessFamily::Clipa => (IMAGENET, Bilinear, Squash),
            PreprocessFamily::MobileClip => (PLAIN, Bilinear, Shortest),
            PreprocessFamily::Pe => (HALF, Bilinear, Squash),
        };
        PreprocessConfig {
            size: ImageSize::Square(side),
            mode: ColourMode::Rgb,
            mean,
            std,
            interpolation,
            resize_mode,
            fill_color: [0; 3],
            resize: None,
            crop_down: false,
        }
    }

    /// The preprocessing of the family that a configuration belongs to: SigLIP with attention pooling, CLIPA with a mean
    /// over patches, else CLIP.
    ///
    /// # Errors
    /// When there is no native model for this configuration.
    pub fn for_model(config: &ModelConfig) -> Result<Self, WeightError> {
        let (family, side) = match config.towers()?.image {
            ImageTower::Vit(vit) => match vit.pool {
                VitPool::Map => (PreprocessFamily::Siglip, vit.image_size),
                VitPool::Mean { .. } => (PreprocessFamily::Clipa, vit.image_size),
                VitPool::Class => (PreprocessFamily::Clip, vit.image_size),
            },
            ImageTower::ResNet(net) => (PreprocessFamily::Clip, net.image_size),
        };
        Ok(PreprocessConfig::of(family, side))
    }

    pub(crate) fn checked(self) -> Result<Self, WeightError> {
        let refuse = |reason: String| Err(WeightError::config("this preprocessing", reason));
        let mut size = self.size.height_width().to_vec();
        size.extend(self.resize.iter().flat_map(|size| size.height_width()));
        if !size.iter().all(|side| (1..=1 << 14).contains(side)) {
            return refuse(format!("size {size:?} must lie between 1 and {}", 1 << 14));
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) || !self.mean.iter().all(|mean| mean.is_finite()) {
            return refuse(format!("mean {:?} and std {:?} must be finite, std above 0", self.mean, self.std));
        }
        Ok(self)
    }

    /// Channel statistics.
    pub fn normalization(&self) -> Normalization {
        Normalization { mean: self.mean.map(|mean| mean as f32), std: self.std.map(|std| std as f32) }
    }

    /// The resizing alone: what goes before a batch is made and normalised elsewhere.
    pub fn resize(&self) -> FitPicture {
        let [height, width] = self.size.height_width();
        let mode = match self.resize_mode {
            ResizeModeName::Shortest => ResizeMode::Shortest,
            ResizeModeName::Squash => ResizeMode::Squash,
            ResizeModeName::Longest => ResizeMode::Longest { fill: self.fill_color },
        };
        let filter = match self.interpolation {
            // open_clip 3.3.0 covers a target that is no square with its default filter, whatever is configured.
            _ if mode == ResizeMode::Shortest && height != width => Filter::Bicubic,
            Interpolation::Bicubic | Interpolation::Random => Filter::Bicubic,
            Interpolation::Bilinear => Filter::Bilinear,
            Interpolation::Lanczos => Filter::Lanczos,
            Interpolation::Nearest => Filter::Nearest,
        };
        let to = |[height, width]: [usize; 2]| ResizeTo { width, height, mode, filter, order: PassOrder::default() };
        match self.resize.map(ImageSize::height_width) {
            None if self.crop_down && mode == ResizeMode::Shortest && height == width => {
                FitPicture::Cut { from: to([height, width]), side: height, down: true }
            }
            None => FitPicture::To(to([height, width])),
            Some(from) => FitPicture::Cut { from: to(from), side: height, down: self.crop_down },
        }
    }

    /// A picture as the image tower reads it: resized, in units of the statistics.
    ///
    /// # Shapes
    /// - returns `[3, height, width]`, row-major
    pub fn apply(&self, image: Image) -> Vec<f32> {
        // Nothing is drawn for evaluation.
        let image = self.resize().apply(image, &mut SampleRng::new(0, 0, 0, 0));
        let (scale, shift) = self.normalization().affine();
        let channel = |c: usize| {
            let values = image.pixels().iter().skip(c).step_by(3);
            values.map(move |&value| scale[c].mul_add(f32::from(value), shift[c])).collect::<Vec<f32>>()
        };
        [0, 1, 2].map(channel).concat()
    }
}
