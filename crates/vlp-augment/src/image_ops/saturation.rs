use super::blend;
use super::vectorized::vectorized;
use crate::Image;
use crate::image::luma;

/// Bytes that are worked on at a time: pixels of a block stay in the nearest cache.
const BLOCK: usize = 3 * 1024;

/// Blends each pixel with its own grey: 0 gives greyscale, 1 the picture itself, more stronger colours.
pub fn adjust_saturation(mut image: Image, factor: f64) -> Image {
    let factor = factor as f32;
    let mut greys = [0; BLOCK];
    vectorized(
        #[inline(always)]
        || {
            for block in image.pixels_mut().chunks_mut(BLOCK) {
                for (grey, rgb) in greys.as_chunks_mut::<3>().0.iter_mut().zip(block.as_chunks::<3>().0) {
                    *grey = [luma(*rgb); 3];
                }
                for (v, grey) in block.iter_mut().zip(&greys) {
                    *v = blend(*grey, *v, factor);
                }
            }
        },
    );
    image
}
