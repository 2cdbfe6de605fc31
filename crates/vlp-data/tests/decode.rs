//! Pictures: right pixels, strict about damage, bounded, never over-strict.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use std::collections::BTreeMap;
use vlp_data::{Damage, DamageKind, Limits, decode};
use vlp_testkit::mutants::times;
use vlp_testkit::shards;

#[derive(Deserialize)]
struct Golden {
    pictures: BTreeMap<String, Picture>,
}

#[derive(Deserialize)]
struct Picture {
    samples: Vec<u8>,
    mean: [f64; 3],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/images.json")).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images").join(name);
    fs::read(path).unwrap()
}

#[test]
fn pictures_decode_to_what_pillow_makes_of_them() {
    for (name, golden) in golden().pictures {
        let image = decode(&file(&name), &Limits::default()).unwrap_or_else(|d| panic!("{name}: {d}"));
        assert_eq!((image.width(), image.height()), (96, 72), "{name}");
        let samples = (0..32).flat_map(|k| {
            let at = (k * 7919 + 13) % (96 * 72) * 3;
            image.pixels()[at..at + 3].to_vec()
        });
        let worst = samples.zip(&golden.samples).map(|(a, &b)| a.abs_diff(b)).max().unwrap();
        assert_eq!(worst, 0, "{name}");
        for channel in 0..3 {
            let values = image.pixels().iter().skip(channel).step_by(3);
            let mean = values.map(|&v| f64::from(v)).sum::<f64>() / (96.0 * 72.0);
            let off = (mean - golden.mean[channel]).abs();
            assert!(off < 1e-3, "{name}: mean off by {off}");
        }
    }
}

#[test]
fn a_file_cut_at_every_37th_byte_is_refused() {
    for name in golden().pictures.keys() {
        let whole = file(name);
        let last_bytes = whole.len() - 8..whole.len();
        for length in (0..whole.len()).step_by(37).chain(last_bytes) {
            let result = decode(&whole[..length], &Limits::default());
            assert!(result.is_err(), "{name} cut to {length} of {} bytes was accepted", whole.len());
        }
    }
}

#[test]
fn the_first_bytes_decide_not_the_name() {
    let page = b"<!DOCTYPE html><html>404</html>";
    assert_eq!(decode(page, &Limits::default()).unwrap_err().kind(), DamageKind::Format);
    assert_eq!(decode(b"", &Limits::default()).unwrap_err().kind(), DamageKind::Format);
    assert_eq!(decode(b"RIFF", &Limits::default()).unwrap_err().kind(), DamageKind::Format);
}

#[test]
fn limits_refuse_one_pixel_more_and_nothing_less() {
    for name in golden().pictures.keys() {
        let exact = Limits { image_side: 96, image_pixels: 96 * 72, ..Limits::default() };
        assert!(decode(&file(name), &exact).is_ok(), "{name}");
        for limits in
            [Limits { image_side: 95, ..exact.clone() }, Limits { image_pixels: 96 * 72 - 1, ..exact.clone() }]
        {
            let damage = decode(&file(name), &limits).unwrap_err();
            assert!(matches!(damage, Damage::Dimensions { width: 96, height: 72, .. }), "{name}: {damage}");
        }
    }
}

/// A few bytes that declare a picture of hundreds of megabytes are refused by their header.
#[test]
fn bombs_are_refused_from_the_header() {
    let mut jpeg = file("baseline.jpg");
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x2e, 0xe0, 0x2e, 0xe0]);
    let damage = decode(&jpeg, &Limits::default()).unwrap_err();
    assert!(matches!(damage, Damage::Dimensions { width: 12_000, height: 12_000, .. }), "{damage}");

    let mut png = file("rgb.png");
    png[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let damage = decode(&png, &Limits::default()).unwrap_err();
    assert!(matches!(damage.kind(), DamageKind::Dimensions | DamageKind::Pixels), "{damage}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Seeded, so that a failure repeats. PNG carries checksums, the others do not: only "no panic" is promised for them.
#[test]
fn mutated_pictures_never_panic() {
    for name in golden().pictures.keys() {
        let whole = file(name);
        for seed in 0..300 * times() {
            let mutant = shards::mutate(&whole, seed);
            if let Err(Damage::Pixels { reason, .. }) = decode(&mutant, &Limits::default()) {
                assert!(!reason.contains("panicked"), "{name}, seed {seed}");
            }
        }
    }
}
