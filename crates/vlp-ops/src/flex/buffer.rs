//! Buffers that are written once: a fresh vector of zeros would be written twice, which for activations of tens of megabytes costs
//! as much as the arithmetic.

use std::mem::{ManuallyDrop, MaybeUninit};

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, FloatDType, Shape};
use burn_flex::{FlexTensor, Layout};
use rayon::prelude::*;

use super::math::vectorised;

/// Numbers that one task treats: enough to outweigh its start, few enough to stay in the cache.
pub(super) const TASK: usize = 1 << 14;

/// Room for so many numbers, none of them written.
#[expect(unsafe_code, reason = "the only way to a vector that nobody writes first")]
pub(super) fn room(length: usize) -> Vec<MaybeUninit<f32>> {
    let mut values = Vec::with_capacity(length);
    // SAFETY: the capacity is `length`, and an element that may be unwritten needs no writing.
    unsafe { values.set_len(length) };
    values
}

/// The numbers of a buffer that was written whole.
///
/// # Safety
/// Every element must have been written.
#[expect(unsafe_code, reason = "see `room`")]
pub(super) unsafe fn written(values: Vec<MaybeUninit<f32>>) -> Vec<f32> {
    let mut values = ManuallyDrop::new(values);
    // SAFETY: pointer, length and capacity are those of a vector of elements of the same layout, which is not dropped; the caller
    // wrote all of them.
    unsafe { Vec::from_raw_parts(values.as_mut_ptr().cast::<f32>(), values.len(), values.capacity()) }
}

/// `f` of every number, on all threads, in vector code if `f` is always inlined.
#[expect(unsafe_code, reason = "see `room`")]
pub(super) fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = room(x.len());
    out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(out, x)| {
        vectorised!(for (out, &x) in out.iter_mut().zip(x) {
            out.write(f(x));
        });
    });
    // SAFETY: the chunks of `out` and `x` have the same lengths and cover both.
    unsafe { written(out) }
}

/// `f` of every pair of numbers, on all threads, in vector code if `f` is always inlined.
///
/// # Panics
/// When there are not as many of both.
#[expect(unsafe_code, reason = "see `room`")]
pub(super) fn map_pairs(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    assert_eq!(x.len(), y.len(), "pairs need as many second numbers as first ones");
    let mut out = room(x.len());
    out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).zip(y.par_chunks(TASK)).for_each(|((out, x), y)| {
        vectorised!(for (out, (&x, &y)) in out.iter_mut().zip(x.iter().zip(y)) {
            out.write(f(x, y));
        });
    });
    // SAFETY: the chunks of all three have the same lengths and cover them.
    unsafe { written(out) }
}

/// The values of a tensor that lies in memory without gaps.
pub(super) fn values(x: &FlexTensor) -> &[f32] {
    &x.storage::<f32>()[..x.layout().num_elements()]
}

/// A tensor of these values.
pub(super) fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::new(burn::tensor::Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

/// Half-precision tensors as f32, others as they are; all without gaps.
pub(super) fn widened<const N: usize>(tensors: [FlexTensor; N]) -> [FlexTensor; N] {
    tensors.map(|x| match x.dtype() {
        DType::F16 | DType::BF16 => Flex::float_cast(x, FloatDType::F32).to_contiguous(),
        _ => x.to_contiguous(),
    })
}

/// In the type that was asked for.
pub(super) fn narrowed(x: FlexTensor, dtype: DType) -> FlexTensor {
    if x.dtype() == dtype { x } else { Flex::float_cast(x, dtype.into()) }
}

/// Whether the kernels of this backend, which compute in f32, fit the type.
pub(super) fn fits(x: &FlexTensor) -> bool {
    matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16)
}
