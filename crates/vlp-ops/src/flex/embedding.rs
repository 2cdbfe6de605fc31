use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, IntDType};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::{TASK, fits, narrowed, room, tensor, values, widened, written};
use super::math::vectorised;
use crate::embedding::{EmbeddingOps, composed_backward};

impl EmbeddingOps for Flex {
    fn rows_of_table(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        if table.dtype() != DType::F32 {
            return Self::float_select(table, 0, ids);
        }
        let [entries, width] = [0, 1].map(|axis| table.layout().shape()[axis]);
        let (table, ids) = (table.to_contiguous(), checked(ids, entries));
        tensor(gather(values(&table), &ids, width), [ids.len(), width].into())
    }

    fn rows_of_table_backward(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !fits(&table) {
            return composed_backward::<Self>(table, ids, gradient);
        }
        let [entries, width] = [0, 1].map(|axis| table.layout().shape()[axis]);
        let ([gradient], ids) = (widened([gradient]), checked(ids, entries));
        let sums = scatter(values(&gradient), &ids, [entries, width]);
        narrowed(tensor(sums, [entries, width].into()), table.dtype())
    }
}

/// The ids as places in memory.
///
/// # Panics
/// When one is no row of the table.
pub(super) fn checked(ids: FlexTensor, entries: usize) -> Vec<usize> {
    use burn::backend::ops::IntTensorOps;
    let ids = Flex::int_cast(ids, IntDType::I64).to_contiguous();
    let ids = &ids.storage::<i64>()[..ids.layout().num_elements()];
    ids.iter()
        .map(|&id| match usize::try_from(id) {
            Ok(id) if id < entries => id,
            _ => panic!("id {id} is none of the {entries} rows of the table"),
        })
        .collect()
}

#[expect(unsafe_code, reason = "see `room`")]
fn gather(table: &[f32], ids: &[usize], width: usize) -> Vec<f32> {
    if width == 0 {
        return Vec::new();
    }
    let mut rows = room(ids.len() * width);
    let step = (TASK / width).max(1);
    rows.par_chunks_mut(step * width).zip(ids.par_chunks(step)).for_each(|(rows, ids)| {
        for (row, &id) in rows.chunks_exact_mut(width).zip(ids) {
            row.write_copy_of_slice(&table[id * width..(id + 1) * width]);
        }
    });
    // SAFETY: there is a row for each id, and each was written.
    unsafe { written(rows) }
}

/// Sums the rows of each id in their order. Uses are sorted by id first, so that threads share no row of the table.
fn scatter(gradient: &[f32], ids: &[usize], [entries, width]: [usize; 2]) -> Vec<f32> {
    let mut table = vec![0.0; entries * width];
    if table.is_empty() {
        return table;
    }
    // Where the uses of each id begin in `uses`.
    let mut begins = vec![0; entries + 1];
    ids.iter().for_each(|&id| begins[id + 1] += 1);
    for id in 0..entries {
        begins[id + 1] += begins[id];
    }
    let (mut next, mut uses) = (begins.clone(), vec![0; ids.len()]);
    for (position, &id) in ids.iter().enumerate() {
        uses[next[id]] = position;
        next[id] += 1;
    }
    // Few entries to a task: those that are used most lie side by side.
    let step = (entries / 256).clamp(1, 64);
    table.par_chunks_mut(step * width).enumerate().for_each(|(task, rows)| {
        vectorised!({
            for (row, id) in rows.chunks_exact_mut(width).zip(task * step..) {
                for &position in &uses[begins[id]..begins[id + 1]] {
                    let gradient = &gradient[position * width..(position + 1) * width];
                    row.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
                }
            }
        });
    });
    table
}
