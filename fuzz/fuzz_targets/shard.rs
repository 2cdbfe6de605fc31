//! Tar shards: what is refused is refused in words, what is accepted can be read within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{DataError, Dataset};
use vlp_fuzz::{allow_caught_panics, check, file, limits, within};

fuzz_target!(init: allow_caught_panics(), |bytes: &[u8]| {
    let path = file("shard.tar", bytes);
    let limits = limits();
    // One picture, headers of 1 MiB, and a few copies of names.
    within((24 << 20) + 64 * bytes.len(), || match Dataset::from_shards([path], limits.clone()) {
        Ok(dataset) => {
            for index in 0..dataset.len() {
                assert!(!dataset.name(index).is_empty());
                if let Ok(annotation) = dataset.annotation(index) {
                    check(&annotation, &limits);
                }
                if let Ok(sample) = dataset.sample(index) {
                    let (width, height) = (sample.image.width(), sample.image.height());
                    assert!((width * height) as u64 <= limits.image_pixels, "{width} x {height}");
                }
            }
        }
        Err(DataError::NoSamples { .. } | DataError::NoCaptions { .. }) => {}
        Err(other) => panic!("{other}"),
    });
});
