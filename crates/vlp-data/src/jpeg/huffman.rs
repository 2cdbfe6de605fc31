//! Huffman tables.

use super::Fault;
use super::bits::{Bits, extend};

/// Codes of up to this many bits, and short numbers behind them, are looked up at once.
const FAST: u32 = 9;
/// Marks an entry that holds the number behind the code as well.
const NUMBER: u32 = 1 << 12;

/// A table of codes.
#[derive(Clone)]
pub(super) struct Huffman {
    /// By the next bits. Bits 0 to 7: how many to take, 0 where the code is longer. With [`NUMBER`] bits 8 to 11 are the zeros before the
    /// number, 16 to 31 the number; without it bits 16 to 23 are the symbol.
    fast: [u32; 1 << FAST],
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
                table.enter(code, length as u32, symbol, of_differences);
                code += 1;
            }
            place += count;
            table.limits[length] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    fn enter(&mut self, code: u32, length: u32, symbol: u8, of_differences: bool) {
        let Some(rest) = FAST.checked_sub(length) else { return };
        let (run, size) = (u32::from(symbol) >> 4, u32::from(symbol) & 15);
        for tail in 0..1u32 << rest {
            let entry = match rest.checked_sub(size) {
                Some(left) if size > 0 && !of_differences => {
                    let number = extend((tail >> left) as i32, size);
                    (number as u32) << 16 | NUMBER | run << 8 | (length + size)
                }
                _ => u32::from(symbol) << 16 | length,
            };
            self.fast[(code << rest | tail) as usize] = entry;
        }
    }

    /// The next size of a difference; enough bits are ready.
    #[inline(always)]
    pub(super) fn size(&self, bits: &mut Bits<'_>) -> Result<u32, Fault> {
        let entry = self.fast[bits.peek(FAST) as usize];
        let entry = if entry == 0 { self.longer(bits.peek(16))? } else { entry };
        bits.consume(entry & 0xff);
        Ok(entry >> 16)
    }

    /// The entry of a longer code, of the next 16 bits.
    #[cold]
    #[inline(never)]
    fn longer(&self, next: u32) -> Result<u32, Fault> {
        let length = (FAST as usize + 1..=16).find(|&length| next < self.limits[length]).ok_or(Fault::Code)?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length];
        Ok(u32::from(self.symbols[place as usize & 255]) << 16 | length as u32)
    }

    /// The zeros before the next coefficient and the coefficient, or a symbol that stands for no number; enough bits are ready.
    #[inline(always)]
    pub(super) fn coefficient(&self, bits: &mut Bits<'_>) -> Result<Coefficient, Fault> {
        let entry = self.fast[bits.peek(FAST) as usize];
        if entry & NUMBER != 0 {
            bits.consume(entry & 0xff);
            return Ok(Coefficient { zeros: entry >> 8 & 15, value: (entry >> 16) as i16 });
        }
        let entry = if entry == 0 { self.longer(bits.peek(16))? } else { entry };
        bits.consume(entry & 0xff);
        let symbol = entry >> 16;
        // The value of a symbol without a number is zero, which no number is.
        Ok(Coefficient { zeros: symbol >> 4, value: bits.number(symbol & 15) as i16 })
    }
}

/// A run of zeros and what follows it.
pub(super) struct Coefficient {
    pub(super) zeros: u32,
    /// Zero where no number follows: 15 zeros are then 16, fewer are the end of the block.
    pub(super) value: i16,
}
