//! Why files and members are not read, in the words that [`LeftOut`] counts them by.

use crate::{LeftOut, printable};

/// Pictures of a sample that has a picture of an ending that goes before.
pub(super) const SECOND_PICTURE: &str = "pictures beside another one of their sample";
/// Members that belong to no sample by the rule of the first dot.
pub(super) const DOT_IN_KEY: &str = "members with a dot in their key";
/// Files whose name begins with a dot.
const HIDDEN: &str = "hidden files";

/// Counts a file by its ending.
pub(super) fn count_file(left_out: &mut LeftOut, name: &str) {
    let example = || printable(name).into_owned();
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        _ if file.starts_with('.') => left_out.add(HIDDEN, example),
        Some((_, ending)) if ending.len() <= 16 => {
            let ending = ending.to_ascii_lowercase();
            left_out.add(&format!("files ending in .{}", printable(&ending)), example);
        }
        _ => left_out.add("files without an ending", example),
    }
}

/// Counts a file for one of the reasons above.
pub(super) fn count(left_out: &mut LeftOut, reason: &str, name: &str) {
    left_out.add(reason, || printable(name).into_owned());
}

#[cfg(test)]
mod tests {
    use super::count_file;
    use crate::LeftOut;

    #[test]
    fn files_are_counted_by_ending_with_three_examples() {
        let mut left = LeftOut::default();
        for name in ["a.TIF", "b/c.tif", "d.tif", "e.tif", "README", "x/.DS_Store", ".x.jpg", "f.\u{1b}[2J"] {
            count_file(&mut left, name);
        }
        let found: Vec<_> =
            left.iter().map(|(reason, found)| (reason, found.count, found.examples.join(" "))).collect();
        let right = [
            ("files ending in .\\x1b[2j", 1, "f.\\x1b[2J".to_owned()),
            ("files ending in .tif", 4, "a.TIF b/c.tif d.tif".to_owned()),
            ("files without an ending", 1, "README".to_owned()),
            ("hidden files", 2, "x/.DS_Store .x.jpg".to_owned()),
        ];
        assert_eq!(found, right);
    }
}
