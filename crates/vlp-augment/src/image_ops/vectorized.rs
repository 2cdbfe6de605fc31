/// Runs `f` with the widest vector instructions that the machine has. Loops inside it, and inside what is inlined into it,
/// are compiled for each set; every operation is still the one that is written, so the results are the same on all.
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
