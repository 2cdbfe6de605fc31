//! The inverse cosine transform, in the integers of the Independent JPEG Group's accurate method, so that every decoder that uses it
//! (libjpeg, libjpeg-turbo, and so Pillow) has the same samples.

/// Multiples of 2^-13.
const ONE: i32 = 1 << 13;

/// One dimension of eight numbers; `add` is half of what the results are to be divided by, which is 2^`shift`.
#[inline(always)]
fn transform(x: [i32; 8], add: i32, shift: u32) -> [i32; 8] {
    let sum = |a: i32, b: i32| a.wrapping_add(b);
    let times = |a: i32, b: i32| a.wrapping_mul(b);
    // The even part: cosines of multiples of pi/8.
    let z = times(sum(x[2], x[6]), 4433);
    let (low, high) = (sum(z, times(x[6], -15137)), sum(z, times(x[2], 6270)));
    let (plus, minus) = (times(sum(x[0], x[4]), ONE), times(x[0].wrapping_sub(x[4]), ONE));
    let even =
        [sum(plus, high), sum(minus, low), minus.wrapping_sub(low), plus.wrapping_sub(high)].map(|v| sum(v, add));
    // The odd part.
    let (z1, z2, z3, z4) = (sum(x[7], x[1]), sum(x[5], x[3]), sum(x[7], x[3]), sum(x[5], x[1]));
    let z5 = times(sum(z3, z4), 9633);
    let (z1, z2) = (times(z1, -7373), times(z2, -20995));
    let (z3, z4) = (sum(times(z3, -16069), z5), sum(times(z4, -3196), z5));
    let odd = [
        sum(times(x[1], 12299), sum(z1, z4)),
        sum(times(x[3], 25172), sum(z2, z3)),
        sum(times(x[5], 16819), sum(z2, z4)),
        sum(times(x[7], 2446), sum(z1, z3)),
    ];
    [
        sum(even[0], odd[0]) >> shift,
        sum(even[1], odd[1]) >> shift,
        sum(even[2], odd[2]) >> shift,
        sum(even[3], odd[3]) >> shift,
        even[3].wrapping_sub(odd[3]) >> shift,
        even[2].wrapping_sub(odd[2]) >> shift,
        even[1].wrapping_sub(odd[1]) >> shift,
        even[0].wrapping_sub(odd[0]) >> shift,
    ]
}

/// Which coefficients of a block may differ from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The first, which is the block's level.
    Level,
    /// Those of the first four rows and columns.
    Corner,
    /// All.
    Whole,
}

impl Reach {
    /// Of a block whose last coefficient in zigzag order is at this place.
    #[inline(always)]
    pub(super) fn of_last(last: usize) -> Self {
        match last {
            0 => Self::Level,
            // The next one is in the fifth row.
            1..10 => Self::Corner,
            _ => Self::Whole,
        }
    }

    /// Of a block of coefficients in rows.
    #[inline(always)]
    pub(super) fn of(block: &[i16; 64]) -> Self {
        let any = |first: usize, last: usize| block[first..last].iter().fold(0, |any, &coefficient| any | coefficient);
        let outside = any(4, 8) | any(12, 16) | any(20, 24) | any(28, 64);
        match (outside, any(1, 64)) {
            (0, 0) => Self::Level,
            (0, _) => Self::Corner,
            _ => Self::Whole,
        }
    }
}

/// Coefficients in rows, times their steps, to samples: `samples` begins at the block's first one, rows lie `stride` apart.
#[inline(always)]
pub(super) fn idct(coefficients: &[i16; 64], steps: &[i32; 64], reach: Reach, samples: &mut [u8], stride: usize) {
    match reach {
        Reach::Level => {
            let level = i32::from(coefficients[0]).wrapping_mul(steps[0]).wrapping_add(4) >> 3;
            let sample = level.wrapping_add(128).clamp(0, 255) as u8;
            (0..8).for_each(|row| samples[row * stride..][..8].fill(sample));
        }
        Reach::Corner => square::<4>(coefficients, steps, samples, stride),
        Reach::Whole => square::<8>(coefficients, steps, samples, stride),
    }
}

/// The same for the first `SIDE` rows and columns of coefficients, where all others are zero.
#[inline(always)]
fn square<const SIDE: usize>(coefficients: &[i16; 64], steps: &[i32; 64], samples: &mut [u8], stride: usize) {
    let mut columns = [0i32; 64];
    for column in 0..8 {
        let x: [i32; 8] = std::array::from_fn(|row| {
            let at = row * 8 + column;
            if row < SIDE { i32::from(coefficients[at]).wrapping_mul(steps[at]) } else { 0 }
        });
        // Two bits more than the samples have.
        let y = transform(x, 1 << 10, 11);
        (0..8).for_each(|row| columns[row * 8 + column] = y[row]);
    }
    let turned = turn(&columns);
    let mut levels = [0u8; 64];
    for row in 0..8 {
        let x: [i32; 8] = std::array::from_fn(|column| if column < SIDE { turned[column * 8 + row] } else { 0 });
        let y = transform(x, (1 << 17) + (128 << 18), 18);
        (0..8).for_each(|column| levels[column * 8 + row] = y[column].clamp(0, 255) as u8);
    }
    for (row, line) in turn_bytes(&levels).as_chunks::<8>().0.iter().enumerate() {
        samples[row * stride..][..8].copy_from_slice(line);
    }
}

/// Rows to columns.
#[inline(always)]
fn turn(square: &[i32; 64]) -> [i32; 64] {
    std::array::from_fn(|at| square[at % 8 * 8 + at / 8])
}

/// Rows to columns: halves, quarters and eighths of the square change places, eight bytes at a time.
#[inline(always)]
fn turn_bytes(square: &[u8; 64]) -> [u8; 64] {
    let mut rows: [u64; 8] =
        std::array::from_fn(|row| u64::from_le_bytes(std::array::from_fn(|column| square[row * 8 + column])));
    for (distance, mask) in [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)] {
        for row in (0..8).filter(|row| row & distance == 0) {
            let shift = 8 * distance;
            let swapped = (rows[row] >> shift ^ rows[row + distance]) & mask;
            rows[row + distance] ^= swapped;
            rows[row] ^= swapped << shift;
        }
    }
    let mut turned = [0; 64];
    turned.as_chunks_mut::<8>().0.iter_mut().zip(rows).for_each(|(line, row)| *line = row.to_le_bytes());
    turned
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::super::header::ZIGZAG;
    use super::{Reach, idct};

    /// The definition, in double precision.
    fn exact(coefficients: &[f64; 64]) -> [f64; 64] {
        let scale = |k: usize| if k == 0 { 0.5f64.sqrt() } else { 1.0 };
        std::array::from_fn(|at| {
            let (y, x) = ((at / 8) as f64, (at % 8) as f64);
            let terms = (0..64).map(|k| {
                let (v, u) = (k / 8, k % 8);
                let wave =
                    ((2.0 * x + 1.0) * u as f64 * PI / 16.0).cos() * ((2.0 * y + 1.0) * v as f64 * PI / 16.0).cos();
                scale(u) * scale(v) * coefficients[k] * wave / 4.0
            });
            terms.sum::<f64>() + 128.0
        })
    }

    #[test]
    fn samples_are_those_of_the_definition() {
        let mut state = 1u32;
        let mut next = move |range: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % range
        };
        for round in 0..2000 {
            let steps: [i32; 64] = std::array::from_fn(|_| 1 + next(20) as i32);
            let mut coefficients = [0i16; 64];
            for _ in 0..=round % 20 {
                coefficients[next(64) as usize] = next(21) as i16 - 10;
            }
            let mut samples = [0; 8 * 11];
            idct(&coefficients, &steps, Reach::Whole, &mut samples, 11);
            let right = exact(&std::array::from_fn(|k| f64::from(coefficients[k]) * f64::from(steps[k])));
            for (at, right) in right.iter().enumerate() {
                let off = f64::from(samples[at / 8 * 11 + at % 8]) - right.clamp(0.0, 255.0);
                assert!(off.abs() < 0.6, "{off} at {at}");
            }
        }
    }

    #[test]
    fn short_ways_lead_to_the_same_samples() {
        let mut state = 7u32;
        let mut next = move |range: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % range
        };
        for round in 0..4000 {
            let mut coefficients = [0; 64];
            // Sums beyond 32 bits, which are of no picture, would wrap in one of the ways only.
            coefficients[0] = round as i16 - 2000;
            for _ in 0..round % 7 {
                coefficients[(next(4) * 8 + next(4)) as usize] = next(201) as i16 - 100;
            }
            let steps = std::array::from_fn(|_| 1 + next(8) as i32);
            let reach = Reach::of(&coefficients);
            assert_eq!(reach == Reach::Level, coefficients[1..].iter().all(|&coefficient| coefficient == 0));
            let (mut short, mut long) = ([0; 64], [0; 64]);
            idct(&coefficients, &steps, reach, &mut short, 8);
            idct(&coefficients, &steps, Reach::Whole, &mut long, 8);
            assert_eq!(short, long, "{coefficients:?}");
        }
    }

    #[test]
    fn the_reach_of_a_block_is_told_by_its_last_coefficient() {
        for last in 0..64 {
            let mut block = [0; 64];
            block[usize::from(ZIGZAG[last])] = 1;
            let (by_last, by_block) = (Reach::of_last(last), Reach::of(&block));
            // By its place it may reach less far than all before it do.
            assert!(by_block == by_last || last >= 10 && by_block == Reach::Corner, "{last}");
        }
        let corner = ZIGZAG[..10].iter().all(|&at| at % 8 < 4 && at / 8 < 4);
        assert!(corner && ZIGZAG[10] == 32, "the last place of the corner");
    }
}
