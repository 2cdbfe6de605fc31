use super::thrift::{Compact, FALSE, I32, STRUCT, TRUE, ThriftError};

/// What stands before each page of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: i32,
    /// Bytes of the page, unpacked and as stored.
    pub(super) unpacked: u32,
    pub(super) packed: u32,
    pub(super) values: u32,
    pub(super) encoding: i32,
    pub(super) definition_encoding: i32,
    pub(super) repetition_encoding: i32,
    pub(super) second: Option<SecondVersion>,
}

/// What pages of the second version say beyond that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecondVersion {
    pub(super) nulls: u32,
    pub(super) rows: u32,
    pub(super) definition_bytes: u32,
    pub(super) repetition_bytes: u32,
    pub(super) packed: bool,
}

impl PageHeader {
    pub(super) const DATA: i32 = 0;
    pub(super) const INDEX: i32 = 1;
    pub(super) const DICTIONARY: i32 = 2;
    pub(super) const DATA_V2: i32 = 3;

    /// The header these bytes begin with, and its length.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize), ThriftError> {
        let mut input = Compact::new(bytes);
        let mut header = Self { kind: -1, ..Self::default() };
        let mut last = 0;
        while let Some((number, kind)) = input.field(&mut last)? {
            match (number, kind) {
                (1, I32) => header.kind = input.int()?,
                (2, I32) => header.unpacked = count(&mut input)?,
                (3, I32) => header.packed = count(&mut input)?,
                (5 | 7, STRUCT) => header.first_version(&mut input)?,
                (8, STRUCT) => header.second_version(&mut input)?,
                (_, kind) => input.skip(kind)?,
            }
        }
        match (header.kind, header.second) {
            (Self::DATA | Self::INDEX | Self::DICTIONARY, None) | (Self::DATA_V2, Some(_)) => Ok((header, input.at())),
            _ => Err(ThriftError::Malformed),
        }
    }

    /// Data and dictionary pages begin alike.
    fn first_version(&mut self, input: &mut Compact<'_>) -> Result<(), ThriftError> {
        let mut last = 0;
        while let Some((number, kind)) = input.field(&mut last)? {
            match (number, kind) {
                (1, I32) => self.values = count(input)?,
                (2, I32) => self.encoding = input.int()?,
                (3, I32) => self.definition_encoding = input.int()?,
                (4, I32) => self.repetition_encoding = input.int()?,
                (_, kind) => input.skip(kind)?,
            }
        }
        Ok(())
    }

    fn second_version(&mut self, input: &mut Compact<'_>) -> Result<(), ThriftError> {
        let mut second = SecondVersion { nulls: 0, rows: 0, definition_bytes: 0, repetition_bytes: 0, packed: true };
        let mut last = 0;
        while let Some((number, kind)) = input.field(&mut last)? {
            match (number, kind) {
                (1, I32) => self.values = count(input)?,
                (2, I32) => second.nulls = count(input)?,
                (3, I32) => second.rows = count(input)?,
                (4, I32) => self.encoding = input.int()?,
                (5, I32) => second.definition_bytes = count(input)?,
                (6, I32) => second.repetition_bytes = count(input)?,
                (7, TRUE | FALSE) => second.packed = kind == TRUE,
                (_, kind) => input.skip(kind)?,
            }
        }
        self.second = Some(second);
        Ok(())
    }

    /// Whether it holds values that count as rows of the column.
    pub(super) fn is_data(&self) -> bool {
        matches!(self.kind, Self::DATA | Self::DATA_V2)
    }
}

fn count(input: &mut Compact<'_>) -> Result<u32, ThriftError> {
    u32::try_from(input.int()?).map_err(|_| ThriftError::Malformed)
}
