use std::sync::OnceLock;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use vlp_augment::Photometric;
use vlp_augment::image_ops::hsv_from_rgb;

use super::{channels, for_each_picture};

/// Turns the hue of each picture by its own part of the circle, in Pillow's 8-bit HSV.
///
/// # Shapes
/// - images, result: `[batch, 3, height, width]`
pub(super) fn turn(images: Tensor<4>, changes: &[Photometric]) -> Tensor<4> {
    let device = images.device();
    let turns = changes.iter().map(|change| match *change {
        // Cut off to a whole number of 255ths, as on the host.
        Photometric::Hue(factor) => (factor * 255.0) as i32 as f32,
        _ => 0.0,
    });
    let turns = for_each_picture(turns.collect(), &device);
    let [red, green, blue] = channels(&images);
    let value = red.clone().max_pair(green.clone()).max_pair(blue.clone());
    let low = red.clone().min_pair(green.clone()).min_pair(blue.clone());
    let spread = value.clone() - low.clone();
    // How far the middle channel is below the highest.
    let below = value.clone() * 2.0 + low - (red.clone() + green.clone() + blue.clone());
    let tables = Tables::get();
    let place = (sextant(&red, &green, &blue, &value) * 256.0 + spread.clone()) * 256.0 + below;
    let hue = look_up(&tables.hues, place, &device) + turns;
    let saturation = look_up(&tables.saturations, spread * 256.0 + value.clone(), &device);
    rgb_from_hsv(hue, saturation, value)
}

/// Which channel is the highest and which the lowest: 0 to 5.
fn sextant(red: &Tensor<4>, green: &Tensor<4>, blue: &Tensor<4>, value: &Tensor<4>) -> Tensor<4> {
    let less = |a: &Tensor<4>, b: &Tensor<4>| a.clone().lower(b.clone()).float();
    let of_blue = less(red, green).add_scalar(4.0);
    let of_green = less(red, blue).add_scalar(2.0);
    let of_red = less(green, blue);
    let not_red = of_blue.mask_where(green.clone().equal(value.clone()), of_green);
    not_red.mask_where(red.clone().equal(value.clone()), of_red)
}

/// The colours of hues and saturations in 255ths, rounded to the nearest; hues wrap round at 256.
///
/// A channel is `v - v s c / (255 * 85)`, where `c` from 0 to 85 says how far the hue is from the channel. Numerators and divisor are
/// whole and below 2^24, and no quotient lies half-way, so that single precision rounds as double precision does.
fn rgb_from_hsv(hue: Tensor<4>, saturation: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
    // A sixth of the circle is 85 halves of a 255th.
    let halves = (hue.clone() - hue.mul_scalar(1.0 / 256.0).floor() * 256.0) * 2.0;
    let rises_at = |start: f32| halves.clone().add_scalar(-start);
    let falls_to = |end: f32| halves.clone().neg().add_scalar(end);
    let red = rises_at(85.0).min_pair(falls_to(425.0));
    let green = falls_to(85.0).max_pair(rises_at(255.0));
    let blue = falls_to(255.0).max_pair(rises_at(425.0));
    let distance = Tensor::cat(vec![red, green, blue], 1).clamp(0.0, 85.0);
    let twice = distance * (value.clone() * saturation * 2.0);
    value - twice.add_scalar(21_675.0).div_scalar(43_350.0).floor()
}

/// What is divided and cut off on the host, where single and double precision take turns: no formula on a device can be relied on
/// to give the same bytes.
struct Tables {
    /// By sextant, spread between the highest and the lowest channel, and distance of the middle from the highest.
    hues: Vec<u8>,
    /// By spread and highest channel.
    saturations: Vec<u8>,
}

impl Tables {
    fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut hues = vec![0; 6 * 256 * 256];
        let mut saturations = vec![0; 256 * 256];
        for spread in 0..=255u8 {
            for below in 0..=spread {
                // A hue depends on differences only.
                let (high, middle, low) = (255, 255 - below, 255 - spread);
                let colours = [
                    [high, middle, low],
                    [high, low, middle],
                    [middle, high, low],
                    [low, high, middle],
                    [middle, low, high],
                    [low, middle, high],
                ];
                for (sextant, colour) in colours.into_iter().enumerate() {
                    hues[(sextant * 256 + usize::from(spread)) * 256 + usize::from(below)] = hsv_from_rgb(colour)[0];
                }
            }
            for high in spread..=255 {
                let low = high - spread;
                saturations[usize::from(spread) * 256 + usize::from(high)] = hsv_from_rgb([high, low, low])[1];
            }
        }
        Self { hues, saturations }
    }
}

fn look_up(table: &[u8], places: Tensor<4>, device: &Device) -> Tensor<4> {
    let shape = places.dims();
    let data = TensorData::new(table.to_vec(), [table.len()]);
    let table = Tensor::<1, Int>::from_data(data, (device, DType::U8)).cast(burn::tensor::FloatDType::F32);
    let places = places.reshape([shape.iter().product::<usize>()]).int();
    table.gather(0, places).reshape(shape)
}
