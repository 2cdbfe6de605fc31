//! The operations of RandAugment against torchvision on Pillow, to the byte.

use serde::Deserialize;
use vlp_augment::image_ops::{RandAugmentOp, adjust_sharpness, autocontrast, equalize, invert, posterize, solarize};
use vlp_augment::{Image, ImageTransform, RandAugment, SampleRng};

#[allow(dead_code)] // each test reads its own part of the golden file
mod common;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    op: String,
    picture: String,
    params: serde_json::Value,
    crc32: u32,
}

fn from_formula(width: usize, height: usize, mut rgb: impl FnMut(usize, usize) -> [u8; 3]) -> Image {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| rgb(x, y)).collect();
    Image::new(width, height, pixels).unwrap()
}

/// The pictures of scripts/golden/augment.py.
fn picture(name: &str) -> Image {
    let harsh = |x: usize, y: usize| [5 * x + 3 * y, x * y, 2 * x + y * y].map(|v| v as u8);
    match name {
        "harsh" => from_formula(61, 47, harsh),
        "large" => from_formula(224, 180, harsh),
        "tiny" => from_formula(2, 3, harsh),
        "narrow" => from_formula(50, 70, |x, y| [60 + (x + y) % 90, 100, 200 - (x * y) % 31].map(|v| v as u8)),
        "noise" => {
            let mut state = 5u32;
            from_formula(40, 33, |_, _| {
                [(); 3].map(|()| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
            })
        }
        other => panic!("unknown picture {other}"),
    }
}

fn named(op: &str) -> RandAugmentOp {
    RandAugmentOp::ALL.into_iter().find(|known| format!("{known:?}") == op).unwrap()
}

#[test]
fn every_operation_equals_torchvision_to_the_byte() {
    let golden: Golden = serde_json::from_str(include_str!("golden/rand_augment.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &golden.cases {
        let image = picture(&case.picture);
        let number = |name: &str| case.params[name].as_f64().unwrap();
        let result = match case.op.as_str() {
            "posterize" => posterize(image, number("bits") as u8),
            "sharpness" => adjust_sharpness(image, number("factor")),
            "solarize" => solarize(image, number("threshold")),
            "autocontrast" => autocontrast(image),
            "equalize" => equalize(image),
            "invert" => invert(image),
            other => {
                let op = named(other.strip_prefix("rand_augment/").unwrap());
                let bin = |name| number(name) as usize;
                let magnitude = op.magnitude(bin("bin"), bin("bins"), image.width(), image.height());
                // torch computes some of its bins with a fused multiplication: one unit in the last place of f32.
                let off = (magnitude - number("magnitude")).abs();
                assert!(off <= 2e-7 * magnitude.abs(), "{op:?}: {magnitude} with {}", case.params);
                let negative = case.params["negative"].as_bool().unwrap();
                let fill = serde_json::from_value(case.params["fill"].clone()).unwrap();
                op.apply(image, if negative { -magnitude } else { magnitude }, fill)
            }
        };
        if common::crc32(result.pixels()) != case.crc32 {
            wrong.push(format!("{} of {} with {}", case.op, case.picture, case.params));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ: {wrong:#?}", wrong.len(), golden.cases.len());
    assert!(golden.cases.len() > 1500, "only {} cases", golden.cases.len());
}

/// Every operation comes up equally often: 14 x 500 draws expected 500 each, standard deviation 21.5.
#[test]
fn operations_are_drawn_evenly() {
    let image = picture("harsh");
    let one = RandAugment { operations: 1, ..RandAugment::default() };
    // All results of one operation with either sign.
    let of = |op: RandAugmentOp| {
        let magnitude = op.magnitude(9, 31, image.width(), image.height());
        [magnitude, -magnitude].map(|m| op.apply(image.clone(), if op.is_signed() { m } else { magnitude }, [0; 3]))
    };
    let moves: Vec<_> = [RandAugmentOp::ShearX, RandAugmentOp::Rotate, RandAugmentOp::Equalize].map(of).into();
    let mut counts = [[0i32; 2]; 3];
    for i in 0..7000 {
        let result = one.apply(image.clone(), &mut SampleRng::new(3, 0, i, 0));
        for (count, results) in counts.iter_mut().zip(&moves) {
            for (count, expected) in count.iter_mut().zip(results) {
                *count += i32::from(result == *expected);
            }
        }
    }
    for signed in &counts[..2] {
        // 250 each, standard deviation 15.5; five of them.
        assert!(signed.iter().all(|n| (n - 250).abs() < 78), "{counts:?}");
    }
    assert!((counts[2][0] - 500).abs() < 108, "{counts:?}");
}
