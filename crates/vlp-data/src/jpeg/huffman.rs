//! Huffman tables.

use super::Fault;
use super::bits::Bits;

/// Codes of up to this many bits are looked up at once.
const FAST: u32 = 10;

/// What a code stands for. Bits 0 to 7: those of the code and the number behind it; 8 to 15: those of the code; 16 to 19: those of the
/// number; 20 to 23: the zeros before it.
type Entry = u32;

fn entry(length: u32, symbol: u8) -> Entry {
    let size = u32::from(symbol & 15);
    u32::from(symbol) << 16 | length << 8 | (length + size)
}

/// A table of codes.
#[derive(Clone)]
pub(super) struct Huffman {
    /// By the next bits; 0 where the code is longer.
    fast: [Entry; 1 << FAST],
    /// By length: the first code that is longer, in 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code for the place of its symbol.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Huffman {
    /// From the number of codes of each length and the symbols in their order.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8], of_differences: bool) -> Result<Self, String> {
        let mut table = Self { fast: [0; 1 << FAST], limits: [0; 17], offsets: [0; 17], symbols: [0; 256] };
        table.symbols[..symbols.len()].copy_from_slice(symbols);
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16 {
            let count = usize::from(counts[length - 1]);
            table.offsets[length] = place as i32 - code as i32;
            for &symbol in &symbols[place..place + count] {
                if code >> length != 0 {
                    return Err("a Huffman table has more codes than there are".to_owned());
                }
                if of_differences && symbol > 15 {
                    return Err(format!("a Huffman table of differences has the size {symbol}"));
                }
                table.enter(code, length as u32, symbol);
                code += 1;
            }
            place += count;
            table.limits[length] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        if let Some(rest) = FAST.checked_sub(length) {
            let first = (code << rest) as usize;
            self.fast[first..first + (1 << rest)].fill(entry(length, symbol));
        }
    }

    /// The entry of the next code; enough bits are ready.
    #[inline(always)]
    fn next(&self, bits: &Bits<'_>) -> Result<Entry, Fault> {
        let entry = self.fast[bits.peek(FAST) as usize];
        if entry == 0 { self.longer(bits.peek(16)) } else { Ok(entry) }
    }

    /// The entry of a longer code, of the next 16 bits.
    #[cold]
    #[inline(never)]
    fn longer(&self, next: u32) -> Result<Entry, Fault> {
        let length = (FAST as usize + 1..=16).find(|&length| next < self.limits[length]).ok_or(Fault::Code)?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length];
        Ok(entry(length as u32, self.symbols[place as usize & 255]))
    }

    /// The next difference; enough bits are ready.
    #[inline(always)]
    pub(super) fn difference(&self, bits: &mut Bits<'_>) -> Result<i32, Fault> {
        let entry = self.next(bits)?;
        Ok(bits.number_behind(entry >> 8 & 31, entry >> 16 & 15, entry & 31))
    }

    /// The zeros before the next coefficient and the coefficient, or a symbol that stands for no number; enough bits are ready.
    #[inline(always)]
    pub(super) fn coefficient(&self, bits: &mut Bits<'_>) -> Result<Coefficient, Fault> {
        let entry = self.next(bits)?;
        // The value of a symbol without a number is zero, which no number is.
        let value = bits.number_behind(entry >> 8 & 31, entry >> 16 & 15, entry & 31);
        Ok(Coefficient { zeros: entry >> 20, value: value as i16 })
    }
}

/// A run of zeros and what follows it.
pub(super) struct Coefficient {
    pub(super) zeros: u32,
    /// Zero where no number follows: 15 zeros are then 16, fewer are the end of the block.
    pub(super) value: i16,
}
