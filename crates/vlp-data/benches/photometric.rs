//! The colours of a batch of strong views, picture by picture on one thread and as operations on the batch on the CPU backend: pictures a
//! second. One batch a round, by turns; `cargo bench -p vlp-data --features flex --bench photometric [-- SIDE BATCH ROUNDS]`.

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use vlp_augment::pipeline::ImagePipeline;
use vlp_augment::{Image, ImageTransform, Photometric, SampleRng};
use vlp_data::{HostImages, apply_photometric};

/// Slopes with noise on them.
fn picture(side: usize, rng: &mut SampleRng) -> Image {
    let pixels = (0..side * side).flat_map(|at| [at % side, at / side, at / 7].map(|v| (v + rng.below(32)) as u8));
    Image::new(side, side, pixels.collect()).expect("three bytes a pixel")
}

fn on_device(images: &[Image], changes: &[Vec<Photometric>], device: &Device) -> Tensor<4> {
    let HostImages { batch, height, width, pixels } = HostImages::collate(images).expect("one size");
    let data = TensorData::new(pixels, [batch, height, width, 3]);
    let bytes = Tensor::<4, Int>::from_data(data, (device, DType::U8)).cast(FloatDType::F32);
    apply_photometric(bytes.permute([0, 3, 1, 2]), changes)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (side, batch, rounds) = (number(0, 224), number(1, 64), number(2, 5));
    let device = Device::flex();
    let rng = &mut SampleRng::new(0, 0, 0, 0);
    let pictures: Vec<Image> = (0..batch).map(|_| picture(side, rng)).collect();
    let strong = ImagePipeline::preset("clip-rocket/strong").and_then(|preset| preset.build(side)).expect("a preset");
    let left = |image: &Image, row| {
        let (mut rng, mut later) = (SampleRng::new(0, 0, row, 2), Vec::new());
        let cropped = strong.defer(image.clone(), &mut rng, &mut later);
        (cropped, later)
    };
    let (images, changes): (Vec<Image>, Vec<_>) = pictures.iter().zip(0..).map(|(image, row)| left(image, row)).unzip();
    let (mut host, mut tensors) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let start = Instant::now();
        for (image, list) in images.iter().zip(&changes) {
            black_box(Photometric::apply_all(list.iter().copied(), image.clone()));
        }
        host.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        // Reading one number back waits for all of it.
        black_box(on_device(&images, &changes, &device).max().into_scalar::<f32>());
        tensors.push(start.elapsed().as_secs_f64());
    }
    for (name, seconds) in [("host, one thread", host), ("operations on the batch, flex", tensors)] {
        // The first round warms up.
        let seconds = median(seconds[1..].to_vec());
        println!("{name}: {:.0} pictures/s ({:.3} ms a picture)", batch as f64 / seconds, seconds / batch as f64 * 1e3);
    }
}
