//! Lists of pictures and captions that are known by their content: JSON documents, Flickr's lists, tables with any separator. The first
//! byte chooses the ending of the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{DataError, Dataset};
use vlp_fuzz::{check, file, limits, within};

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, text)) = bytes.split_first() else { return };
    let ending = ["json", "txt", "csv"][usize::from(first) % 3];
    let path = file(&format!("list.{ending}"), text).display().to_string();
    let limits = limits();
    within((1 << 20) + 1024 * text.len(), || match Dataset::from_path(&path, limits.clone()) {
        Ok(dataset) => (0..dataset.len()).for_each(|index| check(&dataset.annotation(index).expect("a row"), &limits)),
        Err(DataError::Table { .. } | DataError::NothingKept { .. }) => {}
        Err(other) => panic!("{other}"),
    });
});
