use super::vectorized::vectorized;
use crate::{Image, ImageTransform, Photometric, SampleRng};

/// Gaussian blur with a random radius (Pillow's `GaussianBlur`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianBlur {
    /// Smallest and largest standard deviation in pixels, uniform.
    pub radius: (f64, f64),
}

impl ImageTransform for GaussianBlur {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        gaussian_blur(image, rng.range(self.radius.0, self.radius.1))
    }

    /// Wide blurs are not left for later: their cost grows with the radius where there is no running sum.
    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        let radius = rng.range(self.radius.0, self.radius.1);
        if radius <= MOST_DEFERRED_RADIUS {
            later.push(Photometric::GaussianBlur(radius));
            return image;
        }
        gaussian_blur(Photometric::apply_all(later.drain(..), image), radius)
    }
}

/// Largest radius in pixels that is left to a device: sums of its box filters stay whole numbers in single precision.
const MOST_DEFERRED_RADIUS: f64 = 7.0;

/// Box filters applied one after the other come close to a Gaussian; Pillow takes three.
pub const BLUR_PASSES: usize = 3;

/// Blurs with standard deviation `radius` (pixels) by three extended box filters in each direction.
///
/// Extended box filters (Gwosdek and others, 2011, "Theoretical foundations of Gaussian convolution by extended box
/// filtering") have a fractional width: whole weights inside, a smaller one for the two outermost pixels. Outside the
/// picture its edge goes on.
pub fn gaussian_blur(image: Image, radius: f64) -> Image {
    let kernel = BoxKernel::for_deviation(radius);
    if kernel.is_identity() {
        return image;
    }
    let (width, height) = (image.width(), image.height());
    // Filtering runs down the columns of a whole row at a time, which the compiler vectorises; the other direction is
    // done on the transposed picture. Pillow filters along the rows first.
    let mut across = transpose(image.pixels(), width, height);
    kernel.filter_columns(&mut across, height, width);
    let mut down = transpose(&across, height, width);
    kernel.filter_columns(&mut down, width, height);
    let mut blurred = image;
    blurred.pixels_mut().copy_from_slice(&down);
    blurred
}

/// Weights of one extended box filter in 24-bit fixed point: [`BLUR_PASSES`] of them one after the other along the rows and
/// as many along the columns, each rounded to bytes, are a [`gaussian_blur`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxKernel {
    /// Pixels of whole weight on each side of the middle one.
    pub reach: usize,
    /// Weight of the inner pixels.
    pub inner: u32,
    /// Weight of the two outermost pixels.
    pub outer: u32,
}

impl BoxKernel {
    /// The filter of a blur with this standard deviation in pixels.
    pub fn for_deviation(deviation: f64) -> Self {
        // Squared in single precision, as in Pillow: its last bit decides about bytes.
        let deviation = deviation as f32;
        let variance = deviation * deviation / BLUR_PASSES as f32;
        let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
        let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
        let mut fraction = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
        fraction /= 6.0 * (variance - (whole + 1.0) * (whole + 1.0));
        let radius = whole + fraction;

        let reach = radius.max(0.0) as usize;
        let one = 1u32 << 24;
        let inner = (one as f32 / (radius * 2.0 + 1.0)) as u32;
        let outer = one.saturating_sub((2 * reach as u32 + 1) * inner) / 2;
        Self { reach, inner, outer }
    }

    fn is_identity(&self) -> bool {
        self.reach == 0 && self.outer == 0
    }

    /// Filters down the columns, [`BLUR_PASSES`] times, `pixels` being `[rows, columns, 3]`.
    fn filter_columns(&self, pixels: &mut Vec<u8>, columns: usize, rows: usize) {
        let stride = columns * 3;
        let mut filtered = vec![0; pixels.len()];
        let mut sums = vec![0u32; stride];
        for _ in 0..BLUR_PASSES {
            vectorized(
                #[inline(always)]
                || self.pass(pixels, &mut filtered, &mut sums, rows),
            );
            std::mem::swap(pixels, &mut filtered);
        }
    }

    #[inline(always)]
    fn pass(&self, source: &[u8], target: &mut [u8], sums: &mut [u32], rows: usize) {
        let stride = sums.len();
        // The edge goes on outside the picture.
        let row = |y: isize| {
            let y = y.clamp(0, rows as isize - 1) as usize;
            &source[y * stride..(y + 1) * stride]
        };
        let reach = self.reach as isize;
        sums.fill(0);
        for y in -reach..=reach {
            for (sum, &v) in sums.iter_mut().zip(row(y)) {
                *sum += u32::from(v);
            }
        }
        for (y, out) in target.chunks_exact_mut(stride).enumerate() {
            let y = y as isize;
            let [above, below, leaving] = [y - reach - 1, y + reach + 1, y - reach].map(|y| &row(y)[..stride]);
            let (out, sums) = (&mut out[..stride], &mut sums[..stride]);
            for i in 0..stride {
                let edges = u32::from(above[i]) + u32::from(below[i]);
                let total = sums[i] * self.inner + edges * self.outer;
                out[i] = ((total + (1 << 23)) >> 24) as u8;
                sums[i] = sums[i] + u32::from(below[i]) - u32::from(leaving[i]);
            }
        }
    }
}

/// `[rows, columns, 3]` to `[columns, rows, 3]`.
fn transpose(pixels: &[u8], columns: usize, rows: usize) -> Vec<u8> {
    let mut turned = vec![0; pixels.len()];
    let (source, _) = pixels.as_chunks::<3>();
    let (target, _) = turned.as_chunks_mut::<3>();
    for (x, column) in target.chunks_exact_mut(rows).enumerate() {
        for (y, pixel) in column.iter_mut().enumerate() {
            *pixel = source[y * columns + x];
        }
    }
    turned
}
