use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Bytes in memory for the JPEG decoder, which asks for one or four of them at a time.
///
/// `std::io::Cursor` and the decoder's own reader copy any number of bytes by a call into the C library; here the two usual numbers
/// are a load each, inlined into the decoding of the entropy-coded data.
#[derive(Debug)]
pub(crate) struct BytesReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BytesReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline(always)]
    fn left(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Read for BytesReader<'_> {
    #[inline(always)]
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let left = self.left();
        if let ([target], Some(byte)) = (&mut *target, left.first()) {
            *target = *byte;
            self.at += 1;
            return Ok(1);
        }
        if let (Ok(target), Some(four)) = (<&mut [u8; 4]>::try_from(&mut *target), left.first_chunk()) {
            *target = *four;
            self.at += 4;
            return Ok(4);
        }
        let length = target.len().min(left.len());
        target[..length].copy_from_slice(&left[..length]);
        self.at += length;
        Ok(length)
    }
}

impl BufRead for BytesReader<'_> {
    #[inline(always)]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.left())
    }

    #[inline(always)]
    fn consume(&mut self, length: usize) {
        self.at = (self.at + length).min(self.bytes.len());
    }
}

impl Seek for BytesReader<'_> {
    #[inline(always)]
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => (self.bytes.len() as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => (self.at as u64).checked_add_signed(offset),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.at = usize::try_from(target).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    /// Reads of all lengths and seeks to everywhere, beyond the end too, as the standard library's cursor does them.
    #[test]
    fn reads_and_seeks_as_the_standard_cursor() {
        use std::io::{self, BufRead, Read, Seek, SeekFrom};

        use super::BytesReader;

        let bytes: Vec<u8> = (0..23).collect();
        let (mut ours, mut theirs) = (BytesReader::new(&bytes), io::Cursor::new(&bytes));
        let mut state = 1u64;
        for _ in 0..2000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 33) as usize % 9;
            match (state >> 60) as usize % 6 {
                0 => {
                    let to = SeekFrom::Current(number as i64 - 5);
                    assert_eq!(ours.seek(to).ok(), theirs.seek(to).ok());
                }
                1 => {
                    let to = SeekFrom::End(2 - 3 * number as i64);
                    assert_eq!(ours.seek(to).ok(), theirs.seek(to).ok());
                }
                2 => {
                    let to = SeekFrom::Start(number as u64);
                    assert_eq!(ours.seek(to).ok(), theirs.seek(to).ok());
                }
                3 => assert_eq!(ours.fill_buf().unwrap(), theirs.fill_buf().unwrap()),
                _ => {
                    let (mut a, mut b) = (vec![0; number], vec![0; number]);
                    assert_eq!(ours.read(&mut a).unwrap(), theirs.read(&mut b).unwrap());
                    assert_eq!(a, b);
                }
            }
            assert_eq!(ours.stream_position().unwrap(), theirs.position());
        }
    }
}
