//! The hue of every colour against Pillow's formula, written as Pillow has it: in branches, singly and doubly precise by turns.

use vlp_augment::Image;
use vlp_augment::image_ops::adjust_hue;

fn by_the_formula([r, g, b]: [u8; 3], turn: i32) -> [u8; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let (mut hue, mut saturation) = (0u8, 0u8);
    if high != low {
        let spread = f32::from(high - low);
        let distance = |v: u8| f32::from(high - v) / spread;
        let (rc, gc, bc) = (distance(r), distance(g), distance(b));
        let h = if r == high {
            bc - gc
        } else if g == high {
            (2.0 + f64::from(rc) - f64::from(bc)) as f32
        } else {
            (4.0 + f64::from(gc) - f64::from(rc)) as f32
        };
        let h = ((f64::from(h) / 6.0 + 1.0) % 1.0) as f32;
        hue = (f64::from(h) * 255.0) as u8;
        saturation = (f64::from(spread / f32::from(high)) * 255.0) as u8;
    }
    let hue = (i32::from(hue) + turn) as u8;
    if saturation == 0 {
        return [high; 3];
    }
    let h = f64::from(hue) * 6.0 / 255.0;
    let s = f64::from(f32::from(saturation) / 255.0);
    let f = f64::from((h - h.floor()) as f32);
    let byte = |share: f64| (f64::from(high) * share).round() as u8;
    let (p, q, t) = (byte(1.0 - s), byte(1.0 - s * f), byte(1.0 - s * (1.0 - f)));
    match h.floor() as u8 % 6 {
        0 => [high, t, p],
        1 => [q, high, p],
        2 => [p, high, t],
        3 => [p, q, high],
        4 => [t, p, high],
        _ => [high, p, q],
    }
}

#[test]
fn every_colour_turns_as_in_pillow() {
    for (factor, turn) in [(0.0, 0), (0.05, 12), (-0.37, -94)] {
        for red in 0..=255u8 {
            let colours: Vec<[u8; 3]> = (0..=255u8).flat_map(|g| (0..=255u8).map(move |b| [red, g, b])).collect();
            let image = Image::new(256, 256, colours.concat()).unwrap();
            let turned = adjust_hue(image, factor);
            for (rgb, result) in colours.iter().zip(turned.pixels().as_chunks::<3>().0) {
                assert_eq!(*result, by_the_formula(*rgb, turn), "{rgb:?} by {factor}");
            }
        }
    }
}
