//! Changes of colour and sharpness as operations on a whole batch, wherever its tensor lies.
//!
//! Every picture has its own list of changes with its own parameters. They are done in rounds: a round takes one kind of change and
//! does it to all pictures that have it next. Values stay whole numbers from 0 to 255 in single precision, and each change rounds as
//! the function of `vlp-augment` does, so that the pictures come out as on the host.

mod blend;
mod blur;
mod hue;
mod rounds;
mod solarize;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use vlp_augment::Photometric;

use rounds::{Kind, Round};

/// Does to each picture what its list says, in the order of the list.
///
/// Equal to [`Photometric::apply_all`] to the byte as long as additions and multiplications are rounded one by one, as on the CPU
/// backend; a backend that fuses them may be off by one where a blend comes within rounding of a whole number. In pictures of more
/// than 65,793 pixels the mean grey of a contrast may be off by one.
///
/// # Shapes
/// - images: `[batch, 3, height, width]`, whole numbers from 0 to 255
/// - result: the same
///
/// # Panics
/// When there are not as many lists as pictures.
pub fn apply_photometric(images: Tensor<4>, changes: &[Vec<Photometric>]) -> Tensor<4> {
    let batch = images.dims()[0];
    assert!(changes.len() == batch, "{} lists of changes for {batch} pictures: one for each is needed", changes.len());
    rounds::rounds(changes).into_iter().fold(images, |images, round| apply_round(images, &round))
}

fn apply_round(images: Tensor<4>, round: &Round) -> Tensor<4> {
    let chosen = round.chosen();
    match round.kind {
        Kind::Blend => blend::blend(images, &round.changes),
        Kind::Solarize => solarize::solarize(images, &round.changes),
        Kind::Hue => on_some(images, &chosen, |some| hue::turn(some, &round.present())),
        Kind::Blur => on_some(images, &chosen, |some| blur::blur(some, &round.present())),
    }
}

/// Applies an operation that is worth the copying to the chosen pictures only.
fn on_some(images: Tensor<4>, chosen: &[usize], change: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    let batch = images.dims()[0];
    if chosen.len() == batch {
        return change(images);
    }
    let device = images.device();
    let others: Vec<usize> = (0..batch).filter(|row| !chosen.contains(row)).collect();
    let changed = change(images.clone().select(0, rows(chosen, &device)));
    let unchanged = images.select(0, rows(&others, &device));
    let mut places = vec![0; batch];
    for (place, &row) in chosen.iter().chain(&others).enumerate() {
        places[row] = place;
    }
    Tensor::cat(vec![changed, unchanged], 0).select(0, rows(&places, &device))
}

fn rows(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let length = rows.len();
    Tensor::from_data(TensorData::new(rows, [length]), (device, DType::I32))
}

/// One number for each picture, to be broadcast over it: `[batch, 1, 1, 1]`.
fn for_each_picture(numbers: Vec<f32>, device: &Device) -> Tensor<4> {
    let batch = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [batch, 1, 1, 1]), (device, DType::F32))
}

/// Luma of ITU-R BT.601 as Pillow's mode "L": 16-bit fixed point, whose sums are below 2^24 and so exact.
///
/// # Shapes
/// - images: `[batch, 3, height, width]`
/// - result: `[batch, 1, height, width]`
fn luma(images: &Tensor<4>) -> Tensor<4> {
    let [red, green, blue] = channels(images);
    let sum = red.mul_scalar(19595.0) + green.mul_scalar(38470.0) + blue.mul_scalar(7471.0);
    sum.add_scalar(32768.0).mul_scalar(1.0 / 65536.0).floor()
}

fn channels(images: &Tensor<4>) -> [Tensor<4>; 3] {
    [0, 1, 2].map(|channel| images.clone().narrow(1, channel, 1))
}
