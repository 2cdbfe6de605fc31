use burn_flex::FlexTensor;

use super::buffer::{room, written};

/// A row-major matrix that lies in memory without gaps.
pub(super) struct Matrix {
    tensor: FlexTensor,
    /// Number of rows.
    pub(super) rows: usize,
    /// Number of columns.
    pub(super) columns: usize,
}

impl Matrix {
    pub(super) fn new(tensor: FlexTensor) -> Self {
        let shape = tensor.layout().shape();
        let (rows, columns) = (shape[0], shape[1]);
        Matrix { tensor: tensor.to_contiguous(), rows, columns }
    }

    /// All values, row after row.
    pub(super) fn values(&self) -> &[f32] {
        &self.tensor.storage::<f32>()[..self.rows * self.columns]
    }

    /// The values of some rows.
    pub(super) fn rows(&self, range: std::ops::Range<usize>) -> &[f32] {
        &self.values()[range.start * self.columns..range.end * self.columns]
    }
}

/// One operand of a product: row-major values, read as they stand or transposed.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    strides: [isize; 2],
}

impl<'a> Operand<'a> {
    /// `[rows, columns]`, the number of rows following from the length.
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        Operand { values, rows: values.len() / columns, columns, strides: [columns as isize, 1] }
    }

    pub(super) fn transposed(self) -> Self {
        let [row, column] = self.strides;
        Operand { rows: self.columns, columns: self.rows, strides: [column, row], ..self }
    }
}

/// `out = factor lhs rhs`, or `out += factor lhs rhs`, on all threads.
///
/// # Panics
/// When the sizes do not fit.
#[expect(unsafe_code, reason = "gemm takes raw pointers")]
pub(super) fn product(out: &mut [f32], lhs: Operand<'_>, rhs: Operand<'_>, factor: f32, add: bool) {
    let (length, out) = (out.len(), out.as_mut_ptr());
    // SAFETY: `out` is borrowed mutably, so it overlaps neither operand, and holds numbers.
    unsafe { product_at(out, length, lhs, rhs, factor, add) }
}

/// `lhs rhs` in a new buffer, on all threads.
///
/// # Panics
/// When the sizes do not fit.
#[expect(unsafe_code, reason = "see `room`")]
pub(super) fn new_product(lhs: Operand<'_>, rhs: Operand<'_>) -> Vec<f32> {
    if lhs.columns == 0 {
        return vec![0.0; lhs.rows * rhs.columns];
    }
    let mut out = room(lhs.rows * rhs.columns);
    // SAFETY: the buffer is new, so it overlaps neither operand; it is not read, and written whole since there is something to sum.
    unsafe {
        product_at(out.as_mut_ptr().cast(), out.len(), lhs, rhs, 1.0, false);
        written(out)
    }
}

/// Writes a scaled product, or adds it to what is there.
///
/// # Safety
/// `out` must point at room for `length` numbers that nobody else reaches; with `add`, they must have been written.
#[expect(unsafe_code, reason = "gemm takes raw pointers")]
unsafe fn product_at(out: *mut f32, length: usize, lhs: Operand<'_>, rhs: Operand<'_>, factor: f32, add: bool) {
    let (rows, inner, columns) = (lhs.rows, lhs.columns, rhs.columns);
    assert_eq!(inner, rhs.rows, "a product needs one inner size");
    assert_eq!(length, rows * columns, "a product of {rows} x {columns} needs room for it");
    assert!(lhs.values.len() >= rows * inner && rhs.values.len() >= inner * columns, "an operand is too short");
    // SAFETY: the three assertions above bound every element that the strides reach; the caller answers for `out`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out,
            1,
            columns as isize,
            add,
            lhs.values.as_ptr(),
            lhs.strides[1],
            lhs.strides[0],
            rhs.values.as_ptr(),
            rhs.strides[1],
            rhs.strides[0],
            1.0,
            factor,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}
