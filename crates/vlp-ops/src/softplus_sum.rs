use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::backend::SimilarityOps;

/// The sum of `softplus(z_ij (s a_i·b_j + β))` over all i and j, without the matrix of similarities.
///
/// ```text
/// X = s a bᵀ + β      z_ij = -1 where j = i + positive, else 1
/// L = Σ_ij log(1 + exp(z_ij X_ij))      dL/dX_ij = z_ij σ(z_ij X_ij)
/// ```
///
/// The sum of a sigmoid loss (Zhai et al. 2023, "Sigmoid loss for language image pre-training") in chunks of rows. The
/// derivative of a sum is known as soon as an entry is: where gradients are wanted, the forward pass computes them from
/// the same chunk, 6 n m d operations in all and nothing twice, and keeps them in place of the inputs.
///
/// # Shapes
/// - a: `[rows, dim]`
/// - b: `[columns, dim]`
/// - scale, bias: `[1]`, s and β
/// - positive: the column of the first row's positive; that of row i is i columns on. None: every pair is negative
/// - result: `[1]`
///
/// # Panics
/// When `a` and `b` differ in width, or the positives leave the columns.
pub fn softplus_sum(
    a: Tensor<2>,
    b: Tensor<2>,
    scale: Tensor<1>,
    bias: Tensor<1>,
    positive: Option<usize>,
) -> Tensor<1> {
    let ([rows, dim], [columns, other]) = (a.dims(), b.dims());
    assert_eq!(dim, other, "similarities need vectors of one width, got {dim} and {other}");
    if let Some(first) = positive {
        assert!(first + rows <= columns, "positives from {first} on with {rows} rows leave the {columns} columns");
    }
    Tensor::from_dispatch(<Dispatch as SimilarityOps>::softplus_sum(
        a.into_dispatch(),
        b.into_dispatch(),
        scale.into_dispatch(),
        bias.into_dispatch(),
        positive,
    ))
}
