//! Parquet tables of captions, with paths of pictures or with the pictures in them.
//!
//! The `parquet` crate reads footers, levels, encodings and records. Pages are found, bounded and unpacked here, so that
//! hostile files cost a bounded amount, and a picture is read without the row group around it.

mod columns;
mod embedded;
mod file;
mod footer;
mod options;
mod page_header;
mod page_reader;
mod pages;
mod recent;
mod rows;
mod thrift;
mod unpack;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::files::read_file;
use super::{ColumnRole, Picture, Row, Source, Table, splits};
use crate::{Annotation, Damage, DataError, LeftOut, Limits, SourceOptions, Tally};
use columns::{Columns, Pictures};
use embedded::Embedded;
use file::{Bytewise, ParquetFile};
pub use options::ParquetOptions;
use pages::ChunkPlace;

/// Image–caption pairs in Parquet files, read at random: Hugging Face's (`image` with `bytes` and `path`), tables of binary
/// pictures or of paths, and img2dataset's.
///
/// Captions and the other columns with one text or number in a row are read when the table is opened, as of other tables;
/// pictures when they are asked for. Rows of img2dataset whose `status` is not `success` are left out and counted.
#[derive(Debug)]
pub struct ParquetTable {
    table: Table,
    files: Vec<ParquetPart>,
    /// File, row group and row of each sample.
    places: Vec<(u32, u32, u32)>,
    limits: Limits,
    /// Lengths of the row groups, in samples.
    groups: Vec<usize>,
    embedded: Embedded,
}

/// What is needed of a file once its rows are read.
#[derive(Debug)]
struct ParquetPart {
    bytes: Bytewise,
    /// What relative paths begin from.
    root: PathBuf,
    pictures: Pictures,
    /// The column of the pictures in each row group; empty where they are in files of their own.
    places: Vec<ChunkPlace>,
}

/// Names of splits that were met; hostile tables could invent more.
type Splits = BTreeSet<String>;
const MOST_SPLITS: usize = 100;

/// img2dataset's files are named by the encoding it was told to use.
const ENDINGS: [&str; 4] = ["jpg", "png", "webp", "jpeg"];

impl ParquetTable {
    /// Reads these files, in this order.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged outside its pictures, a column is missing, or no row can be used.
    pub fn open(
        paths: impl IntoIterator<Item = PathBuf>,
        options: &ParquetOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        let mut table = Self::read(paths, options, limits)?;
        table.table = table.table.finish()?;
        Ok(table)
    }

    /// The same, not yet checked for rows.
    fn read(
        paths: impl IntoIterator<Item = PathBuf>,
        options: &ParquetOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let origin = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        let origin = if paths.len() > 1 { format!("{origin} and {} more", paths.len() - 1) } else { origin };
        let mut table = Self {
            table: Table::new(origin, "", limits.clone()),
            files: Vec::new(),
            places: Vec::new(),
            limits,
            groups: Vec::new(),
            embedded: Embedded::default(),
        };
        let mut splits = Splits::default();
        for path in &paths {
            table.add(path.clone(), options, &mut splits)?;
        }
        if let (Some(split), Some(path)) = (&options.split, paths.first()) {
            splits::check(split, splits.iter().map(String::as_str), path)?;
        }
        Ok(table)
    }

    /// The rows alone, for tables whose pictures are in files of their own.
    pub(in crate::source) fn read_paths(path: &Path, options: &SourceOptions) -> Result<Table, DataError> {
        let table = Self::read([path.to_owned()], &ParquetOptions::of(options), options.limits.clone())?;
        if table.files.iter().any(|file| !matches!(file.pictures, Pictures::Paths)) {
            let reason = "no column of text names files: it must be called `file_name`, or named in `image`".to_owned();
            return Err(DataError::Table { path: path.to_owned(), reason });
        }
        Ok(table.table)
    }

    fn add(&mut self, path: PathBuf, options: &ParquetOptions, splits: &mut Splits) -> Result<(), DataError> {
        let mut file = ParquetFile::open(&path)?;
        let wrong = |reason| DataError::Table { path: path.clone(), reason };
        let columns =
            guarded(|| Columns::find(file.metadata.file_metadata().schema_descr(), options)).map_err(wrong)?;
        self.table.name_columns(&columns.image, &columns.captions[0]);
        if !columns.unread.is_empty() && self.files.is_empty() {
            let names: Vec<_> = columns.unread.iter().take(20).map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            self.table.warn(format!("columns that are neither text nor number are left out of the metadata: {names}"));
        }
        let root = options.root.clone().unwrap_or_else(|| Table::folder_of(&path));
        if matches!(columns.pictures, Pictures::Keys) && path.with_extension("tar").exists() {
            let tar = path.with_extension("tar");
            return Err(wrong(format!("its pictures are in {}: open the tar shards instead", tar.display())));
        }
        let (number, limits) = (self.files.len() as u32, self.limits.clone());
        let (mut text, mut places) = (0, Vec::new());
        for group in 0..file.metadata.num_row_groups() {
            let (table, samples) = (&mut self.table, &mut self.places);
            let before = samples.len();
            let each = |row_number: u64, row: Result<Row, Damage>| match row {
                Ok(row) => {
                    if let Some(wanted) = &options.split {
                        let split = row.metadata.text("split").unwrap_or_default();
                        if splits.len() < MOST_SPLITS && !split.is_empty() {
                            splits.insert(split.to_owned());
                        }
                        if !splits::is(wanted, split) {
                            return;
                        }
                    }
                    let kept = table.len();
                    table.push(row);
                    if table.len() > kept {
                        samples.push((number, group as u32, row_number as u32));
                    }
                }
                Err(damage) => table.push_damage(&damage),
            };
            guarded(|| {
                if let Pictures::Embedded { column, .. } = &columns.pictures {
                    places.push(file.place(group, *column)?);
                }
                rows::read_rows(&file, &columns, group, &mut text, &limits, each)
            })
            .map_err(|reason| wrong(format!("row group {group}: {reason}")))?;
            self.groups.push(self.places.len() - before);
        }
        if places.is_empty() {
            file.bytes.close();
        }
        self.files.push(ParquetPart { bytes: file.bytes, root, pictures: columns.pictures, places });
        Ok(())
    }
}

/// The `parquet` crate does not promise to be free of panics on hostile bytes.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the decoder panicked".to_owned()))
}

impl Source for ParquetTable {
    fn len(&self) -> usize {
        self.table.len()
    }

    fn name(&self, index: usize) -> String {
        match self.places.get(index) {
            Some(&(file, group, row)) => {
                format!("{}: row {row} of row group {group}", self.files[file as usize].bytes.path.display())
            }
            None => self.table.name(index),
        }
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        self.table.annotation(index)
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let missing = || Damage::Io(format!("there is no {}", self.name(index)));
        let &place = self.places.get(index).ok_or_else(missing)?;
        let part = &self.files[place.0 as usize];
        // An absolute path replaces the root.
        let path = part.root.join(&self.table.row(index)?.path);
        let limit = self.limits.entry_bytes;
        let description = match &part.pictures {
            Pictures::Paths => return read_file(&path, limit).map(Picture::Encoded),
            Pictures::Keys => {
                // Not `with_extension`: a key may have a dot in it.
                let named = |ending: &str| PathBuf::from(format!("{}.{ending}", path.display()));
                let found = ENDINGS.iter().map(|ending| named(ending)).find(|path| path.is_file());
                return read_file(&found.unwrap_or_else(|| named(ENDINGS[0])), limit).map(Picture::Encoded);
            }
            Pictures::Embedded { description, .. } => description,
        };
        let bytes = guarded(|| self.embedded.read(part, place, description));
        match bytes.map_err(|error| Damage::Archive(format!("{}: {error}", self.name(index))))? {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(Damage::TooLarge { member: self.name(index), bytes: bytes.len() as u64, limit })
            }
            Some(bytes) => Ok(Picture::Encoded(bytes)),
            // Hugging Face's `path` alone: a file beside the table.
            None if path.is_file() => read_file(&path, limit).map(Picture::Encoded),
            None => Err(Damage::NoImage),
        }
    }

    fn tally(&self) -> &Tally {
        self.table.tally()
    }

    fn warnings(&self) -> &[String] {
        self.table.warnings()
    }

    fn left_out(&self) -> LeftOut {
        self.table.left_out()
    }

    fn role(&self, column: &str) -> Option<ColumnRole> {
        self.table.role(column)
    }

    fn key(&self, index: usize) -> Result<String, Damage> {
        self.table.key(index)
    }

    fn groups(&self) -> Vec<usize> {
        self.groups.clone()
    }
}
