use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::column::page::Page;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::ByteArrayType;
use parquet::schema::types::ColumnDescPtr;

use super::ParquetPart;
use super::file::Bytewise;
use super::page_reader::Pages;
use super::pages::ChunkPages;
use super::recent::Recent;

/// Memory for the places of pages, and for unpacked pages.
const INDEX_BYTES: usize = 64 << 20;
const PAGES_BYTES: usize = 256 << 20;

/// Reads pictures that lie in tables, each from its page.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Where the pages of the row groups used lately lie.
    chunks: Mutex<Recent<(u32, u32), Arc<ChunkPages>>>,
    /// Unpacked pages used lately.
    pages: Mutex<Recent<(u32, u32, usize), Page>>,
    /// One thread at a time unpacks a page; the others find it unpacked.
    turns: [Mutex<()>; 16],
}

impl Default for Embedded {
    fn default() -> Self {
        Self {
            chunks: Mutex::new(Recent::new(INDEX_BYTES)),
            pages: Mutex::new(Recent::new(PAGES_BYTES)),
            turns: Default::default(),
        }
    }
}

impl Embedded {
    /// The bytes of the picture of a row, given by file, row group and row in it; none where the row has none.
    pub(super) fn read(
        &self,
        part: &ParquetPart,
        (file, group, row): (u32, u32, u32),
        description: &ColumnDescPtr,
    ) -> Result<Option<Vec<u8>>, String> {
        let chunk = lock(&self.chunks).get(&(file, group));
        let chunk = match chunk {
            Some(chunk) => chunk,
            None => {
                let chunk = Arc::new(ChunkPages::index(&part.bytes, &part.places[group as usize])?);
                lock(&self.chunks).insert((file, group), Arc::clone(&chunk), chunk.bytes());
                chunk
            }
        };
        let (dictionary, page) = chunk.find(row.into()).ok_or("no page has it")?;
        let first = chunk.pages[page].first;
        let mut pages = Vec::with_capacity(2);
        for number in dictionary.into_iter().chain([page]) {
            pages.push(self.page(&part.bytes, &chunk, (file, group, number))?);
        }
        let reader = Pages::these(part.bytes.clone(), pages);
        let mut column = ColumnReaderImpl::<ByteArrayType>::new(Arc::clone(description), Box::new(reader));
        let skip = (u64::from(row) - first) as usize;
        let failed = |error: parquet::errors::ParquetError| error.to_string();
        if column.skip_records(skip).map_err(failed)? != skip {
            return Err("its page has fewer values than it claims".to_owned());
        }
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        if column.read_records(1, Some(&mut levels), None, &mut values).map_err(failed)?.0 != 1 {
            return Err("its page has fewer values than it claims".to_owned());
        }
        let Some(value) = values.first() else { return Ok(None) };
        Ok(Some(value.data().to_vec()))
    }

    fn page(&self, file: &Bytewise, chunk: &ChunkPages, key: (u32, u32, usize)) -> Result<Page, String> {
        let turn = (key.0 as usize).wrapping_mul(31).wrapping_add(key.1 as usize).wrapping_mul(31).wrapping_add(key.2);
        let _turn = self.turns[turn % self.turns.len()].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = lock(&self.pages).get(&key) {
            return Ok(page);
        }
        let page = chunk.read(file, key.2)?;
        lock(&self.pages).insert(key, page.clone(), page.buffer().len());
        Ok(page)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
