use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::footer::read_footer;
use super::guarded;
use super::page_reader::Pages;
use super::pages::{ChunkPages, ChunkPlace};
use crate::DataError;
use crate::source::files::{open_file, open_regular};
use crate::source::open_files::Kept;
use crate::source::positioned::read_at;
use crate::source::shard_file::Seen;

/// A file read at places, by several threads.
#[derive(Debug, Clone)]
pub(super) struct Bytewise {
    pub(super) path: PathBuf,
    /// Kept open while the process has room for more open files.
    open: Option<Arc<Kept>>,
    length: u64,
    /// What the file was when it was indexed.
    seen: Seen,
}

impl Bytewise {
    fn open(path: &Path) -> Result<Self, DataError> {
        let file = open_file(path)?;
        let length = file.metadata().map_err(|source| DataError::Read { path: path.to_owned(), source })?.len();
        let seen = Seen::of(&file).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), open: Kept::keep(file).map(Arc::new), length, seen })
    }

    /// Opens the file anew for each read from now on.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// So many bytes from a place on. Nothing is allocated for what the file does not have.
    pub(super) fn bytes(&self, at: u64, length: usize) -> io::Result<Bytes> {
        if at.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a place behind the end of the file"));
        }
        let mut bytes = vec![0; length];
        match &self.open {
            Some(file) => read_at(file, &mut bytes, at)?,
            None => {
                let file = open_regular(&self.path)?;
                if Seen::of(&file)? != self.seen {
                    return Err(io::Error::other("the file has changed since it was indexed"));
                }
                read_at(&file, &mut bytes, at)?;
            }
        }
        Ok(bytes.into())
    }
}

/// An opened file: where its bytes are, and what its footer says.
#[derive(Debug)]
pub(super) struct ParquetFile {
    pub(super) bytes: Bytewise,
    pub(super) metadata: ParquetMetaData,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let bytes = Bytewise::open(path)?;
        let wrong = |reason| DataError::Table { path: path.to_owned(), reason };
        let metadata = guarded(|| read_footer(&bytes)).map_err(wrong)?;
        let file = Self { bytes, metadata };
        file.check_rows().map_err(wrong)?;
        Ok(file)
    }

    /// A handful of bytes can claim billions of empty rows, which would be counted one by one.
    fn check_rows(&self) -> Result<(), String> {
        let mut counts = self.metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok());
        match counts.try_fold(0u64, |sum, rows| sum.checked_add(rows?)) {
            Some(rows) if rows <= 8 * self.bytes.length => Ok(()),
            _ => Err(format!("the footer claims more rows than {} bytes can hold", self.bytes.length)),
        }
    }

    /// Where a column lies in a row group.
    pub(super) fn place(&self, group: usize, column: usize) -> Result<ChunkPlace, String> {
        let group = self.metadata.row_groups().get(group).ok_or("no such row group")?;
        let chunk = group.columns().get(column).ok_or("no such column")?;
        if chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != group.num_rows() {
            let (name, values) = (chunk.column_path(), chunk.num_values());
            return Err(format!("column {name} has {values} values in a row group of {} rows", group.num_rows()));
        }
        ChunkPlace::new(&self.bytes, chunk)
    }
}

/// The columns of one row group, for the assembly of records.
pub(super) struct Group<'a> {
    pub(super) file: &'a ParquetFile,
    pub(super) number: usize,
}

impl RowGroupReader for Group<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.file.metadata.row_group(self.number)
    }

    fn num_columns(&self) -> usize {
        self.metadata().num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>, ParquetError> {
        let place = self.file.place(self.number, column);
        let chunk = place.and_then(|place| ChunkPages::index(&self.file.bytes, &place));
        Ok(Box::new(Pages::all(self.file.bytes.clone(), chunk.map_err(ParquetError::General)?)))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>, ParquetError> {
        RowIter::from_row_group(projection, self)
    }
}
