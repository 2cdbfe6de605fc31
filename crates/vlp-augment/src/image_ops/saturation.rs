use super::blend;
use crate::Image;
use crate::image::luma;

/// Blends each pixel with its own grey: 0 gives greyscale, 1 the picture itself, more stronger colours.
pub fn adjust_saturation(mut image: Image, factor: f64) -> Image {
    let factor = factor as f32;
    for rgb in image.triples_mut() {
        let grey = luma(*rgb);
        *rgb = rgb.map(|v| blend(grey, v, factor));
    }
    image
}
