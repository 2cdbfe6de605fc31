use std::collections::VecDeque;

use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

use super::file::Bytewise;
use super::pages::ChunkPages;

/// Some pages of a column, in order.
pub(super) struct Pages {
    file: Bytewise,
    chunk: ChunkPages,
    next: usize,
    /// Pages that are there already and come before the others.
    ready: VecDeque<Page>,
}

impl Pages {
    /// All pages of a column chunk, read when they are asked for.
    pub(super) fn all(file: Bytewise, chunk: ChunkPages) -> Self {
        Self { file, chunk, next: 0, ready: VecDeque::new() }
    }

    /// These pages and no others.
    pub(super) fn these(file: Bytewise, pages: impl IntoIterator<Item = Page>) -> Self {
        Self { file, chunk: ChunkPages::none(), next: 0, ready: pages.into_iter().collect() }
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        if let Some(page) = self.ready.pop_front() {
            return Ok(Some(page));
        }
        if self.next >= self.chunk.pages.len() {
            return Ok(None);
        }
        self.next += 1;
        self.chunk.read(&self.file, self.next - 1).map(Some).map_err(ParquetError::General)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if let Some(page) = self.ready.front() {
            let is_dict = matches!(page, Page::DictionaryPage { .. });
            let num_rows = match page {
                Page::DataPageV2 { num_rows, .. } => Some(*num_rows as usize),
                _ => None,
            };
            return Ok(Some(PageMetadata { num_rows, num_levels: Some(page.num_values() as usize), is_dict }));
        }
        Ok(self.chunk.pages.get(self.next).map(|page| PageMetadata {
            num_rows: page.header.second.map(|second| second.rows as usize),
            num_levels: Some(page.header.values as usize),
            is_dict: !page.header.is_data(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if self.ready.pop_front().is_none() {
            self.next += 1;
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
