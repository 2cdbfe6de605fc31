use parquet::basic::{Compression, Encoding};
use parquet::column::page::Page;
use parquet::file::metadata::ColumnChunkMetaData;

use super::file::Bytewise;
use super::page_header::{PageHeader, SecondVersion};
use super::thrift::ThriftError;
use super::unpack::unpack;

/// The largest page, unpacked. Writers that look at a page's size only every thousand values make pages of all pictures of a row group.
const PAGE_BYTES: u32 = 512 << 20;

/// The longest header: it may hold the smallest and largest value.
const HEADER_BYTES: usize = 16 << 20;

/// One page: what its header says, and where what follows lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct PagePlace {
    pub(super) header: PageHeader,
    at: u64,
    /// Number of its first value in the column chunk.
    pub(super) first: u64,
}

/// Where a column lies in one row group.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPlace {
    begin: u64,
    end: u64,
    values: u64,
    codec: Compression,
}

impl ChunkPlace {
    /// What the footer says, if it can be true.
    pub(super) fn new(file: &Bytewise, chunk: &ColumnChunkMetaData) -> Result<Self, String> {
        if chunk.file_path().is_some() {
            return Err("a column lies in another file, which is not read".to_owned());
        }
        let number = |n: i64| u64::try_from(n).map_err(|_| format!("the footer gives a column {n} as a place or size"));
        let data = number(chunk.data_page_offset())?;
        // Some writers give 0 where there is no dictionary.
        let dictionary = chunk.dictionary_page_offset().map(number).transpose()?.filter(|&at| at > 0);
        let begin = dictionary.map_or(data, |at| at.min(data));
        let end = begin.checked_add(number(chunk.compressed_size())?).filter(|&end| end <= file.length());
        let end = end.ok_or("a column lies behind the end of the file: is it cut off?")?;
        Ok(Self { begin, end, values: number(chunk.num_values())?, codec: chunk.compression() })
    }
}

/// The pages of a column in one row group, found by walking over their headers.
#[derive(Debug, Clone)]
pub(super) struct ChunkPages {
    pub(super) pages: Vec<PagePlace>,
    codec: Compression,
}

impl ChunkPages {
    /// No pages.
    pub(super) fn none() -> Self {
        Self { pages: Vec::new(), codec: Compression::UNCOMPRESSED }
    }

    pub(super) fn index(file: &Bytewise, place: &ChunkPlace) -> Result<Self, String> {
        let ChunkPlace { begin: mut at, end, values: wanted, codec } = *place;
        let (mut pages, mut values) = (Vec::new(), 0);
        while at < end && values < wanted {
            let (header, length) = read_header(file, at, end)?;
            let begin = at + length as u64;
            at = begin + u64::from(header.packed);
            if at > end {
                return Err(format!("a page of {} bytes goes beyond its column", header.packed));
            }
            if header.unpacked > PAGE_BYTES {
                return Err(format!("a page of {} bytes, the limit is {PAGE_BYTES}", header.unpacked));
            }
            if header.kind == PageHeader::INDEX {
                continue;
            }
            pages.push(PagePlace { header, at: begin, first: values });
            if header.is_data() {
                values += u64::from(header.values);
            }
        }
        if values != wanted {
            return Err(format!("a column has {values} of the {wanted} values that the footer claims"));
        }
        Ok(Self { pages, codec })
    }

    /// Memory that this takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.pages.len() * size_of::<PagePlace>()
    }

    /// The data page that holds a value, with the page of the dictionary where there is one.
    pub(super) fn find(&self, value: u64) -> Option<(Option<usize>, usize)> {
        let behind = self.pages.partition_point(|page| page.first <= value);
        // Of pages that begin with one value the last is the one that is not empty.
        let found = behind.checked_sub(1).filter(|&at| self.pages[at].header.is_data())?;
        let page = &self.pages[found];
        let coded = [Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY].map(|encoding| encoding as i32);
        let dictionary = coded.contains(&page.header.encoding).then_some(0).filter(|_| !self.pages[0].header.is_data());
        (value - page.first < u64::from(page.header.values)).then_some((dictionary, found))
    }

    /// Reads and unpacks a page.
    pub(super) fn read(&self, file: &Bytewise, number: usize) -> Result<Page, String> {
        let PagePlace { header, at, .. } = *self.pages.get(number).ok_or("no such page")?;
        let stored = file.bytes(at, header.packed as usize).map_err(|error| error.to_string())?;
        let unpacked = header.unpacked as usize;
        let encoding = |number: i32| {
            let known = Encoding::VARIANTS.iter().find(|encoding| **encoding as i32 == number);
            known.copied().ok_or_else(|| format!("unknown encoding {number}"))
        };
        let (values, of_values) = (header.values, encoding(header.encoding)?);
        if header.kind == PageHeader::DICTIONARY {
            let buf = unpack(stored, self.codec, unpacked)?;
            return Ok(Page::DictionaryPage { buf, num_values: values, encoding: of_values, is_sorted: false });
        }
        let Some(SecondVersion { nulls, rows, definition_bytes, repetition_bytes, packed }) = header.second else {
            return Ok(Page::DataPage {
                buf: unpack(stored, self.codec, unpacked)?,
                num_values: values,
                encoding: of_values,
                def_level_encoding: encoding(header.definition_encoding)?,
                rep_level_encoding: encoding(header.repetition_encoding)?,
                statistics: None,
            });
        };
        // Levels stand before the values and are never packed.
        let levels = definition_bytes as usize + repetition_bytes as usize;
        if levels > stored.len() || levels > unpacked || nulls > values || rows > values {
            return Err("a page whose header contradicts itself".to_owned());
        }
        let codec = if packed { self.codec } else { Compression::UNCOMPRESSED };
        let buf = match codec {
            Compression::UNCOMPRESSED => stored,
            _ if levels == unpacked => stored.slice(..levels),
            _ => [stored.slice(..levels), unpack(stored.slice(levels..), codec, unpacked - levels)?].concat().into(),
        };
        if buf.len() != unpacked {
            return Err(format!("a page of {} bytes that should have {unpacked}", buf.len()));
        }
        Ok(Page::DataPageV2 {
            buf,
            num_values: values,
            encoding: of_values,
            num_nulls: nulls,
            num_rows: rows,
            def_levels_byte_len: definition_bytes,
            rep_levels_byte_len: repetition_bytes,
            is_compressed: packed,
            statistics: None,
        })
    }
}

/// The header at a place, and its length.
fn read_header(file: &Bytewise, at: u64, end: u64) -> Result<(PageHeader, usize), String> {
    let left = usize::try_from(end - at).unwrap_or(usize::MAX);
    let mut length = left.min(256);
    loop {
        let bytes = file.bytes(at, length).map_err(|error| error.to_string())?;
        match PageHeader::parse(&bytes) {
            Ok(found) => return Ok(found),
            Err(ThriftError::Short) if length < left && length < HEADER_BYTES => length = left.min(16 * length),
            Err(_) => return Err(format!("no page header at byte {at}")),
        }
    }
}
