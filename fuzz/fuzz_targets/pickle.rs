//! `.npy` tables and pickles, read as both layouts: nothing is executed, and small files stay small.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{DataError, Dataset};
use vlp_fuzz::{check, file, limits, scratch, within};

fuzz_target!(|bytes: &[u8]| {
    let path = file("table.pkl", bytes);
    let limits = limits();
    within((1 << 20) + 512 * bytes.len(), || {
        let tables = [
            Dataset::conceptual_captions(&path, scratch(), limits.clone()),
            Dataset::yfcc(&path, scratch(), limits.clone()),
        ];
        for table in tables {
            match table {
                Ok(dataset) => {
                    (0..dataset.len()).for_each(|index| check(&dataset.annotation(index).expect("a row"), &limits));
                }
                Err(DataError::Table { .. } | DataError::NothingKept { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    });
});
