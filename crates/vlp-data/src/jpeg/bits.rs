//! The entropy-coded bytes of a scan as bits.

use super::Fault;

/// Reads bits, the highest of a byte first, and drops what is stuffed behind 0xFF. A marker ends the data: zeros follow, and
/// [`Bits::is_overrun`] says whether any of them was taken.
///
/// It is small and copied rather than borrowed where the rare ways lead out of line, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest on; below `count` of them is the beginning of the next byte, or zeros.
    buffer: u64,
    count: u32,
    /// How many of the bits come from no byte.
    padded: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0, padded: 0 }
    }

    /// Makes at least 33 bits ready: any code with the number that follows it.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count > 32 {
            return;
        }
        if let Some(&eight) = self.bytes.get(self.at..).and_then(|left| left.first_chunk()) {
            let word = u64::from_be_bytes(eight);
            // Whether a byte of the word is 0xFF, so that a byte of its inverse is zero.
            if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                // All that there is room for, of which whole bytes count: the rest is put there again.
                self.buffer |= word >> self.count;
                let bytes = (63 - self.count) >> 3;
                self.at += bytes as usize;
                self.count += 8 * bytes;
                return;
            }
        }
        *self = self.refilled_by_bytes();
    }

    #[cold]
    #[inline(never)]
    fn refilled_by_bytes(mut self) -> Self {
        while self.count <= 56 {
            let byte = match self.bytes.get(self.at) {
                Some(0xff) => {
                    let fill = self.bytes[self.at..].iter().take_while(|&&byte| byte == 0xff).count();
                    match self.bytes.get(self.at + fill) {
                        Some(0) => self.at += fill,
                        // A marker, or the end of the file.
                        _ => break,
                    }
                    0xff
                }
                Some(&byte) => byte,
                None => break,
            };
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        if self.count <= 56 {
            self.padded += 64 - self.count;
            self.count = 64;
        }
        self
    }

    /// The next bits, at least one, of those that are ready.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> u32 {
        (self.buffer >> (64 - bits)) as u32
    }

    #[inline(always)]
    pub(super) fn consume(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count = self.count.wrapping_sub(bits);
    }

    /// A number of `size` bits, from 0 to 15 of those that are ready, behind a code, in the coding of differences and coefficients.
    /// `both` is the length of code and number.
    #[inline(always)]
    pub(super) fn number_behind(&mut self, code: u32, size: u32, both: u32) -> i32 {
        // Two steps, since a shift by 64 is none.
        let bits = (self.buffer << code >> 1 >> (63 - size)) as i32;
        self.consume(both);
        extend(bits, size)
    }

    /// Plain bits, from 0 to 15.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        self.refill();
        let value = (self.buffer >> 1 >> (63 - bits)) as u32;
        self.consume(bits);
        value
    }

    /// Whether more was taken than there is.
    #[inline(always)]
    pub(super) fn is_overrun(&self) -> bool {
        self.padded > self.count
    }

    /// Where the marker behind the data is to be looked for.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The bits behind the restart marker of this number.
    pub(super) fn restarted(self, number: u8) -> Result<Self, Fault> {
        // Everything before a marker may have been read already, the marker has not.
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let marker = left.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        let at = marker.ok_or(Fault::Ended)?;
        if left[at + 1] != 0xd0 + number {
            // Where the scan is simply cut off, that is the fault to tell.
            return Err(if left[at + 1] & 0xf8 == 0xd0 { Fault::Restart } else { Fault::Ended });
        }
        Ok(Self::new(self.bytes, self.at + at + 2))
    }
}

/// The lower half of the numbers of a size are the negative ones.
#[inline(always)]
fn extend(bits: i32, size: u32) -> i32 {
    let half = (1 << size) >> 1;
    if bits < half { bits - (1 << size) + 1 } else { bits }
}
