use super::blend;
use crate::Image;
use crate::image::luma;

/// Blends with the picture's mean grey: 0 gives that grey, 1 the picture itself, more a harder one.
pub fn adjust_contrast(mut image: Image, factor: f64) -> Image {
    let sum: u64 = image.triples().map(|rgb| u64::from(luma(rgb))).sum();
    let count = (image.width() * image.height()) as f64;
    let mean = (sum as f64 / count + 0.5) as u8;
    let table: [u8; 256] = std::array::from_fn(|v| blend(mean, v as u8, factor as f32));
    for value in image.pixels_mut() {
        *value = table[usize::from(*value)];
    }
    image
}
