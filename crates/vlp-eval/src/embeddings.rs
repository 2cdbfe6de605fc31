use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::EvalError;

/// Norms below this divide as this, so that a zero vector stays one.
const MIN_NORM: f64 = 1e-12;

/// Vectors of length 1, one a row: the dot product of two rows is their cosine.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    rows: Array2<f32>,
}

impl Embeddings {
    /// Normalises every row to length 1; the norm is summed in f64. A zero vector stays zero: it is equally far from
    /// everything.
    ///
    /// # Shapes
    /// - vectors: `[samples, dim]`
    ///
    /// # Errors
    /// When there is no row or no column, or a number is not finite.
    pub fn new(vectors: Array2<f32>) -> Result<Self, EvalError> {
        if vectors.is_empty() {
            return Err(EvalError::Empty { what: "a set of embeddings" });
        }
        check_finite("embeddings", vectors.view())?;
        let mut rows = vectors;
        for mut row in rows.rows_mut() {
            let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt().max(MIN_NORM);
            row.mapv_inplace(|v| (f64::from(v) / norm) as f32);
        }
        Ok(Embeddings { rows })
    }

    /// Two heads as one: `[sqrt(w) z; sqrt(1 - w) h]`, whose similarity is
    /// `w * (z . z') + (1 - w) * (h . h')` (CLIP-rocket's ensemble of the weak head z and the strong head h).
    ///
    /// # Errors
    /// When the heads differ in samples or `weight` is outside `[0, 1]`.
    pub fn mixture(weak: &Embeddings, strong: &Embeddings, weight: f32) -> Result<Self, EvalError> {
        if !(0.0..=1.0).contains(&weight) {
            let must = "between 0 and 1";
            return Err(EvalError::Setting { name: "the mixture weight", value: weight.to_string(), must });
        }
        if weak.len() != strong.len() {
            let what = "samples of the strong head, as many as of the weak head";
            return Err(EvalError::Count { what, expected: weak.len(), got: strong.len() });
        }
        let rows = concatenate![Axis(1), &weak.rows * weight.sqrt(), &strong.rows * (1.0 - weight).sqrt()];
        Ok(Embeddings { rows })
    }

    /// The chosen rows in the order asked for.
    ///
    /// # Errors
    /// When an index is beyond the set, or none is chosen.
    pub fn select(&self, indices: &[usize]) -> Result<Self, EvalError> {
        if indices.is_empty() {
            return Err(EvalError::Empty { what: "a selection of embeddings" });
        }
        if let Some(&index) = indices.iter().find(|i| **i >= self.len()) {
            return Err(EvalError::OutOfRange { what: "embedding", index, len: self.len() });
        }
        Ok(Embeddings { rows: self.rows.select(Axis(0), indices) })
    }

    /// `[self.len(), other.len()]`: the cosine of every row of this set with every row of the other.
    ///
    /// # Errors
    /// When the widths differ.
    pub fn similarity(&self, other: &Embeddings) -> Result<Array2<f32>, EvalError> {
        if self.width() != other.width() {
            return Err(EvalError::Width { left: self.width(), right: other.width() });
        }
        Ok(self.rows.dot(&other.rows.t()))
    }

    /// The similarity matrix in blocks of rows, so that large sets need not fit in memory; `visit` gets the number of
    /// a block's first row and the block.
    pub(crate) fn similarity_blocks(
        &self,
        other: &Embeddings,
        mut visit: impl FnMut(usize, ArrayView2<'_, f32>) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        const ROWS: usize = 256;
        for start in (0..self.len()).step_by(ROWS) {
            let end = (start + ROWS).min(self.len());
            let block = Embeddings { rows: self.rows.slice(s![start..end, ..]).to_owned() };
            visit(start, block.similarity(other)?.view())?;
        }
        Ok(())
    }

    /// Number of vectors; never 0.
    pub fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// Always false: an empty set cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Length of a vector.
    pub fn width(&self) -> usize {
        self.rows.ncols()
    }

    /// The vectors, `[samples, dim]`.
    pub fn rows(&self) -> ArrayView2<'_, f32> {
        self.rows.view()
    }
}

/// An error that names the first number that is not finite.
pub(crate) fn check_finite(what: &'static str, matrix: ArrayView2<'_, f32>) -> Result<(), EvalError> {
    match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), _)) => Err(EvalError::NotFinite { what, row, column }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_have_length_one_and_zero_stays_zero() {
        // A power of two keeps the digits; the square of the largest is beyond f32.
        let huge = 2f32.powi(100);
        let e = Embeddings::new(array![[3.0, 4.0], [0.0, 0.0], [3.0 * huge, 4.0 * huge]]).expect("finite");
        assert_eq!(e.rows(), array![[0.6, 0.8], [0.0, 0.0], [0.6, 0.8]]);
    }

    #[test]
    fn a_mixture_scores_the_weighted_mean_of_both_similarities() {
        let z = Embeddings::new(array![[1.0, 2.0], [-1.0, 0.5], [0.3, -0.2]]).expect("finite");
        let h = Embeddings::new(array![[0.1, 0.9, 2.0], [1.0, 1.0, 1.0], [-2.0, 0.0, 0.4]]).expect("finite");
        for weight in [0.0, 0.3, 1.0] {
            let mixed = Embeddings::mixture(&z, &h, weight).expect("same samples");
            let want =
                z.similarity(&z).expect("same width") * weight + h.similarity(&h).expect("same width") * (1.0 - weight);
            let got = mixed.similarity(&mixed).expect("same width");
            // A few roundings of f32 at magnitude 1.
            assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6), "{got} {want}");
        }
    }

    #[test]
    fn blocks_cover_the_matrix_once_and_in_order() {
        let e = Embeddings::new(Array2::from_shape_fn((600, 3), |(i, j)| ((i * 3 + j) as f32).sin())).expect("finite");
        let whole = e.similarity(&e).expect("same width");
        let mut seen = 0;
        e.similarity_blocks(&e, |start, block| {
            assert_eq!(start, seen);
            assert_eq!(block, whole.slice(s![start..start + block.nrows(), ..]));
            seen += block.nrows();
            Ok(())
        })
        .expect("same width");
        assert_eq!(seen, 600);
    }

    #[test]
    fn what_cannot_be_compared_is_an_error_that_says_why() {
        let narrow = Embeddings::new(array![[1.0, 2.0]]).expect("finite");
        let wide = Embeddings::new(array![[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]).expect("finite");
        assert_eq!(narrow.similarity(&wide), Err(EvalError::Width { left: 2, right: 3 }));
        assert!(matches!(Embeddings::mixture(&narrow, &wide, 0.5), Err(EvalError::Count { expected: 1, got: 2, .. })));
        assert!(matches!(Embeddings::mixture(&wide, &wide, 1.5), Err(EvalError::Setting { .. })));
        assert!(matches!(Embeddings::mixture(&wide, &wide, f32::NAN), Err(EvalError::Setting { .. })));
        assert!(matches!(Embeddings::new(Array2::zeros((0, 3))), Err(EvalError::Empty { .. })));
        assert!(matches!(Embeddings::new(Array2::zeros((3, 0))), Err(EvalError::Empty { .. })));
        let nan = Embeddings::new(array![[1.0, 2.0], [0.0, f32::NAN]]).expect_err("not finite");
        assert!(nan.to_string().contains("row 1, column 1"), "{nan}");
        assert_eq!(wide.select(&[2]), Err(EvalError::OutOfRange { what: "embedding", index: 2, len: 2 }));
    }
}
