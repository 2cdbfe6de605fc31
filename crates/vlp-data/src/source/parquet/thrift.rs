//! Just enough of Thrift's compact protocol to look at headers before anything is allocated for them.

/// Why a structure cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThriftError {
    /// It goes on after the bytes given.
    Short,
    /// It is not such a structure.
    Malformed,
}

/// A position in encoded bytes.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Types on the wire that are told apart here.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const I32: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Structures inside one another; parquet's own have four.
const MOST_LEVELS: usize = 16;

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, ThriftError> {
        let byte = *self.bytes.get(self.at).ok_or(ThriftError::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ThriftError::Malformed)
    }

    /// A signed number of at most 32 bits.
    pub(super) fn int(&mut self) -> Result<i32, ThriftError> {
        let value = self.varint()?;
        let value = (value >> 1) as i64 ^ -((value & 1) as i64);
        i32::try_from(value).map_err(|_| ThriftError::Malformed)
    }

    /// Number and type of a structure's next field; none at its end.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<(i16, u8)>, ThriftError> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let delta = i16::from(head >> 4);
        let number = match delta {
            0 => i16::try_from(self.int()?).ok(),
            _ => last.checked_add(delta),
        };
        *last = number.ok_or(ThriftError::Malformed)?;
        Ok(Some((*last, head & 15)))
    }

    /// Type and number of a list's elements.
    pub(super) fn list(&mut self) -> Result<(u8, usize), ThriftError> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| ThriftError::Malformed)?,
            length => usize::from(length),
        };
        Ok((head & 15, length))
    }

    /// Passes over a value of this type.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), ThriftError> {
        self.skip_below(kind, 0)
    }

    fn skip_below(&mut self, kind: u8, level: usize) -> Result<(), ThriftError> {
        if level > MOST_LEVELS {
            return Err(ThriftError::Malformed);
        }
        match kind {
            TRUE | FALSE => Ok(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (kind, length) = self.list()?;
                // Booleans take a byte in lists, so that every element takes one.
                let kind = if kind <= FALSE { 3 } else { kind };
                (0..length).try_for_each(|_| self.skip_below(kind, level + 1))
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip_below(kind, level + 1)?;
                }
                Ok(())
            }
            _ => Err(ThriftError::Malformed),
        }
    }

    fn pass(&mut self, length: u64) -> Result<(), ThriftError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        self.at = end.filter(|&end| end <= self.bytes.len()).ok_or(ThriftError::Short)?;
        Ok(())
    }
}
