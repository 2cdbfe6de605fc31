//! Bodies for the CPU backend in f32: matrix products into a buffer that is used again, vector code for what follows.

mod adamw;
mod attention;
mod buffer;
mod cross_entropy;
mod embedding;
mod gelu;
mod l2_norm;
mod l2_normalize;
mod layer_norm;
mod linear;
mod log_sum_exp;
mod math;
mod matrix;
mod row_softmax;
mod softplus_sum;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;

use crate::backend::SimilarityOps;
use crate::composed;

/// Entries of a chunk of similarities, 8 MiB.
const CHUNK: usize = 1 << 21;
/// Rows of a chunk at least and at most: each chunk packs all keys for its product, which many rows must share, and should
/// stay in the cache.
const ROWS: std::ops::RangeInclusive<usize> = 256..=512;

/// How many rows of so many columns make a chunk.
fn rows_of_chunk(columns: usize) -> usize {
    (CHUNK / columns).clamp(*ROWS.start(), *ROWS.end())
}

fn is_f32(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

fn vector(values: Vec<f32>) -> FlexTensor {
    let length = values.len();
    FlexTensor::from_data(TensorData::new(values, [length]))
}

fn matrix(values: Vec<f32>, columns: usize) -> FlexTensor {
    let rows = values.len() / columns;
    FlexTensor::from_data(TensorData::new(values, [rows, columns]))
}

fn scalar(x: &FlexTensor) -> f32 {
    x.to_contiguous().storage::<f32>()[0]
}

impl SimilarityOps for Flex {
    fn log_sum_exp(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        both: bool,
        without: Vec<usize>,
    ) -> FloatTensor<Self> {
        if !is_f32(&[&a, &b, &scale]) {
            let step = composed::rows_of_chunk(b.shape()[0]);
            return composed::log_sum_exp::<Self>(a, b, scale, both, &without, step);
        }
        let (a, b) = (matrix::Matrix::new(a), matrix::Matrix::new(b));
        vector(log_sum_exp::forward(&a, &b, scalar(&scale), both, &without))
    }

    fn log_sum_exp_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        packed: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        both: bool,
        without: Vec<usize>,
        keys_learn: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !is_f32(&[&a, &b, &scale, &packed, &gradient]) {
            let step = composed::rows_of_chunk(b.shape()[0]);
            return composed::log_sum_exp_backward::<Self>(
                [a, b, scale],
                packed,
                gradient,
                both,
                &without,
                keys_learn,
                step,
            );
        }
        let (a, keys) = (matrix::Matrix::new(a), matrix::Matrix::new(b.clone()));
        let (packed, gradient) = (packed.to_contiguous(), gradient.to_contiguous());
        let sums = [packed.storage::<f32>(), gradient.storage::<f32>()];
        let which = log_sum_exp::Which { both, without: &without, keys_learn };
        let (d_a, d_b, d_scale) = log_sum_exp::backward(&a, &keys, scalar(&scale), sums, which);
        (matrix(d_a, a.columns), d_b.map_or(b, |d_b| matrix(d_b, a.columns)), vector(vec![d_scale]))
    }

    fn softplus_sum(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: Option<usize>,
    ) -> FloatTensor<Self> {
        if !is_f32(&[&a, &b, &scale, &bias]) {
            let step = composed::rows_of_chunk(b.shape()[0]);
            return composed::softplus_sum::<Self>(a, b, scale, bias, positive, step);
        }
        let (a, b) = (matrix::Matrix::new(a), matrix::Matrix::new(b));
        vector(vec![softplus_sum::forward(&a, &b, scalar(&scale), scalar(&bias), positive)])
    }

    fn softplus_sum_gradients(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: Option<usize>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !is_f32(&[&a, &b, &scale, &bias]) {
            let step = composed::rows_of_chunk(b.shape()[0]);
            return composed::softplus_sum_gradients::<Self>(a, b, scale, bias, positive, step);
        }
        let (a, b) = (matrix::Matrix::new(a), matrix::Matrix::new(b));
        let gradients = softplus_sum::with_gradients(&a, &b, scalar(&scale), scalar(&bias), positive);
        (
            vector(vec![gradients.sum]),
            matrix(gradients.a, a.columns),
            matrix(gradients.b, a.columns),
            vector(vec![gradients.scale]),
            vector(vec![gradients.bias]),
        )
    }

    fn row_softmax(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !is_f32(&[&x]) {
            return composed::row_softmax::<Self>(x);
        }
        let x = matrix::Matrix::new(x);
        let [shares, below, parts] = row_softmax::forward(&x);
        (matrix(shares, x.columns), matrix(below, x.columns), matrix(parts, 2))
    }
}
