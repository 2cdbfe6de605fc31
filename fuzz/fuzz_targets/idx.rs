//! IDX files: two bytes give the length of the pictures' file, the labels follow it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{DataError, Dataset};
use vlp_fuzz::{check, file, limits, within};

const CAPTIONS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (images, labels) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes(*length))));
    let (images, labels) = (file("images", images), file("labels", labels));
    let limits = limits();
    // Deflate packs at most 1032 to 1; a growing buffer is up to twice as large, and both are there while it moves.
    within((1 << 20) + 4 * 1032 * bytes.len(), || match Dataset::idx(images, labels, &CAPTIONS, limits.clone()) {
        Ok(dataset) => {
            for index in 0..dataset.len() {
                let sample = dataset.sample(index).expect("a picture");
                check(&sample.annotation, &limits);
                assert!((sample.image.width() * sample.image.height()) as u64 <= limits.image_pixels);
            }
        }
        Err(DataError::Table { .. } | DataError::Read { .. }) => {}
        Err(other) => panic!("{other}"),
    });
});
