//! Resizing and blurring as the Pillow of each version does it: `scripts/golden/resize.py`.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;
use vlp_augment::image_ops::{gaussian_blur, resize_in_order};
use vlp_augment::{Filter, Image, PassOrder};

#[derive(Deserialize)]
struct Golden {
    pillow: String,
    resized: Vec<Resized>,
    blurred: Vec<Blurred>,
}

#[derive(Deserialize)]
struct Resized {
    seed: u32,
    from: (usize, usize),
    to: (usize, usize),
    filter: String,
    pixels: String,
}

#[derive(Deserialize)]
struct Blurred {
    seed: u32,
    size: (usize, usize),
    radius: f64,
    pixels: String,
}

fn golden(packed: &[u8]) -> Golden {
    let mut json = Vec::new();
    GzDecoder::new(packed).take(64 << 20).read_to_end(&mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn noise((width, height): (usize, usize), seed: u32) -> Image {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels = (0..width * height * 3).map(|_| next()).collect();
    Image::new(width, height, pixels).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Largest difference and share of bytes that differ at all.
fn off(image: &Image, right: &str) -> (u8, f64) {
    let off: Vec<u8> = image.pixels().iter().zip(bytes(right)).map(|(a, b)| a.abs_diff(b)).collect();
    (*off.iter().max().unwrap(), off.iter().filter(|&&off| off > 0).count() as f64 / off.len() as f64)
}

/// The resizer rounds its weights to 16 bits where Pillow takes 22: bytes differ by one, and where each of them comes from hundreds,
/// by two.
#[test]
fn each_version_has_its_order_of_directions() {
    for (packed, version, order) in [
        (&include_bytes!("golden/resize_pillow_13.json.gz")[..], "13.0.0", PassOrder::Pillow13),
        (&include_bytes!("golden/resize_pillow_12.json.gz")[..], "12.0.0", PassOrder::Pillow12),
    ] {
        let golden = golden(packed);
        assert_eq!((golden.pillow.as_str(), golden.resized.len()), (version, 33));
        for case in &golden.resized {
            let filter = match case.filter.as_str() {
                "bicubic" => Filter::Bicubic,
                "bilinear" => Filter::Bilinear,
                _ => Filter::Lanczos,
            };
            let image = noise(case.from, case.seed);
            let (most, share) = off(&resize_in_order(&image, case.to.0, case.to.1, filter, order), &case.pixels);
            let allowed = if case.from.0.max(case.from.1) >= 300 { 2 } else { 1 };
            // The other order differs in up to a third of the bytes.
            assert!(
                most <= allowed && share < 0.06,
                "{version} {:?} to {:?} {}: {most}, {share}",
                case.from,
                case.to,
                case.filter
            );
        }
    }
    assert_eq!(PassOrder::default(), PassOrder::Pillow13);
}

#[test]
fn blurs_are_pillows_to_the_byte() {
    let golden = golden(include_bytes!("golden/resize_pillow_13.json.gz"));
    assert_eq!(golden.blurred.len(), 14);
    for case in &golden.blurred {
        let blurred = gaussian_blur(noise(case.size, case.seed), case.radius);
        assert_eq!(off(&blurred, &case.pixels).0, 0, "radius {}", case.radius);
    }
}
