//! Which vector instructions the decoder is compiled for.

/// Runs `f` with vectors of eight 32-bit numbers where the machine has them (AVX2), else with what it has.
///
/// Not with longer ones: a block has eight rows and columns, and the compiler gathers pieces of several for sixteen lanes, which takes
/// several times as long.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    match pulp::x86::V3::try_new() {
        Some(vectors) => vectors.vectorize(f),
        None => f(),
    }
}

/// Runs `f` with the vectors that the machine has.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
