//! Changes of colour on a device against those of the host, byte by byte.
//!
//! The promise is 2 of 255 on any backend. The CPU backend rounds each operation by itself, as the host does, so that here nothing may
//! differ at all; only the mean of a contrast in large pictures may be off by one, and is tested by itself.

mod common;

use std::sync::Arc;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use proptest::prelude::*;
use tempfile::tempdir;
use vlp_augment::pipeline::{ImageOp, ImagePipeline, Step};
use vlp_augment::{Identity, Image, Normalization, Photometric, SampleRng};
use vlp_core::BatchSource;
use vlp_data::{
    HostBatch, HostImages, Loader, LoaderConfig, PairSource, PhotometricStage, View, Views, apply_photometric,
};
use vlp_testkit::shards::shard;

fn on_device(images: &[Image], changes: &[Vec<Photometric>]) -> Vec<u8> {
    let HostImages { batch, height, width, pixels } = HostImages::collate(images).unwrap();
    let data = TensorData::new(pixels, [batch, height, width, 3]);
    let bytes = Tensor::<4, Int>::from_data(data, (&Device::flex(), DType::U8)).cast(FloatDType::F32);
    let changed = apply_photometric(bytes.permute([0, 3, 1, 2]), changes).permute([0, 2, 3, 1]);
    assert_eq!(changed.dims(), [batch, height, width, 3]);
    let values: Vec<f32> = changed.into_data().try_to_vec().unwrap();
    assert!(values.iter().all(|v| v.fract() == 0.0 && (0.0..=255.0).contains(v)), "whole bytes");
    values.into_iter().map(|v| v as u8).collect()
}

fn on_host(images: &[Image], changes: &[Vec<Photometric>]) -> Vec<u8> {
    let changed = images.iter().zip(changes).map(|(image, list)| Photometric::apply_all(list.clone(), image.clone()));
    changed.flat_map(Image::into_pixels).collect()
}

/// Random bytes with runs of the extremes and of grey in them.
fn noise(width: usize, height: usize, rng: &mut SampleRng) -> Image {
    let colours = (0..width * height).flat_map(|_| {
        let grey = rng.bits() as u8;
        match rng.below(6) {
            0 => [0, 255].map(|v| [v, v, v])[rng.below(2)],
            1 => [grey; 3],
            2 => [grey, grey.saturating_add(1), grey],
            3 => [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]][rng.below(6)],
            _ => [rng.bits() as u8, rng.bits() as u8, rng.bits() as u8],
        }
    });
    Image::new(width, height, colours.collect()).unwrap()
}

fn draw(kind: usize, rng: &mut SampleRng) -> Photometric {
    // Every fourth parameter is an end of its range.
    let mut between = |low: f64, high: f64| match rng.below(8) {
        0 => low,
        1 => high,
        _ => rng.range(low, high),
    };
    match kind {
        0 => Photometric::Brightness(between(0.0, 3.0)),
        1 => Photometric::Contrast(between(0.0, 3.0)),
        2 => Photometric::Saturation(between(0.0, 3.0)),
        3 => Photometric::Hue(between(-0.5, 0.5)),
        4 => Photometric::Grayscale,
        5 => Photometric::GaussianBlur(between(0.0, 7.0)),
        _ => Photometric::Solarize(between(0.0, 256.0)),
    }
}

const KINDS: usize = 7;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Each operation by itself, with a parameter for each picture, on some of the pictures.
    #[test]
    fn each_operation_equals_the_hosts(
        seed: u64, batch in 1usize..6, width in 1usize..24, height in 1usize..24, share in 0.0..1.2,
    ) {
        let mut rng = SampleRng::new(seed, 0, 0, 0);
        let images: Vec<Image> = (0..batch).map(|_| noise(width, height, &mut rng)).collect();
        for kind in 0..KINDS {
            let list = |_| if rng.chance(share) { vec![draw(kind, &mut rng)] } else { vec![] };
            let changes: Vec<Vec<Photometric>> = (0..batch).map(list).collect();
            prop_assert_eq!(on_device(&images, &changes), on_host(&images, &changes), "{:?}", changes);
        }
    }

    /// Lists of any length in any order.
    #[test]
    fn lists_of_operations_equal_the_hosts(seed: u64, batch in 1usize..8, side in 1usize..20) {
        let mut rng = SampleRng::new(seed, 0, 0, 1);
        let images: Vec<Image> = (0..batch).map(|_| noise(side, side + 3, &mut rng)).collect();
        let list = |_| (0..rng.below(8)).map(|_| draw(rng.below(KINDS), &mut rng)).collect();
        let changes: Vec<Vec<Photometric>> = (0..batch).map(list).collect();
        prop_assert_eq!(on_device(&images, &changes), on_host(&images, &changes), "{:?}", changes);
    }
}

/// Every pair of spread and middle channel in every sixth of the circle, where the host's hue is cut off: at six brightnesses.
#[test]
fn hue_equals_the_hosts_for_every_ratio_of_channels() {
    let mut colours: Vec<[u8; 3]> = Vec::new();
    for spread in 0..=255u8 {
        for below in 0..=spread {
            for step in 0..6 {
                let high = spread + ((255 - u16::from(spread)) * step / 5) as u8;
                let (middle, low) = (high - below, high - spread);
                let sextants = [
                    [high, middle, low],
                    [high, low, middle],
                    [middle, high, low],
                    [low, high, middle],
                    [middle, low, high],
                    [low, middle, high],
                ];
                colours.extend(sextants);
            }
        }
    }
    let image = Image::new(256, colours.len() / 256, colours[..colours.len() / 256 * 256].concat()).unwrap();
    for turn in [-0.5, -0.25, 0.0, 0.1, 0.5] {
        let changes = [vec![Photometric::Hue(turn)]];
        let images = [image.clone()];
        assert!(on_device(&images, &changes) == on_host(&images, &changes), "a turn of {turn}");
    }
}

#[test]
fn the_ends_of_the_byte_range_stay_in_it() {
    let images: Vec<Image> = [[0; 3], [255; 3], [0, 255, 0], [255, 0, 255]].map(|c| Image::filled(5, 4, c)).to_vec();
    for change in [
        Photometric::Brightness(1e9),
        Photometric::Contrast(1e9),
        Photometric::Saturation(1e9),
        Photometric::Hue(0.5),
        Photometric::GaussianBlur(7.0),
        Photometric::Solarize(0.0),
        Photometric::Solarize(255.5),
    ] {
        let changes = vec![vec![change]; images.len()];
        assert_eq!(on_device(&images, &changes), on_host(&images, &changes), "{change:?}");
    }
}

/// 300 x 300 pixels of nearly white: the sum of greys is beyond 2^24.
#[test]
fn the_contrast_of_a_large_picture_is_off_by_one_at_most() {
    let mut rng = SampleRng::new(3, 0, 0, 0);
    let pixels = (0..300 * 300 * 3).map(|_| 200 + rng.below(56) as u8).collect();
    let images = [Image::new(300, 300, pixels).unwrap()];
    for factor in [0.0, 0.5, 1.7] {
        let changes = [vec![Photometric::Contrast(factor)]];
        let pairs = on_device(&images, &changes).into_iter().zip(on_host(&images, &changes));
        assert!(pairs.map(|(a, b)| a.abs_diff(b)).max() <= Some(1));
    }
}

#[test]
#[should_panic(expected = "2 lists of changes for 1 pictures")]
fn a_list_too_many_is_refused() {
    on_device(&[Image::filled(2, 2, [0; 3])], &[vec![], vec![]]);
}

/// Every operation that can be left to a device, in the order of a preset, and one that cannot.
fn views(stage: PhotometricStage) -> Views {
    let strong = vec![
        Step::always(ImageOp::RandomResizedCrop {
            size: None,
            scale: [0.3, 1.0],
            ratio: [0.75, 4.0 / 3.0],
            filter: Default::default(),
            order: Default::default(),
        }),
        Step::with(0.2, ImageOp::Equalize {}),
        Step::with(0.8, ImageOp::ColorJitter { brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 }),
        Step::with(0.2, ImageOp::Grayscale {}),
        Step::with(0.5, ImageOp::GaussianBlur { radius: [0.1, 2.0] }),
        Step::with(0.2, ImageOp::Solarize { threshold: 128.0 }),
        Step::with(0.5, ImageOp::HorizontalFlip {}),
    ];
    let weak = ImagePipeline::preset("clip-rocket/weak").unwrap().build(24).unwrap();
    let strong = ImagePipeline::new(strong).unwrap().build(24).unwrap();
    Views::weak(View::new(weak, Identity)).and_strong(2, View::new(strong, Identity)).photometric(stage)
}

/// The same samples, views and position whichever way the colours go.
#[test]
fn both_stages_give_the_same_batches() {
    let directory = tempdir().unwrap();
    shard(0, 40, 40).write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    // What a trainer passes: gradients are possible there, and none are asked for.
    let training = Device::flex().autodiff();
    for seed in 0..3 {
        let source = |stage, workers| {
            let config = LoaderConfig { workers, ..LoaderConfig::new(16, seed) };
            let loader = Loader::new(Arc::clone(&dataset), Arc::new(common::Bytes), views(stage), config).unwrap();
            PairSource::new(loader, Normalization::CLIP)
        };
        let (mut host, mut device) = (source(PhotometricStage::Host, 1), source(PhotometricStage::Device, 3));
        for _ in 0..8 {
            let (a, b) = (host.next_batch(&Device::flex()).unwrap(), device.next_batch(&training).unwrap());
            assert_eq!(host.position(), device.position());
            let views = [&a.weak].into_iter().chain(&a.strong).zip([&b.weak].into_iter().chain(&b.strong));
            for (a, b) in views {
                let apart = (a.images.clone() - b.images.clone()).abs().max().into_scalar::<f32>();
                // The normalisation of equal bytes, in another order of channels: nothing but its own rounding.
                assert!(apart < 1e-6, "seed {seed}: {apart}");
            }
        }
        // Through a position, as a checkpoint has it.
        let mut resumed = source(PhotometricStage::Device, 2);
        resumed.seek(&host.position()).unwrap();
        let (a, b) = (host.next_batch(&Device::flex()).unwrap(), resumed.next_batch(&Device::flex()).unwrap());
        let apart = (a.strong[1].images.clone() - b.strong[1].images.clone()).abs().max().into_scalar::<f32>();
        assert!(apart < 1e-6);
    }
}

#[test]
fn a_host_batch_says_what_is_left_to_do() {
    let directory = tempdir().unwrap();
    shard(0, 40, 40).write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    let batch = |stage| -> HostBatch {
        let config = LoaderConfig::new(16, 0);
        Loader::new(Arc::clone(&dataset), Arc::new(common::Bytes), views(stage), config).unwrap().next_batch().unwrap()
    };
    let (host, device) = (batch(PhotometricStage::Host), batch(PhotometricStage::Device));
    assert!(host.strong.iter().all(|view| view.photometric.iter().all(Vec::is_empty)));
    assert!(device.weak.photometric.iter().all(Vec::is_empty));
    assert_eq!(host.weak, device.weak);
    for (host, device) in host.strong.iter().zip(&device.strong) {
        assert!(device.photometric.iter().any(|list| !list.is_empty()));
        let row = 24 * 24 * 3;
        for (at, list) in device.photometric.iter().enumerate() {
            let pixels = device.images.pixels[at * row..(at + 1) * row].to_vec();
            let settled = Photometric::apply_all(list.clone(), Image::new(24, 24, pixels).unwrap());
            assert_eq!(settled.pixels(), &host.images.pixels[at * row..(at + 1) * row]);
        }
    }
}
