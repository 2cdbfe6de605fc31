//! What class folders say about the pictures in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::splits;
use crate::class_names::ClassNames;
use crate::{Damage, DataError, Metadata, SourceOptions};

/// The classes of a folder of pictures.
#[derive(Debug)]
pub(super) struct ClassLabels {
    /// Folders from the last one up that say nothing, such as `images`.
    passed: usize,
    /// Whether the first folder is a split.
    splits: bool,
    classes: Vec<String>,
    names: ClassNames,
}

impl ClassLabels {
    /// The classes of these pictures, given by paths below the root; a sentence where names of classes were left aside.
    pub(super) fn of(
        root: &Path,
        pictures: &[PathBuf],
        options: &SourceOptions,
    ) -> Result<(Self, Option<String>), DataError> {
        let splits = are_splits(pictures);
        let mut labels = Self { passed: 0, splits, classes: Vec::new(), names: ClassNames::default() };
        let mut found = labels.all(pictures);
        // A folder that every class has in it (`n01443537/images`) is no class.
        let deepest = pictures.iter().map(|path| labels.folders(path).len()).min().unwrap_or_default();
        for passed in 1..deepest {
            if found.len() > 1 {
                break;
            }
            let above = Self { passed, splits, classes: Vec::new(), names: ClassNames::default() }.all(pictures);
            if above.len() > 1 {
                (labels.passed, found) = (passed, above);
            }
        }
        let (names, aside) = ClassNames::find(root, &found, options)?;
        labels.names = names;
        labels.classes = found.into_iter().collect();
        Ok((labels, aside))
    }

    fn all(&self, pictures: &[PathBuf]) -> BTreeSet<String> {
        pictures.iter().filter_map(|path| self.label(path)).collect()
    }

    fn folders(&self, path: &Path) -> Vec<String> {
        let folders = path.parent().into_iter().flat_map(Path::components);
        let folders = folders.map(|part| part.as_os_str().to_string_lossy().into_owned());
        folders.skip(usize::from(self.splits)).collect()
    }

    /// The last folder that says something; none where the picture is in none.
    pub(super) fn label(&self, path: &Path) -> Option<String> {
        self.folders(path).into_iter().rev().nth(self.passed)
    }

    /// Caption and metadata of a picture: `label` has the folder's name, `class` its number in the order of the names.
    pub(super) fn named(&self, path: &Path) -> Result<(Vec<String>, Metadata), Damage> {
        let label = self.label(path).ok_or(Damage::NoCaption)?;
        let mut metadata = Metadata::default();
        metadata.insert("class", self.classes.binary_search(&label).unwrap_or_default());
        let caption = self.names.caption(&label);
        metadata.insert("label", label);
        Ok((vec![caption], metadata))
    }
}

/// Whether the folders of the first level are splits: all of them that have pictures.
pub(super) fn are_splits(pictures: &[PathBuf]) -> bool {
    let splits = pictures.iter().map(|path| splits::of_path(path).is_some());
    !pictures.is_empty() && splits.into_iter().all(|split| split)
}
