use crate::Image;

/// Turns every hue by `factor` of the colour circle, -0.5 to 0.5, in Pillow's 8-bit HSV.
///
/// The turn is `factor * 255` cut off to a whole number, and 8-bit HSV is coarse: even a factor of 0 changes bytes.
pub fn adjust_hue(mut image: Image, factor: f64) -> Image {
    let turn = (factor * 255.0) as i32 as u8;
    for rgb in image.triples_mut() {
        let [h, s, v] = hsv_from_rgb(*rgb);
        *rgb = rgb_from_hsv([h.wrapping_add(turn), s, v]);
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
    let sixths = if r == high {
        distance(b) - distance(g)
    } else if g == high {
        2.0 + distance(r) - distance(b)
    } else {
        4.0 + distance(g) - distance(r)
    };
    // Between 5/6 and 11/6, so that a hue left of red wraps to the end of the circle.
    let turned = f64::from(sixths) / 6.0 + 1.0;
    let hue = if turned >= 1.0 { turned - 1.0 } else { turned } as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, high]
}

/// The inverse, rounded to the nearest byte.
fn rgb_from_hsv([h, s, v]: [u8; 3]) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sixths = f32::from(h) * 6.0 / 255.0;
    let sector = sixths.floor();
    let within = sixths - sector;
    let saturation = f32::from(s) / 255.0;
    let value = f32::from(v);
    let p = (value * (1.0 - saturation)).round() as u8;
    let q = (value * (1.0 - saturation * within)).round() as u8;
    let t = (value * (1.0 - saturation * (1.0 - within))).round() as u8;
    match sector as u8 % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}
