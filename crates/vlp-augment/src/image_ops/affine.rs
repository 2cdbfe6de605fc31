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
        let from = [start[0] + b * y as i64, start[1] + e * y as i64];
        let (first, last) = inside(from[0], a, width, width);
        let (low, high) = inside(from[1], d, height, width);
        let (first, last) = (first.max(low), last.min(high));
        let [mut x, mut y] = [from[0] + a * first as i64, from[1] + d * first as i64];
        for out in row.get_mut(first..last).unwrap_or_default() {
            *out = source[(y >> 16) as usize * width + (x >> 16) as usize];
            (x, y) = (x + a, y + d);
        }
    }
    result
}

/// Which of `count` positions `start + step * i`, in 16-bit fixed point, lie in `0..length`: from the first up to, without,
/// the last.
fn inside(start: i64, step: i64, length: usize, count: usize) -> (usize, usize) {
    let end = (length as i64) << 16;
    let (first, last) = match step.signum() {
        0 if (0..end).contains(&start) => (0, count as i64),
        0 => (0, 0),
        // The first i with start + step * i >= 0, and the first with >= end.
        1 => (up(-start, step), up(end - start, step)),
        // The same falling: the first below end, and the first below 0.
        _ => (up(start - end + 1, -step), up(start + 1, -step)),
    };
    let within = |i: i64| i.clamp(0, count as i64) as usize;
    (within(first), within(last))
}

/// `a / b` rounded up, for a positive `b`.
fn up(a: i64, b: i64) -> i64 {
    -((-a).div_euclid(b))
}
