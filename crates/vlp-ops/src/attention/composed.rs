//! The bodies for every backend: chunks of the batch, made of the backend's own operations.

#[cfg(feature = "cubecl")]
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, get_device_settings};
#[cfg(feature = "cubecl")]
use burn::tensor::Shape;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{DType, FloatDType, Slice};

use super::backend::Plan;

/// Scores of a chunk, all heads together: large enough for full speed on a GPU, 128 MiB in f32.
pub(crate) const CHUNK: usize = 1 << 25;

/// The specification of the output that belongs to a fused projection.
#[cfg(feature = "cubecl")]
pub(crate) fn output_spec(qkv: &TensorSpec) -> TensorSpec {
    TensorSpec { shape: Shape::from([qkv.shape[0], qkv.shape[1], qkv.shape[2] / 3]), ..qkv.clone() }
}

/// The specification of the log-sum-exps.
#[cfg(feature = "cubecl")]
pub(crate) fn sums_spec(rows: &TensorSpec, plan: &Plan) -> TensorSpec {
    TensorSpec::new([rows.shape[0], plan.heads, rows.shape[1]].into(), computed_in(rows.dtype).into())
}

/// The type of scores and sums for inputs of a type.
fn computed_in(dtype: DType) -> FloatDType {
    if dtype == DType::F64 { FloatDType::F64 } else { FloatDType::F32 }
}

/// Queries, keys and values out of a fused projection.
pub(crate) fn parts<B: Backend>(qkv: FloatTensor<B>) -> [FloatTensor<B>; 3] {
    let [batch, tokens, columns] = size::<B>(&qkv);
    let width = columns / 3;
    [0, 1, 2].map(|part| {
        let columns = part * width..(part + 1) * width;
        B::float_slice(qkv.clone(), &[(0..batch).into(), (0..tokens).into(), columns.into()])
    })
}

fn size<B: Backend>(x: &FloatTensor<B>) -> [usize; 3] {
    let shape = x.shape();
    [shape[0], shape[1], shape[2]]
}

/// Which part of the batch a chunk is: at least one of it, however many scores that has.
fn chunks(batch: usize, scores_of_one: usize, chunk: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = (chunk / scores_of_one).max(1);
    (0..batch).step_by(step).map(move |from| (from, batch.min(from + step)))
}

fn part<B: Backend>(x: &FloatTensor<B>, (from, to): (usize, usize)) -> FloatTensor<B> {
    B::float_slice(x.clone(), &[Slice::from(from..to)])
}

/// `[batch, tokens, heads * d]` to `[batch, heads, tokens, d]`.
fn split<B: Backend>(x: FloatTensor<B>, heads: usize) -> FloatTensor<B> {
    let [batch, tokens, width] = size::<B>(&x);
    B::float_swap_dims(B::float_reshape(x, [batch, tokens, heads, width / heads].into()), 1, 2)
}

/// The inverse of [`split`].
fn join<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let (batch, heads, tokens, d) = (shape[0], shape[1], shape[2], shape[3]);
    B::float_reshape(B::float_swap_dims(x, 1, 2), [batch, tokens, heads * d].into())
}

/// A chunk of rows, cut into heads, in the type of the scores.
fn heads_of<B: Backend>(x: &FloatTensor<B>, chunk: (usize, usize), heads: usize) -> FloatTensor<B> {
    cast::<B>(split::<B>(part::<B>(x, chunk), heads), computed_in(x.dtype()).into())
}

fn cast<B: Backend>(x: FloatTensor<B>, dtype: DType) -> FloatTensor<B> {
    if x.dtype() == dtype { x } else { B::float_cast(x, dtype.into()) }
}

/// `q kᵀ` of scaled queries, minus infinity where a query must not see a key.
fn scores<B: Backend>(q: FloatTensor<B>, k: FloatTensor<B>, causal: bool) -> FloatTensor<B> {
    let scores = B::float_matmul(q, B::float_swap_dims(k, 2, 3));
    if !causal {
        return scores;
    }
    let shape = scores.shape();
    let (queries, keys, device) = (shape[2], shape[3], scores.device());
    let settings = get_device_settings::<B>(&device);
    let numbers = |number: usize, shape: [usize; 2]| {
        let numbers = B::int_arange(0..number as i64, &device, settings.int_dtype);
        B::int_expand(B::int_reshape(numbers, shape.into()), [queries, keys].into())
    };
    let later = B::int_greater(numbers(keys, [1, keys]), numbers(queries, [queries, 1]), settings.bool_dtype);
    let later = B::bool_expand(B::bool_reshape(later, [1, 1, queries, keys].into()), shape);
    B::float_mask_fill(scores, later, f32::NEG_INFINITY.into())
}

/// The backend's own attention.
pub(crate) fn attend<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    plan: Plan,
) -> FloatTensor<B> {
    let [q, k, v] = [q, k, v].map(|x| split::<B>(x, plan.heads));
    // Fused kernels know the usual scale only as none.
    let options = AttentionModuleOptions { scale: plan.scale, is_causal: plan.causal, ..Default::default() };
    join::<B>(B::attention(q, k, v, None, None, options))
}

pub(crate) fn attend_keeping<B: Backend>(
    [q, k, v]: [FloatTensor<B>; 3],
    plan: Plan,
    chunk: usize,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let ([batch, queries, width], [_, keys, _]) = (size::<B>(&q), size::<B>(&k));
    let scale = plan.scale(width);
    let (mut outputs, mut sums) = (Vec::new(), Vec::new());
    for chunk in chunks(batch, plan.heads * queries * keys, chunk) {
        let [q_part, k_part, v_part] = [&q, &k, &v].map(|x| heads_of::<B>(x, chunk, plan.heads));
        let x = scores::<B>(B::float_mul_scalar(q_part, scale.into()), k_part, plan.causal);
        let highest = B::float_max_dim(x.clone(), 3);
        let share = B::float_exp(B::float_sub(x, highest.clone()));
        let sum = B::float_sum_dim(share.clone(), 3);
        let output = B::float_div(B::float_matmul(share, v_part), sum.clone());
        outputs.push(cast::<B>(join::<B>(output), q.dtype()));
        let sum = B::float_add(B::float_log(sum), highest);
        sums.push(B::float_reshape(sum, [chunk.1 - chunk.0, plan.heads, queries].into()));
    }
    (B::float_cat(outputs, 0), B::float_cat(sums, 0))
}

pub(crate) fn attend_backward<B: Backend>(
    [q, k, v]: [FloatTensor<B>; 3],
    [output, sums, gradient]: [FloatTensor<B>; 3],
    plan: Plan,
    chunk: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let ([batch, queries, width], [_, keys, _]) = (size::<B>(&q), size::<B>(&k));
    let scale = plan.scale(width);
    let mut gradients = [Vec::new(), Vec::new(), Vec::new()];
    for chunk in chunks(batch, plan.heads * queries * keys, chunk) {
        let heads = |x: &FloatTensor<B>| heads_of::<B>(x, chunk, plan.heads);
        let (q_part, k_part, d_o) = (B::float_mul_scalar(heads(&q), scale.into()), heads(&k), heads(&gradient));
        let sums = B::float_reshape(part::<B>(&sums, chunk), [chunk.1 - chunk.0, plan.heads, queries, 1].into());
        let share = B::float_exp(B::float_sub(scores::<B>(q_part.clone(), k_part.clone(), plan.causal), sums));
        let d_v = B::float_matmul(B::float_swap_dims(share.clone(), 2, 3), d_o.clone());
        let d_share = B::float_matmul(d_o.clone(), B::float_swap_dims(heads(&v), 2, 3));
        // Σ_j P_ij dP_ij without the matrices.
        let mean = B::float_sum_dim(B::float_mul(d_o, heads(&output)), 3);
        let d_x = B::float_mul(share, B::float_sub(d_share, mean));
        let d_q = B::float_mul_scalar(B::float_matmul(d_x.clone(), k_part), scale.into());
        let d_k = B::float_matmul(B::float_swap_dims(d_x, 2, 3), q_part);
        for (gradients, gradient) in gradients.iter_mut().zip([d_q, d_k, d_v]) {
            gradients.push(cast::<B>(join::<B>(gradient), q.dtype()));
        }
    }
    let [q, k, v] = gradients.map(|parts| B::float_cat(parts, 0));
    (q, k, v)
}
