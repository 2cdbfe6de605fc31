use burn_flex::FlexTensor;

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
    let (rows, inner, columns) = (lhs.rows, lhs.columns, rhs.columns);
    assert_eq!(inner, rhs.rows, "a product needs one inner size");
    assert_eq!(out.len(), rows * columns, "a product of {rows} x {columns} needs room for it");
    assert!(lhs.values.len() >= rows * inner && rhs.values.len() >= inner * columns, "an operand is too short");
    // SAFETY: the three assertions above bound every element that the strides reach, and `out` is borrowed mutably, so it
    // overlaps neither operand.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
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
