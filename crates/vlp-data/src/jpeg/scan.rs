//! The coded data of a scan: which block comes next, and what is coded of it.

use super::bits::Bits;
use super::header::{Component, Frame, Header, Scan, ZIGZAG};
use super::huffman::Huffman;
use super::idct::{Reach, idct};
use super::vectorized::vectorized;
use super::{Coefficients, Fault, Plane};

/// Calls `block` for each block of a scan: number within the scan, number within the picture's component, column and row.
#[inline(always)]
fn for_each_block(
    (frame, scan, restart): (&Frame, &Scan, usize),
    bits: &mut Bits<'_>,
    mut begin: impl FnMut(),
    mut block: impl FnMut(usize, [usize; 2], &mut Bits<'_>) -> Result<(), Fault>,
) -> Result<(), String> {
    let single = scan.components.len() == 1;
    let first = &frame.components[scan.components[0].0];
    let units = if single { first.blocks } else { frame.units };
    // Alone a component has units of one block.
    let factors =
        |&(component, ..): &(usize, usize, usize)| if single { [1, 1] } else { frame.components[component].factors };
    let units_of: Vec<[usize; 2]> = scan.components.iter().map(factors).collect();
    let (mut left, mut marker) = (restart, 0u8);
    // A copy whose address nothing out of line sees.
    let whole = bits;
    let mut bits = *whole;
    for row in 0..units[1] {
        let told = |fault: Fault| fault.told(row, units[1]);
        for column in 0..units[0] {
            if restart > 0 {
                if left == 0 {
                    bits = bits.restarted(marker).map_err(told)?;
                    begin();
                    (left, marker) = (restart, (marker + 1) % 8);
                }
                left -= 1;
            }
            for (number, &[across, down]) in units_of.iter().enumerate() {
                for y in 0..down {
                    for x in 0..across {
                        block(number, [column * across + x, row * down + y], &mut bits).map_err(told)?;
                    }
                }
            }
            if bits.is_overrun() {
                return Err(told(Fault::Ended));
            }
        }
    }
    *whole = bits;
    Ok(())
}

/// The tables of a scan's components.
fn tables<'a>(
    scan: &Scan,
    header: &'a Header,
    of: impl Fn(&'a Header, &(usize, usize, usize)) -> Option<&'a Huffman>,
) -> Result<Vec<&'a Huffman>, String> {
    let found = scan.components.iter().map(|component| of(header, component));
    found.collect::<Option<Vec<_>>>().ok_or_else(|| "a scan's Huffman table is missing".to_owned())
}

fn of_differences<'a>(header: &'a Header, &(_, table, _): &(usize, usize, usize)) -> Option<&'a Huffman> {
    header.differences.get(table)?.as_deref()
}

fn of_coefficients<'a>(header: &'a Header, &(.., table): &(usize, usize, usize)) -> Option<&'a Huffman> {
    header.coefficients.get(table)?.as_deref()
}

/// Decodes a sequential scan straight into samples.
pub(super) fn sequential(
    (frame, scan, header): (&Frame, &Scan, &Header),
    bits: &mut Bits<'_>,
    planes: &mut [Plane],
) -> Result<(), String> {
    let differences = tables(scan, header, of_differences)?;
    let coefficients = tables(scan, header, of_coefficients)?;
    let steps: Vec<[i32; 64]> =
        scan.components.iter().map(|&(number, ..)| frame.components[number].steps.unwrap_or([1; 64])).collect();
    vectorized(
        // What is moved in and used up makes it a closure that is called once: only then its body itself is inlined into the code for
        // each set of instructions, and not compiled beside it for the least one.
        #[inline(always)]
        move || {
            let (differences, coefficients, steps) = (differences, coefficients, steps);
            let predictions = std::cell::Cell::new([0i32; 4]);
            let mut block = [0i16; 64];
            for_each_block(
                (frame, scan, header.restart),
                bits,
                || predictions.set([0; 4]),
                #[inline(always)]
                |number, at, bits| {
                    bits.refill();
                    let difference = differences[number].difference(bits)?;
                    let mut predicted = predictions.get();
                    predicted[number] = predicted[number].wrapping_add(difference);
                    predictions.set(predicted);
                    block[0] = predicted[number] as i16;
                    let table = coefficients[number];
                    let (mut k, mut last) = (1, 0);
                    while k < 64 {
                        bits.refill();
                        let found = table.coefficient(bits)?;
                        if found.value == 0 {
                            if found.zeros != 15 {
                                break;
                            }
                            k += 16;
                            continue;
                        }
                        k += found.zeros as usize;
                        let place = ZIGZAG.get(k).ok_or(Fault::Band)?;
                        block[usize::from(*place) & 63] = found.value;
                        last = k;
                        k += 1;
                    }
                    let plane = &mut planes[scan.components[number].0];
                    let start = at[1] * 8 * plane.stride + at[0] * 8;
                    idct(&block, &steps[number], Reach::of_last(last), &mut plane.samples[start..], plane.stride);
                    block = [0; 64];
                    Ok(())
                },
            )
        },
    )
}

/// Decodes a scan of a progressive picture into coefficients.
pub(super) fn progressive(
    (frame, scan, header): (&Frame, &Scan, &Header),
    bits: &mut Bits<'_>,
    stored: &mut [Coefficients],
) -> Result<(), String> {
    let kept: [Option<u32>; 2] = [Some(scan.bits[0]).filter(|&bits| bits > 0), Some(scan.bits[1])];
    for &(number, ..) in &scan.components {
        for open in &mut stored[number].open[scan.band[0]..=scan.band[1]] {
            if *open != kept[0] {
                return Err("a scan refines bits that were not coded before it, or codes some again".to_owned());
            }
            *open = kept[1];
        }
    }
    let (first_time, shift) = (scan.bits[0] == 0, scan.bits[1]);
    let whole = (frame, scan, header.restart);
    if scan.band[0] == 0 {
        let tables = if first_time { tables(scan, header, of_differences)? } else { Vec::new() };
        let predictions = std::cell::Cell::new([0i32; 4]);
        return for_each_block(
            whole,
            bits,
            || predictions.set([0; 4]),
            |number, at, bits| {
                let level = &mut stored[scan.components[number].0].block(at)[0];
                bits.refill();
                if first_time {
                    let difference = tables[number].difference(bits)?;
                    let mut predicted = predictions.get();
                    predicted[number] = predicted[number].wrapping_add(difference);
                    predictions.set(predicted);
                    *level = (predicted[number] << shift) as i16;
                } else {
                    *level |= (bits.take(1) << shift) as i16;
                }
                Ok(())
            },
        );
    }
    let table = tables(scan, header, of_coefficients)?[0];
    let stored = &mut stored[scan.components[0].0];
    let run = std::cell::Cell::new(0u32);
    let [first, last] = scan.band;
    for_each_block(
        whole,
        bits,
        || run.set(0),
        |_, at, bits| {
            let block = stored.block(at);
            let mut band = Band { block, table, run: run.get(), first, last, shift };
            let done = if first_time { band.code(bits) } else { band.refine(bits) };
            run.set(band.run);
            done
        },
    )
}

/// The coefficients of a block that a progressive scan codes.
struct Band<'a> {
    block: &'a mut [i16; 64],
    table: &'a Huffman,
    /// Blocks, this one included, without any further new coefficient.
    run: u32,
    first: usize,
    last: usize,
    shift: u32,
}

impl Band<'_> {
    fn place(&mut self, k: usize) -> Result<&mut i16, Fault> {
        if k > self.last {
            return Err(Fault::Band);
        }
        Ok(&mut self.block[usize::from(ZIGZAG[k])])
    }

    #[inline(always)]
    fn code(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut k = self.first;
        while k <= self.last {
            bits.refill();
            let found = self.table.coefficient(bits)?;
            if found.value == 0 {
                if found.zeros != 15 {
                    self.run = (1 << found.zeros) + bits.take(found.zeros) - 1;
                    break;
                }
                k += 16;
                continue;
            }
            k += found.zeros as usize;
            let shift = self.shift;
            *self.place(k)? = found.value << shift;
            k += 1;
        }
        Ok(())
    }

    #[inline(always)]
    fn refine(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let mut k = self.first;
        while self.run == 0 && k <= self.last {
            bits.refill();
            let found = self.table.coefficient(bits)?;
            if found.value == 0 && found.zeros != 15 {
                self.run = (1 << found.zeros) + bits.take(found.zeros);
                break;
            }
            // So many coefficients that stay zero, then the new one; those that are not zero get their next bit.
            let mut zeros = found.zeros;
            while k <= self.last {
                if !self.add_bit(k, bits) {
                    if zeros == 0 {
                        break;
                    }
                    zeros -= 1;
                }
                k += 1;
            }
            if found.value != 0 {
                let new = 1i16 << self.shift;
                *self.place(k)? = if found.value > 0 { new } else { -new };
            }
            k += 1;
        }
        if self.run > 0 {
            (k..=self.last).for_each(|k| _ = self.add_bit(k, bits));
            self.run -= 1;
        }
        Ok(())
    }

    /// Whether there is a coefficient that is not zero, which gets its next bit.
    #[inline(always)]
    fn add_bit(&mut self, k: usize, bits: &mut Bits<'_>) -> bool {
        let coefficient = &mut self.block[usize::from(ZIGZAG[k])];
        if *coefficient == 0 {
            return false;
        }
        if bits.take(1) == 1 {
            let bit = 1i16 << self.shift;
            *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
        }
        true
    }
}

/// The samples of a component whose coefficients are all known.
pub(super) fn samples(component: &Component, stored: &Coefficients) -> Plane {
    let plane = Plane::new(component);
    let steps = component.steps.unwrap_or([1; 64]);
    vectorized(
        #[inline(always)]
        move || {
            let mut plane = plane;
            let rows =
                stored.blocks.chunks_exact(component.padded[0]).zip(plane.samples.chunks_exact_mut(plane.stride * 8));
            for (blocks, samples) in rows {
                for (column, block) in blocks.iter().enumerate() {
                    idct(block, &steps, Reach::of(block), &mut samples[column * 8..], plane.stride);
                }
            }
            plane
        },
    )
}
