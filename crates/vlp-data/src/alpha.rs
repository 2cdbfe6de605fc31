use image::{DynamicImage, RgbImage, RgbaImage};
use serde::{Deserialize, Serialize};

/// What becomes of the transparent parts of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alpha {
    /// They are laid on white, as a page shows them.
    #[default]
    OnWhite,
    /// The colours below are shown as they are stored, whatever they are: Pillow's `convert("RGB")`, which open_clip's and Hugging Face's
    /// preprocessing runs. Much of a cut-out picture is then black, or whatever its program left there.
    Drop,
}

impl Alpha {
    /// The pixels of a decoded picture.
    pub(crate) fn pixels(self, picture: DynamicImage) -> Vec<u8> {
        let picture = eight_bits(picture);
        match self {
            Self::OnWhite if picture.color().has_alpha() => on_white(&picture.into_rgba8()),
            Self::OnWhite => picture.into_rgb8().into_raw(),
            Self::Drop => match picture {
                DynamicImage::ImageRgba8(picture) => {
                    picture.as_raw().as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
                }
                DynamicImage::ImageLumaA8(picture) => {
                    picture.as_raw().as_chunks::<2>().0.iter().flat_map(|&[v, _]| [v; 3]).collect()
                }
                other => other.into_rgb8().into_raw(),
            },
        }
    }
}

/// Of 16 bits a sample the upper eight, as Pillow takes them for colours. Grey of 16 bits is scaled too, where Pillow's
/// `convert("RGB")` clips it and shows most of it white.
fn eight_bits(picture: DynamicImage) -> DynamicImage {
    let high = |v: &u16| (v >> 8) as u8;
    let (width, height) = (picture.width(), picture.height());
    match &picture {
        DynamicImage::ImageRgb16(wide) => {
            RgbImage::from_raw(width, height, wide.as_raw().iter().map(high).collect()).map(DynamicImage::ImageRgb8)
        }
        DynamicImage::ImageRgba16(wide) => {
            RgbaImage::from_raw(width, height, wide.as_raw().iter().map(high).collect()).map(DynamicImage::ImageRgba8)
        }
        _ => None,
    }
    .unwrap_or(picture)
}

/// Lays a picture with transparency on a white ground.
fn on_white(image: &RgbaImage) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for [r, g, b, alpha] in image.as_raw().as_chunks::<4>().0 {
        let alpha = u32::from(*alpha);
        pixels.extend([r, g, b].map(|v| ((u32::from(*v) * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    pixels
}
