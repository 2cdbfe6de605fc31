//! Which vector instructions the decoder is compiled for.

/// Runs `f` with vectors of eight 32-bit numbers where the machine has them (AVX2), else with what it has.
///
/// Not with longer ones: a block has eight rows and columns, and the compiler gathers pieces of several for sixteen lanes, which takes
/// several times as long.
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    return match pulp::x86::V3::try_new() {
        Some(vectors) => vectors.vectorize(f),
        None => f(),
    };
    #[cfg(not(target_arch = "x86_64"))]
    return pulp::Arch::new().dispatch(f);
}
