use crate::Image;

/// Turns every hue by `factor` of the colour circle, -0.5 to 0.5, in Pillow's 8-bit HSV.
///
/// The turn is `factor * 255` cut off to a whole number, and 8-bit HSV is coarse: even a factor of 0 changes bytes.
pub fn adjust_hue(mut image: Image, factor: f64) -> Image {
    let turn = (factor * 255.0) as i32 as u8;
    let turned: [(u8, f64); 256] = std::array::from_fn(|h| sixth((h as u8).wrapping_add(turn)));
    for rgb in image.triples_mut() {
        let [h, s, v] = hsv_from_rgb(*rgb);
        *rgb = rgb_from_hsv(turned[usize::from(h)], s, v);
    }
    image
}

/// Hue, saturation and value in 255ths, cut off.
fn hsv_from_rgb([r, g, b]: [u8; 3]) -> [u8; 3] {
    let high = r.max(g).max(b);
    let low = r.min(g).min(b);
    if high == low {
        return [0, 0, high];
    }
    let spread = f32::from(high - low);
    let saturation = spread / f32::from(high);
    let distance = |v: u8| f32::from(high - v) / spread;
    // Pillow computes the offset in double and stores it in single precision.
    let offset = |whole: f64, plus: f32, minus: f32| (whole + f64::from(plus) - f64::from(minus)) as f32;
    let sixths = if r == high {
        distance(b) - distance(g)
    } else if g == high {
        offset(2.0, distance(r), distance(b))
    } else {
        offset(4.0, distance(g), distance(r))
    };
    // Between 5/6 and 11/6, so that a hue left of red wraps to the end of the circle.
    let turned = f64::from(sixths) / 6.0 + 1.0;
    let hue = if turned >= 1.0 { turned - 1.0 } else { turned } as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, high]
}

/// Where a hue lies on the circle: which sixth, and how far into it.
fn sixth(hue: u8) -> (u8, f64) {
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let whole = sixths.floor();
    (whole as u8 % 6, f64::from((sixths - whole) as f32))
}

/// The inverse, rounded to the nearest byte.
fn rgb_from_hsv((sixth, within): (u8, f64), s: u8, v: u8) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let saturation = f64::from(f32::from(s) / 255.0);
    let value = f64::from(v);
    // The argument is never negative, so adding a half and cutting off rounds to the nearest.
    let byte = |share: f64| (value * share + 0.5) as u8;
    let p = byte(1.0 - saturation);
    let q = byte(1.0 - saturation * within);
    let t = byte(1.0 - saturation * (1.0 - within));
    match sixth {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}
