//! JPEG of every kind of sampling and scans: the pixels that Pillow 13.0.0 makes of them, or a refusal.
//!
//! `scripts/golden/jpeg.py` makes the files; one without a `.png` beside it is one that Pillow refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use vlp_data::{Damage, DamageKind, Limits, decode};
use vlp_testkit::shards;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/jpeg")
}

/// Names, files, and Pillow's pixels where there are any.
fn files() -> BTreeMap<String, (Vec<u8>, Option<vlp_augment::Image>)> {
    let names = fs::read_dir(folder()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        (path.extension()? == "jpg").then(|| path.file_stem().unwrap().to_str().unwrap().to_owned())
    });
    let read = |name: String| {
        let file = fs::read(folder().join(format!("{name}.jpg"))).unwrap();
        let pixels = fs::read(folder().join(format!("{name}.png"))).ok();
        let pixels = pixels.map(|png| decode(&png, &Limits::default()).unwrap());
        (name, (file, pixels))
    };
    names.map(read).collect()
}

/// The samples are those of libjpeg-turbo to the bit: its transform, its filters, its integers of colour.
#[test]
fn pixels_are_pillows() {
    let files = files();
    assert_eq!(files.len(), 64);
    let mut refused = Vec::new();
    for (name, (file, right)) in files {
        match (decode(&file, &Limits::default()), right) {
            (Ok(image), Some(right)) => {
                assert_eq!((image.width(), image.height()), (right.width(), right.height()), "{name}");
                let off = image.pixels().iter().zip(right.pixels()).map(|(a, &b)| a.abs_diff(b)).max().unwrap();
                assert_eq!(off, 0, "{name}");
            }
            (Err(damage), None) => {
                assert_eq!(damage.kind(), DamageKind::Pixels, "{name}");
                refused.push(name);
            }
            (Ok(_), None) => panic!("{name} is decoded"),
            (Err(damage), Some(_)) => panic!("{name}: {damage}"),
        }
    }
    // More blocks a unit than the standard allows, components out of order, and factors that divide unevenly.
    assert_eq!(refused, ["420x2-012", "444-210", "odd-012", "odd-01_2", "odd-0_1_2"]);
}

#[test]
fn a_file_cut_anywhere_before_its_end_marker_is_refused() {
    for (name, (file, right)) in files() {
        let behind = name.starts_with("behind");
        let end = file.windows(2).position(|pair| pair == [0xff, 0xd9]).unwrap() + 2;
        assert!(behind || end == file.len(), "{name}");
        for length in (0..end).step_by(if file.len() > 1000 { 13 } else { 3 }).chain(end - 9..end) {
            assert!(decode(&file[..length], &Limits::default()).is_err(), "{name} cut to {length} bytes");
        }
        assert_eq!(decode(&file[..end], &Limits::default()).is_ok(), right.is_some(), "{name}");
    }
}

/// Pillow takes them, and paints what is missing grey; here they are damage, which says how much is missing.
#[test]
fn a_file_cut_and_closed_is_refused_with_the_rows_that_were_never_coded() {
    let mut told = 0;
    // In that file the last bytes are none of the picture's.
    for (name, (file, _)) in files().into_iter().filter(|(name, (_, right))| right.is_some() && name != "behind_rst") {
        let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 10;
        let end = file.windows(2).position(|pair| pair == [0xff, 0xd9]).unwrap();
        // Bits that only fill up the last byte may be missing.
        for length in (scan..end - 2).step_by(17) {
            let closed = [&file[..length], &[0xff, 0xd9]].concat();
            match decode(&closed, &Limits::default()) {
                Err(Damage::Pixels { reason, .. }) => told += usize::from(reason.contains("were never coded")),
                other => panic!("{name} closed after {length} bytes: {other:?}"),
            }
        }
    }
    assert!(told > 500, "{told}");
}

#[test]
fn what_lies_behind_the_end_does_not_matter() {
    for (name, (file, right)) in files().into_iter().filter(|(_, (_, right))| right.is_some()) {
        for seed in 0..20 {
            let mut dice = shards::Dice::new(seed);
            let mut longer = file.clone();
            longer.extend((0..500).map(|_| dice.below(256) as u8));
            longer.extend([0xff, 0xda, 0xff, 0xc0, 0xff, 0xd8]);
            let image = decode(&longer, &Limits::default()).unwrap();
            assert_eq!(Some(image), right, "{name}");
        }
    }
}

/// Each scan is short, and costs a walk over all blocks.
#[test]
fn more_than_a_hundred_scans_are_refused() {
    let (file, _) = &files()["444-full"];
    let first = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let second = first + 2 + file[first + 2..].windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    // A scan of the last bit of the first plane's levels, refined over and over, is refused as well, but by its contents.
    let again: Vec<u8> = (0..200).flat_map(|_| file[first..second].to_vec()).collect();
    let many = [&file[..first], &again, &[0xff, 0xd9]].concat();
    assert_eq!(decode(&many, &Limits::default()).unwrap_err().kind(), DamageKind::Pixels);

    // Scans that each code one coefficient of one plane are in order: 3 + 3 * 63 of them.
    let scan = |component: u8, at: u8| [0xff, 0xda, 0, 8, 1, component, 0, at, at, 0];
    let end_of_blocks = |bytes: usize| vec![0u8; bytes];
    let mut slow = file[..first].to_vec();
    slow.extend([&[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0][..], &end_of_blocks(60)].concat());
    for component in 1..=3 {
        for at in 1..64 {
            slow.extend([&scan(component, at)[..], &end_of_blocks(60)].concat());
        }
    }
    slow.extend([0xff, 0xd9]);
    let damage = decode(&slow, &Limits::default()).unwrap_err();
    assert!(damage.to_string().contains("more than 100 scans"), "{damage}");
}

#[test]
fn what_is_not_read_is_named() {
    let (file, _) = &files()["444-012"];
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut file = file.clone();
        file[frame + at] = byte;
        decode(&file, &Limits::default()).unwrap_err().to_string()
    };
    assert!(changed(1, 0xc3).contains("lossless"));
    assert!(changed(1, 0xc5).contains("hierarchical"));
    assert!(changed(1, 0xc9).contains("arithmetic"));
    assert!(changed(4, 12).contains("12 bits a sample"));
    assert!(changed(9, 2).contains("2 components"));
    assert!(changed(11, 0x51).contains("from 1 to 4"));
    assert!(changed(6, 0).contains("21 x 0"));
}

/// Seeded, so that a failure repeats. JPEG has no checksums: only that nothing panics is promised.
#[test]
fn mutants_never_panic() {
    for (name, (file, _)) in files() {
        for seed in 0..100 {
            if let Err(Damage::Pixels { reason, .. }) = decode(&shards::mutate(&file, seed), &Limits::default()) {
                assert!(!reason.contains("panicked"), "{name}, seed {seed}");
            }
        }
    }
}
