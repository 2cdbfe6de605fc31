/// Runs `f` with the widest vector instructions that the machine has. Loops inside it, and inside what is inlined into it,
/// are compiled for each set; every operation is still the one that is written, so the results are the same on all.
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Drops the fraction of a number from 0 to 255. The language's own cast also looks for numbers out of range, which keeps it
/// from being vectorised.
#[inline(always)]
pub(super) fn byte_f32(x: f32) -> u8 {
    // From here on single precision has whole numbers only: adding it rounds to the nearest, and the lowest bits are the
    // number.
    const WHOLE: f32 = (1 << 23) as f32;
    let nearest = (x + WHOLE) - WHOLE;
    let down = if nearest > x { nearest - 1.0 } else { nearest };
    (down + WHOLE).to_bits() as u8
}

/// The same for double precision.
#[inline(always)]
pub(super) fn byte_f64(x: f64) -> u8 {
    const WHOLE: f64 = (1u64 << 52) as f64;
    let nearest = (x + WHOLE) - WHOLE;
    let down = if nearest > x { nearest - 1.0 } else { nearest };
    (down + WHOLE).to_bits() as u8
}
