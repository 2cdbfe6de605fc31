//! Tables once all their rows are read: rows of one picture, rows of one split.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Table, splits};
use crate::{DataError, Metadata};

impl Table {
    /// Makes one row of all that name the same picture, in the place of the first, with the captions of all. Columns keep the value of
    /// the first row.
    pub(super) fn join_rows(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let mut first = HashMap::<String, usize>::with_capacity(rows.len());
        for mut row in rows {
            match first.get(&row.path) {
                Some(&at) => self.rows[at].captions.append(&mut row.captions),
                None => {
                    first.insert(row.path.clone(), self.rows.len());
                    self.rows.push(row);
                }
            }
        }
    }

    /// Says so when rows name pictures of earlier rows.
    pub(super) fn tell_repeated(&mut self) {
        let mut seen = std::collections::HashSet::with_capacity(self.rows.len());
        let repeated = self.rows.iter().filter(|row| !seen.insert(row.path.as_str())).count();
        if repeated > 0 {
            self.warn(format!(
                "{repeated} rows name the picture of an earlier row and are samples of their own, as in open_clip; `join_rows` makes them \
                 captions of one sample"
            ));
        }
    }

    /// Keeps the rows whose column `split` names this one.
    pub(super) fn keep_split(&mut self, split: &str) -> Result<(), DataError> {
        let of = |metadata: &Metadata| metadata.text("split").map(str::to_owned);
        let there: Vec<String> = self.rows.iter().filter_map(|row| of(&row.metadata)).collect();
        let path = PathBuf::from(&self.origin);
        splits::check(split, there.iter().map(String::as_str), &path)?;
        self.rows.retain(|row| of(&row.metadata).is_some_and(|name| splits::is(split, &name)));
        Ok(())
    }

    /// Where the pictures are: the first of these folders that has the picture of an early row, or the table's own.
    pub(super) fn look_for_pictures(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        let some: Vec<&str> = self.rows.iter().take(3).map(|row| row.path.as_str()).collect();
        let has_one = |folder: &PathBuf| some.iter().any(|path| folder.join(path).is_file());
        if !has_one(&self.root)
            && let Some(folder) = folders.into_iter().find(has_one)
        {
            self.root = folder;
        }
    }
}
