//! JSON lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{DataError, Dataset};
use vlp_fuzz::{check, file, limits, within};

fuzz_target!(|bytes: &[u8]| {
    let path = file("table.jsonl", bytes);
    let limits = limits();
    within((1 << 20) + 1024 * bytes.len(), || match Dataset::json_lines(path, limits.clone()) {
        Ok(dataset) => (0..dataset.len()).for_each(|index| check(&dataset.annotation(index).expect("a line"), &limits)),
        Err(DataError::Table { .. } | DataError::NothingKept { .. }) => {}
        Err(other) => panic!("{other}"),
    });
});
