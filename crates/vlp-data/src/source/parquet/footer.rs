use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::file::Bytewise;
use super::thrift::{Compact, I32, LIST, STRUCT, ThriftError};

/// The longest footer that is read: some hundred thousand row groups of a dozen columns.
const FOOTER_BYTES: u64 = 256 << 20;

/// Groups inside one another in a schema, and columns. What reads the schema calls itself for each level.
const MOST_LEVELS: usize = 32;
const MOST_COLUMNS: usize = 100_000;

/// Schema and row groups of a file.
pub(super) fn read_footer(file: &Bytewise) -> Result<ParquetMetaData, String> {
    let length = file.length();
    let no_parquet = || "no Parquet file: it does not end in PAR1, or is cut off".to_owned();
    let tail = length.checked_sub(8).filter(|&at| at >= 4).ok_or_else(no_parquet)?;
    let tail = file.bytes(tail, 8).map_err(|error| error.to_string())?;
    if tail[4..] == *b"PARE" {
        return Err("encrypted Parquet files are not read".to_owned());
    }
    if tail[4..] != *b"PAR1" {
        return Err(no_parquet());
    }
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer > FOOTER_BYTES || footer + 12 > length {
        return Err(format!("its end claims a footer of {footer} bytes in a file of {length}"));
    }
    let footer = file.bytes(length - 8 - footer, footer as usize).map_err(|error| error.to_string())?;
    check_schema(&footer).map_err(|error| match error {
        ThriftError::Short => "the footer is cut off".to_owned(),
        ThriftError::Malformed => "the footer is malformed, or its schema too deep or too wide".to_owned(),
    })?;
    ParquetMetaDataReader::decode_metadata(&footer).map_err(|error| format!("the footer cannot be read: {error}"))
}

/// Refuses schemas that would take too much stack or memory.
fn check_schema(footer: &[u8]) -> Result<(), ThriftError> {
    let mut input = Compact::new(footer);
    let mut last = 0;
    while let Some(field) = input.field(&mut last)? {
        match field {
            (2, LIST) => return check_elements(&mut input),
            (_, kind) => input.skip(kind)?,
        }
    }
    Err(ThriftError::Malformed)
}

/// Elements stand in the order of a walk, each with the number of its children.
fn check_elements(input: &mut Compact<'_>) -> Result<(), ThriftError> {
    let (kind, length) = input.list()?;
    if kind != STRUCT || length > MOST_COLUMNS {
        return Err(ThriftError::Malformed);
    }
    // Children still to come, of each group that is open.
    let mut open: Vec<usize> = Vec::new();
    for number in 0..length {
        let (mut last, mut children) = (0, 0);
        while let Some(field) = input.field(&mut last)? {
            match field {
                (5, I32) => children = usize::try_from(input.int()?).map_err(|_| ThriftError::Malformed)?,
                (_, kind) => input.skip(kind)?,
            }
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        open.push(children);
        if open.len() > MOST_LEVELS || children > length - number {
            return Err(ThriftError::Malformed);
        }
        while open.pop_if(|left| *left == 0).is_some() {}
    }
    Ok(())
}
