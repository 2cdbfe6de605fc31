//! Zips of YFCC's pictures, behind a table that names one of them.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use vlp_data::Dataset;
use vlp_fuzz::{allow_caught_panics, file, limits, scratch, within};

/// The list of (1002003, "a title", "a description") and some rows more.
static TABLE: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    fs::create_dir_all(scratch().join("images/01")).expect("a folder for the zip");
    file("yfcc.pkl", include_bytes!("../../crates/vlp-data/tests/golden/tables/yfcc-4.pkl"))
});

fuzz_target!(init: allow_caught_panics(), |bytes: &[u8]| {
    let table = &*TABLE;
    file("images/01/002.zip", bytes);
    let limits = limits();
    within((4 << 20) + 1024 * bytes.len(), || {
        let dataset = Dataset::yfcc(table, scratch(), limits.clone()).expect("the table is sound");
        if let Ok(sample) = dataset.sample(0) {
            assert!((sample.image.width() * sample.image.height()) as u64 <= limits.image_pixels);
        }
    });
});
