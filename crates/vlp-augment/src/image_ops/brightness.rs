use super::blend;
use crate::Image;

/// Blends with black: 0 gives black, 1 the picture itself, more a brighter one.
pub fn adjust_brightness(mut image: Image, factor: f64) -> Image {
    let table: [u8; 256] = std::array::from_fn(|v| blend(0, v as u8, factor as f32));
    for value in image.pixels_mut() {
        *value = table[usize::from(*value)];
    }
    image
}
