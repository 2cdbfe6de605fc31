//! Tables of pictures and captions: the first byte chooses the separator.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{CsvOptions, DataError, Dataset};
use vlp_fuzz::{check, file, limits, within};

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, table)) = bytes.split_first() else { return };
    let separator = ['\t', ',', ';'][usize::from(first) % 3];
    let path = file("table.csv", table);
    let options = CsvOptions { separator, ..CsvOptions::default() };
    let limits = limits();
    within((1 << 20) + 1024 * table.len(), || match Dataset::csv(path, &options, limits.clone()) {
        Ok(dataset) => (0..dataset.len()).for_each(|index| check(&dataset.annotation(index).expect("a row"), &limits)),
        Err(DataError::Table { .. } | DataError::NothingKept { .. }) => {}
        Err(other) => panic!("{other}"),
    });
});
