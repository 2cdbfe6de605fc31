//! Formats beside PNG, JPEG and WebP, and transparency, against Pillow 13.0.0: `scripts/golden/formats.py` makes the files.

use std::fs;
use std::path::PathBuf;

use vlp_augment::Image;
use vlp_data::{Alpha, Damage, DamageKind, Limits, decode, decode_with};
use vlp_testkit::shards;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats")
}

/// Names, files, and what Pillow's `convert("RGB")` makes of them.
fn files() -> Vec<(String, Vec<u8>, Image)> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".png").map(str::to_owned))
        .filter(|name| name.contains('.'))
        .collect();
    names.sort();
    let read = |name: String| {
        let file = fs::read(folder().join(&name)).unwrap();
        // Pillow writes the transparent colour into these too, which is to be of no matter.
        let right = fs::read(folder().join(format!("{name}.png"))).unwrap();
        let right = decode_with(&right, Alpha::Drop, &Limits::default()).unwrap();
        (name, file, right)
    };
    names.into_iter().map(read).collect()
}

fn is_built(name: &str) -> bool {
    let built = [
        ("gif", cfg!(feature = "gif")),
        ("bmp", cfg!(feature = "bmp")),
        ("tiff", cfg!(feature = "tiff")),
        ("ppm", cfg!(feature = "pnm")),
        ("pgm", cfg!(feature = "pnm")),
    ];
    let ending = name.rsplit_once('.').unwrap().1;
    built.into_iter().find(|(known, _)| *known == ending).is_none_or(|(_, built)| built)
}

/// What the `image` crate does not read: refused by name.
const NOT_READ: [&str; 2] = ["palette.tiff", "la.tiff"];

fn off(a: &Image, b: &Image) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    a.pixels().iter().zip(b.pixels()).map(|(a, &b)| a.abs_diff(b)).max().unwrap()
}

#[test]
fn pixels_are_pillows() {
    let files = files();
    assert_eq!(files.len(), 31);
    let mut wrong = Vec::new();
    for (name, file, right) in files {
        let decoded = decode_with(&file, Alpha::Drop, &Limits::default());
        if !is_built(&name) {
            let damage = decoded.unwrap_err();
            assert!(
                matches!(damage, Damage::Format(_)) && damage.to_string().contains("cargo feature"),
                "{name}: {damage}"
            );
        } else if NOT_READ.contains(&name.as_str()) {
            assert_eq!(decoded.map(|_| ()).unwrap_err().kind(), DamageKind::Pixels, "{name}");
        } else {
            let image = decoded.unwrap_or_else(|damage| panic!("{name}: {damage}"));
            // The TIFF crate has a JPEG decoder with another rounding.
            let most = if name == "jpeg.tiff" { 1 } else { 0 };
            let off = off(&image, &right);
            if off > most {
                wrong.push((name, off));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn transparency_is_laid_on_white_or_dropped() {
    for (name, file, right) in
        files().into_iter().filter(|(name, ..)| ["rgba.png", "rgba.webp"].contains(&name.as_str()))
    {
        let laid = decode(&file, &Limits::default()).unwrap();
        assert_eq!(decode_with(&file, Alpha::Drop, &Limits::default()).unwrap(), right, "{name}");
        for (at, (laid, &stored)) in laid.pixels().iter().zip(right.pixels()).enumerate() {
            let (x, y) = (at / 3 % 23, at / 3 / 23);
            let alpha = ((x + y) * 9 % 256) as f64 / 255.0;
            let exact = f64::from(stored) * alpha + 255.0 * (1.0 - alpha);
            assert!((f64::from(*laid) - exact).abs() <= 0.501, "{name} at {x}, {y}");
        }
    }
    assert_eq!(serde_json::to_string(&Alpha::Drop).unwrap(), "\"drop\"");
}

#[test]
fn a_file_cut_anywhere_is_refused_or_as_whole_as_before() {
    for (name, file, right) in
        files().into_iter().filter(|(name, ..)| is_built(name) && !NOT_READ.contains(&name.as_str()))
    {
        let whole = decode_with(&file, Alpha::Drop, &Limits::default()).unwrap();
        assert!(off(&whole, &right) <= 1, "{name}");
        for length in (0..file.len()).step_by(7) {
            if let Ok(image) = decode_with(&file[..length], Alpha::Drop, &Limits::default()) {
                assert_eq!(image, whole, "{name} cut to {length} of {} bytes", file.len());
                // What may be missing: the trailer, further frames, and tags behind the pixels.
                assert!(name.ends_with(".gif") || name.ends_with(".tiff"), "{name} cut to {length}");
            }
        }
    }
}

#[test]
fn limits_hold_and_nothing_panics() {
    for (name, file, _) in files().into_iter().filter(|(name, ..)| is_built(name) && !NOT_READ.contains(&name.as_str()))
    {
        let small = Limits { image_side: 16, ..Limits::default() };
        assert_eq!(decode(&file, &small).unwrap_err().kind(), DamageKind::Dimensions, "{name}");
        for seed in 0..200 {
            if let Err(Damage::Pixels { reason, .. }) = decode(&shards::mutate(&file, seed), &Limits::default()) {
                assert!(!reason.contains("panicked"), "{name}, seed {seed}");
            }
        }
    }
}

#[test]
fn what_is_no_picture_is_told() {
    let told = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap_err().to_string();
    assert!(told(b"\0\0\0\x20ftypavif\0\0\0\0").contains("AVIF, which no build reads: write it as JPEG"));
    // Its first brand is one that HEIF has too.
    assert!(told(b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf").contains("AVIF"));
    assert!(told(b"\0\0\0\x20ftypheic\0\0\0\0").contains("HEIF"));
    assert!(told(b"<!DOCTYPE html><html>404</html>").contains("web page"));
    assert!(told(b"").contains("empty"));
    assert!(told(b"BM is how this text begins").contains("no picture"));
    assert!(told(b"\x1b[2J").contains("[1b, 5b, 32, 4a]"));
    if cfg!(not(feature = "gif")) {
        assert!(told(b"GIF89a").contains("the cargo feature `gif`"));
    }
}
