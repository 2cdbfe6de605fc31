//! Components to red, green and blue.

use super::Plane;
use super::header::{Frame, Header};
use super::upsample::Upsampler;
use super::vectorized::vectorized;

/// What the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Grey,
    Rgb,
    /// Luma and chroma, as JFIF has them.
    YCbCr,
    /// Inks, stored inverted, as Adobe does and Pillow expects.
    Cmyk,
    /// The same with the inks but black as luma and chroma.
    Ycck,
}

/// As libjpeg finds it out: JFIF's segment, then Adobe's, then the numbers of the components.
fn space(header: &Header, frame: &Frame) -> Space {
    let ids = frame.ids();
    match (ids.len(), header.adobe) {
        (1, _) => Space::Grey,
        (3, Some(0)) if !header.jfif => Space::Rgb,
        (3, None) if !header.jfif && ids == *b"RGB" => Space::Rgb,
        (3, _) => Space::YCbCr,
        (_, Some(0) | None) => Space::Cmyk,
        _ => Space::Ycck,
    }
}

/// Blue, green and red of a sample of luma and chroma, in 2^-16 with rounding.
#[inline(always)]
fn from_ycc(y: u8, blue: u8, red: u8) -> [u8; 3] {
    let (y, blue, red) = (i32::from(y), i32::from(blue) - 128, i32::from(red) - 128);
    let half = 1 << 15;
    [
        y + ((91_881 * red + half) >> 16),
        y + ((-22_554 * blue - 46_802 * red + half) >> 16),
        y + ((116_130 * blue + half) >> 16),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}

/// So many pixels of luma and chroma become colours at a time.
const LANES: usize = 32;

/// The same for rows of samples.
#[inline(always)]
fn row_from_ycc(out: &mut [[u8; 3]], y: &[u8], blue: &[u8], red: &[u8]) {
    let whole = out.len() / LANES * LANES;
    let lanes = y.as_chunks::<LANES>().0.iter().zip(blue.as_chunks::<LANES>().0).zip(red.as_chunks::<LANES>().0);
    for (out, ((y, blue), red)) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(lanes) {
        // Four bytes a pixel, which vectors make at once, and of which the next pixel covers the last.
        let mut pixels = [0u32; LANES];
        for (lane, pixel) in pixels.iter_mut().enumerate() {
            let [r, g, b] = from_ycc(y[lane], blue[lane], red[lane]);
            *pixel = u32::from(r) | u32::from(g) << 8 | u32::from(b) << 16;
        }
        let bytes = out.as_flattened_mut();
        for (lane, pixel) in pixels[..LANES - 1].iter().enumerate() {
            bytes[lane * 3..][..4].copy_from_slice(&pixel.to_le_bytes());
        }
        let [r, g, b, _] = pixels[LANES - 1].to_le_bytes();
        bytes[LANES * 3 - 3..].copy_from_slice(&[r, g, b]);
    }
    for (((out, &y), &blue), &red) in out[whole..].iter_mut().zip(&y[whole..]).zip(&blue[whole..]).zip(&red[whole..]) {
        *out = from_ycc(y, blue, red);
    }
}

/// What is left of a light through an ink, as Pillow computes it; both inverted.
#[inline(always)]
fn through(ink: u8, black: u8) -> u8 {
    let product = u32::from(255 - ink) * u32::from(black) + 128;
    black.saturating_sub(((product + (product >> 8)) >> 8) as u8)
}

/// The pixels of a picture.
pub(super) fn pixels(header: &Header, frame: &Frame, planes: &[Plane]) -> Result<Vec<u8>, String> {
    let space = space(header, frame);
    let ways = (0..planes.len()).map(|number| Upsampler::new(frame, number)).collect::<Result<Vec<_>, _>>()?;
    let [width, height] = frame.size;
    let pixels = vec![0; width * height * 3];
    // Called once, so that its body itself is inlined into the code for each set of instructions.
    let pixels = vectorized(
        #[inline(always)]
        move || {
            let (mut ways, mut pixels) = (ways, pixels);
            for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
                let out = out.as_chunks_mut::<3>().0;
                match (ways.as_mut_slice(), planes) {
                    ([a, b, c], [p, q, r]) => {
                        let (a, b, c) = (&a.row(p, y)[..width], &b.row(q, y)[..width], &c.row(r, y)[..width]);
                        if space == Space::Rgb {
                            for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                                *out = [a, b, c];
                            }
                        } else {
                            row_from_ycc(out, a, b, c);
                        }
                    }
                    ([a, b, c, d], [p, q, r, s]) => {
                        let (a, b, c, d) = (
                            &a.row(p, y)[..width],
                            &b.row(q, y)[..width],
                            &c.row(r, y)[..width],
                            &d.row(s, y)[..width],
                        );
                        for ((((out, &a), &b), &c), &black) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                            // Luma and chroma are those of the light that the inks leave.
                            let inks =
                                if space == Space::Ycck { from_ycc(a, b, c).map(|v| 255 - v) } else { [a, b, c] };
                            *out = inks.map(|ink| through(ink, black));
                        }
                    }
                    ([a, ..], [p, ..]) => {
                        let row = &a.row(p, y)[..width];
                        for (out, &v) in out.iter_mut().zip(row) {
                            *out = [v; 3];
                        }
                    }
                    _ => {}
                }
            }
            pixels
        },
    );
    Ok(pixels)
}
