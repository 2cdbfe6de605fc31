use super::vectorized::{byte_f64, vectorized};
use crate::Image;

/// Pixels that are worked on at a time.
const BLOCK: usize = 256;

/// Turns every hue by `factor` of the colour circle, -0.5 to 0.5, in Pillow's 8-bit HSV.
///
/// The turn is `factor * 255` cut off to a whole number, and 8-bit HSV is coarse: even a factor of 0 changes bytes.
pub fn adjust_hue(mut image: Image, factor: f64) -> Image {
    let turn = (factor * 255.0) as i32;
    // Which sixth of the circle a turned hue lies in, and how far into it.
    let sixths: [(u8, f32); 256] = std::array::from_fn(|hue| {
        let sixths = f64::from((hue as i32 + turn) as u8) * 6.0 / 255.0;
        let whole = sixths.floor();
        (whole as u8 % 6, (sixths - whole) as f32)
    });
    for block in image.pixels_mut().chunks_mut(BLOCK * 3) {
        turn_block(block, &sixths);
    }
    image
}

/// Hue, saturation and value of a colour as Pillow's 8-bit mode "HSV" has them.
pub fn hsv_from_rgb([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (hue, saturation) = hue_and_saturation(red, green, blue);
    [hue, saturation, red.max(green).max(blue)]
}

/// Colours of a block, channel by channel, so that every step below runs over vectors.
struct Planes {
    red: [u8; BLOCK],
    green: [u8; BLOCK],
    blue: [u8; BLOCK],
}

fn turn_block(block: &mut [u8], sixths: &[(u8, f32); 256]) {
    let (pixels, _) = block.as_chunks_mut::<3>();
    let mut planes = Planes { red: [0; BLOCK], green: [0; BLOCK], blue: [0; BLOCK] };
    for (i, &[red, green, blue]) in pixels.iter().enumerate() {
        (planes.red[i], planes.green[i], planes.blue[i]) = (red, green, blue);
    }
    let (mut hue, mut saturation) = ([0; BLOCK], [0; BLOCK]);
    vectorized(
        #[inline(always)]
        || {
            for i in 0..BLOCK {
                (hue[i], saturation[i]) = hue_and_saturation(planes.red[i], planes.green[i], planes.blue[i]);
            }
        },
    );
    let (mut sixth, mut within) = ([0; BLOCK], [0.0; BLOCK]);
    for i in 0..BLOCK {
        (sixth[i], within[i]) = sixths[usize::from(hue[i])];
    }
    vectorized(
        #[inline(always)]
        || {
            for i in 0..BLOCK {
                let value = planes.red[i].max(planes.green[i]).max(planes.blue[i]);
                [planes.red[i], planes.green[i], planes.blue[i]] =
                    rgb_from_hsv(sixth[i], within[i], saturation[i], value);
            }
        },
    );
    for (i, pixel) in pixels.iter_mut().enumerate() {
        *pixel = [planes.red[i], planes.green[i], planes.blue[i]];
    }
}

/// Hue and saturation in 255ths, cut off. Without branches, so that it can be vectorised.
#[inline(always)]
fn hue_and_saturation(red: u8, green: u8, blue: u8) -> (u8, u8) {
    let high = red.max(green).max(blue);
    let low = red.min(green).min(blue);
    let spread = f32::from(high - low);
    // For grey, hue and saturation are made 0 in the end; until then any divisor will do.
    let divisor = if high == low { 1.0 } else { spread };
    let distance = |v: u8| f32::from(high - v) / divisor;
    let (r, g, b) = (distance(red), distance(green), distance(blue));
    // Pillow adds `2 + r - b` and `4 + g - r` in double precision and then rounds. Of the two distances one is exactly 1,
    // that of the lowest channel: folded into the whole number, what is left rounds once here as well.
    let of_red = b - g;
    let of_green = if b == 1.0 { 1.0 + r } else { 3.0 - b };
    let of_blue = if r == 1.0 { 3.0 + g } else { 5.0 - r };
    let sixths = if red == high {
        of_red
    } else if green == high {
        of_green
    } else {
        of_blue
    };
    // Between 5/6 and 11/6, so that a hue left of red wraps to the end of the circle.
    let turned = f64::from(sixths) / 6.0 + 1.0;
    let hue = (if turned >= 1.0 { turned - 1.0 } else { turned }) as f32;
    let saturation = spread / f32::from(high.max(1));
    let byte = |v: f32| byte_f64(f64::from(v) * 255.0);
    if high == low { (0, 0) } else { (byte(hue), byte(saturation)) }
}

/// The inverse, rounded to the nearest byte.
#[inline(always)]
fn rgb_from_hsv(sixth: u8, within: f32, s: u8, v: u8) -> [u8; 3] {
    let saturation = f64::from(f32::from(s) / 255.0);
    let within = f64::from(within);
    let value = f64::from(v);
    // The argument is never negative, so adding a half and cutting off rounds to the nearest.
    let byte = |share: f64| byte_f64(value * share + 0.5);
    let p = byte(1.0 - saturation);
    let q = byte(1.0 - saturation * within);
    let t = byte(1.0 - saturation * (1.0 - within));
    let pick = |choices: [u8; 6]| {
        let [a, b, c, d, e, f] = choices;
        let low = if sixth == 0 {
            a
        } else if sixth == 1 {
            b
        } else {
            c
        };
        let high = if sixth == 3 {
            d
        } else if sixth == 4 {
            e
        } else {
            f
        };
        if sixth < 3 { low } else { high }
    };
    [pick([v, q, p, p, t, v]), pick([t, v, v, q, p, p]), pick([p, p, t, v, v, q])]
}
