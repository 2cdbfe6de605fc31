use crate::Image;

/// Where a pixel of the result comes from: `x' = a x + b y + c`, `y' = d x + e y + f`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// The numbers `a` to `f`.
    pub coefficients: [f64; 6],
}

impl Affine {
    /// Leans the columns by `x` and the rows by `y` pixels a pixel around the top left corner (torchvision's `ShearX` and
    /// `ShearY`).
    pub fn shear(x: f64, y: f64) -> Self {
        Self { coefficients: [1.0, x, 0.0, y, 1.0, 0.0] }
    }

    /// Moves the picture right and down by whole pixels.
    pub fn translate(right: i64, down: i64) -> Self {
        Self { coefficients: [1.0, 0.0, -right as f64, 0.0, 1.0, -down as f64] }
    }

    /// Turns a picture of this size counter-clockwise around its middle.
    pub fn rotate(degrees: f64, width: usize, height: usize) -> Self {
        let angle = -degrees.rem_euclid(360.0).to_radians();
        let (sin, cos) = (angle.sin(), angle.cos());
        let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
        let c = -cos * x - sin * y + x;
        let f = sin * x - cos * y + y;
        Self { coefficients: [cos, sin, c, -sin, cos, f] }
    }
}

/// Takes every pixel from the nearest one that `map` names; `fill` where that lies outside.
///
/// Positions run in 16-bit fixed point like Pillow's, so the same pixels are taken. Sides of 32,768 pixels and more are
/// out of its range and come out wrong there, not elsewhere.
pub fn affine(image: &Image, map: Affine, fill: [u8; 3]) -> Image {
    let (width, height) = (image.width(), image.height());
    let [a, b, c, d, e, f] = map.coefficients;
    let fixed = |v: f64| (v * 65536.0 + 0.5).floor() as i64;
    // The middle of a pixel lies half a pixel from its corner.
    let start = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
    let [a, b, d, e] = [a, b, d, e].map(fixed);
    let mut result = Image::filled(width, height, fill);
    let (source, _) = image.pixels().as_chunks::<3>();
    let (target, _) = result.pixels_mut().as_chunks_mut::<3>();
    for (y, row) in target.chunks_exact_mut(width).enumerate() {
        let mut from = [start[0] + b * y as i64, start[1] + e * y as i64];
        for out in row {
            let [x, y] = from.map(|v| v >> 16);
            if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
                *out = source[y as usize * width + x as usize];
            }
            from = [from[0] + a, from[1] + d];
        }
    }
    result
}
