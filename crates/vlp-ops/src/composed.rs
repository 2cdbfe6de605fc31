//! The bodies for every backend: chunks of rows, made of the backend's own operations.

#[cfg(feature = "cubecl")]
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata, get_device_settings};
#[cfg(feature = "cubecl")]
use burn::tensor::Shape;
use burn::tensor::{IndexingUpdateOp, Slice};

/// Entries of a chunk: large enough for full speed on a GPU, 128 MiB in f32.
const CHUNK: usize = 1 << 25;
/// Rows of a chunk at least, however many columns there are: fewer would starve the matrix product.
const MIN_ROWS: usize = 512;

/// The shape of what `log_sum_exp` returns.
#[cfg(feature = "cubecl")]
pub(crate) fn packed_shape(a: &Shape, b: &Shape, both: bool) -> Shape {
    [2 * a[0] + if both { b[0] } else { 0 }].into()
}

/// How many rows of so many columns make a chunk.
pub(crate) fn rows_of_chunk(columns: usize) -> usize {
    (CHUNK / columns).max(MIN_ROWS)
}

fn chunks(rows: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).step_by(step).map(move |from| (from, rows.min(from + step)))
}

fn rows_of<B: Backend>(x: &FloatTensor<B>, (from, to): (usize, usize)) -> FloatTensor<B> {
    B::float_slice(x.clone(), &[Slice::from(from..to)])
}

fn as_matrix<B: Backend>(x: FloatTensor<B>, shape: [usize; 2]) -> FloatTensor<B> {
    B::float_reshape(x, shape.into())
}

fn size<B: Backend>(x: &FloatTensor<B>) -> [usize; 2] {
    let shape = x.shape();
    [shape[0], shape[1]]
}

/// True in column `offset + i` of every row i, the first row being `from`.
fn diagonal<B: Backend>(like: &FloatTensor<B>, offset: usize, from: usize) -> BoolTensor<B> {
    let ([rows, columns], device) = (size::<B>(like), like.device());
    let settings = get_device_settings::<B>(&device);
    let arange = |start: usize, number: usize, shape: [usize; 2]| {
        let range = start as i64..(start + number) as i64;
        let numbers = B::int_reshape(B::int_arange(range, &device, settings.int_dtype), shape.into());
        B::int_expand(numbers, [rows, columns].into())
    };
    B::int_equal(arange(0, columns, [1, columns]), arange(offset + from, rows, [rows, 1]), settings.bool_dtype)
}

/// Replaces column `o + i` of every row i for each offset o.
fn fill<B: Backend>(x: FloatTensor<B>, without: &[usize], from: usize, value: f32) -> FloatTensor<B> {
    without.iter().fold(x, |x, &offset| {
        let mask = diagonal::<B>(&x, offset, from);
        B::float_mask_fill(x, mask, value.into())
    })
}

/// Changes the sign of column `positive + i` of every row i.
fn negate<B: Backend>(x: FloatTensor<B>, positive: Option<usize>, from: usize) -> FloatTensor<B> {
    let Some(positive) = positive else { return x };
    let mask = diagonal::<B>(&x, positive, from);
    B::float_mask_where(x.clone(), mask, B::float_neg(x))
}

fn larger<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    let settings = get_device_settings::<B>(&a.device());
    let mask = B::float_greater(b.clone(), a.clone(), settings.bool_dtype);
    B::float_mask_where(a, mask, b)
}

pub(crate) fn log_sum_exp<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    scale: FloatTensor<B>,
    both: bool,
    without: &[usize],
    step: usize,
) -> FloatTensor<B> {
    let [rows, _] = size::<B>(&a);
    let settings = get_device_settings::<B>(&a.device());
    let float = a.dtype().into();
    let scale = as_matrix::<B>(scale, [1, 1]);
    let keys = B::float_transpose(b);
    let (mut sums, mut best) = (Vec::new(), Vec::new());
    // Largest entry of each column so far, and the sum of exponentials relative to it.
    let mut merged: Option<(FloatTensor<B>, FloatTensor<B>)> = None;
    for chunk in chunks(rows, step) {
        let x = B::float_matmul(rows_of::<B>(&a, chunk), keys.clone());
        let x = fill::<B>(B::float_mul(x, scale.clone()), without, chunk.0, f32::NEG_INFINITY);
        best.push(B::int_into_float(B::float_argmax(x.clone(), 1, settings.int_dtype), float));
        // A row without any entry must not become infinity minus infinity.
        let highest = B::float_clamp_min(B::float_max_dim(x.clone(), 1), f32::MIN.into());
        let sum = B::float_sum_dim(B::float_exp(B::float_sub(x.clone(), highest.clone())), 1);
        sums.push(B::float_add(B::float_log(sum), highest));
        if both {
            // A column without any entry, as above.
            let highest = B::float_clamp_min(B::float_max_dim(x.clone(), 0), f32::MIN.into());
            let highest = match &merged {
                Some((before, _)) => larger::<B>(before.clone(), highest),
                None => highest,
            };
            let sum = B::float_sum_dim(B::float_exp(B::float_sub(x, highest.clone())), 0);
            let sum = match merged {
                Some((before, old)) => {
                    let moved = B::float_exp(B::float_sub(before, highest.clone()));
                    B::float_add(B::float_mul(old, moved), sum)
                }
                None => sum,
            };
            merged = Some((highest, sum));
        }
    }
    let columns = merged.map(|(highest, sum)| B::float_transpose(B::float_add(B::float_log(sum), highest)));
    let packed = B::float_cat(sums.into_iter().chain(best).chain(columns).collect(), 0);
    let length = packed.shape()[0];
    B::float_reshape(packed, [length].into())
}

pub(crate) fn log_sum_exp_backward<B: Backend>(
    [a, b, scale]: [FloatTensor<B>; 3],
    packed: FloatTensor<B>,
    gradient: FloatTensor<B>,
    both: bool,
    without: &[usize],
    keys_learn: bool,
    step: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let ([rows, _], [columns, _]) = (size::<B>(&a), size::<B>(&b));
    let factor = as_matrix::<B>(scale, [1, 1]);
    let keys = B::float_transpose(b.clone());
    let of_columns = both.then(|| {
        let part = |x: &FloatTensor<B>| as_matrix::<B>(rows_of::<B>(x, (2 * rows, 2 * rows + columns)), [1, columns]);
        (part(&packed), part(&gradient))
    });
    let (mut d_a, mut d_b) = (Vec::new(), None);
    for chunk in chunks(rows, step) {
        let queries = rows_of::<B>(&a, chunk);
        let of_rows = |x: &FloatTensor<B>| as_matrix::<B>(rows_of::<B>(x, chunk), [chunk.1 - chunk.0, 1]);
        let x = B::float_mul(B::float_matmul(queries.clone(), keys.clone()), factor.clone());
        let share = B::float_exp(B::float_sub(x.clone(), of_rows(&packed)));
        let mut d_x = B::float_mul(share, of_rows(&gradient));
        if let Some((sums, gradient)) = &of_columns {
            let share = B::float_exp(B::float_sub(x, sums.clone()));
            d_x = B::float_add(d_x, B::float_mul(share, gradient.clone()));
        }
        let d_x = fill::<B>(d_x, without, chunk.0, 0.0);
        d_a.push(B::float_matmul(d_x.clone(), b.clone()));
        if keys_learn {
            let d_keys = B::float_matmul(B::float_transpose(d_x), queries);
            d_b = Some(match d_b {
                Some(sum) => B::float_add(sum, d_keys),
                None => d_keys,
            });
        }
    }
    let d_a = B::float_cat(d_a, 0);
    // Σ dX ∘ (a bᵀ) without another product: rows first, so that no sum is long.
    let d_scale = B::float_sum(B::float_sum_dim(B::float_mul(d_a.clone(), a), 1));
    let d_b = d_b.map_or(b, |d_b| B::float_mul(d_b, factor.clone()));
    (B::float_mul(d_a, factor), d_b, B::float_reshape(d_scale, [1].into()))
}

/// `max(x, 0) + log(1 + exp(-|x|))`.
fn softplus<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let tail = B::float_log1p(B::float_exp(B::float_neg(B::float_abs(x.clone()))));
    B::float_add(B::float_clamp_min(x, 0.0.into()), tail)
}

fn sum_of_rows<B: Backend>(rows: Vec<FloatTensor<B>>) -> FloatTensor<B> {
    B::float_reshape(B::float_sum(B::float_cat(rows, 0)), [1].into())
}

pub(crate) fn softplus_sum<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    scale: FloatTensor<B>,
    bias: FloatTensor<B>,
    positive: Option<usize>,
    step: usize,
) -> FloatTensor<B> {
    let (scale, bias) = (as_matrix::<B>(scale, [1, 1]), as_matrix::<B>(bias, [1, 1]));
    let [rows, _] = size::<B>(&a);
    let keys = B::float_transpose(b);
    let sums = chunks(rows, step).map(|chunk| {
        let x = B::float_mul(B::float_matmul(rows_of::<B>(&a, chunk), keys.clone()), scale.clone());
        let x = negate::<B>(B::float_add(x, bias.clone()), positive, chunk.0);
        B::float_sum_dim(softplus::<B>(x), 1)
    });
    sum_of_rows::<B>(sums.collect())
}

#[expect(clippy::type_complexity, reason = "the interface of backend extensions knows tensors and tuples of them")]
pub(crate) fn softplus_sum_gradients<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    scale: FloatTensor<B>,
    bias: FloatTensor<B>,
    positive: Option<usize>,
    step: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (scale, bias) = (as_matrix::<B>(scale, [1, 1]), as_matrix::<B>(bias, [1, 1]));
    let [rows, _] = size::<B>(&a);
    let keys = B::float_transpose(b.clone());
    let (mut sums, mut d_bias, mut d_a, mut d_b) = (Vec::new(), Vec::new(), Vec::new(), None);
    for chunk in chunks(rows, step) {
        let queries = rows_of::<B>(&a, chunk);
        let x = B::float_mul(B::float_matmul(queries.clone(), keys.clone()), scale.clone());
        let x = negate::<B>(B::float_add(x, bias.clone()), positive, chunk.0);
        sums.push(B::float_sum_dim(softplus::<B>(x.clone()), 1));
        let d_x = negate::<B>(B::sigmoid(x), positive, chunk.0);
        d_bias.push(B::float_sum_dim(d_x.clone(), 1));
        d_a.push(B::float_matmul(d_x.clone(), b.clone()));
        let d_keys = B::float_matmul(B::float_transpose(d_x), queries);
        d_b = Some(match d_b {
            Some(sum) => B::float_add(sum, d_keys),
            None => d_keys,
        });
    }
    let d_a = B::float_cat(d_a, 0);
    let d_scale = B::float_sum_dim(B::float_mul(d_a.clone(), a), 1);
    let d_b = d_b.expect("there is at least one row");
    (
        sum_of_rows::<B>(sums),
        B::float_mul(d_a, scale.clone()),
        B::float_mul(d_b, scale),
        sum_of_rows::<B>(vec![d_scale]),
        sum_of_rows::<B>(d_bias),
    )
}

/// `Σ_k exp(x_ik - h_i)` without the largest, whose exponential is 1, `[rows, 1]`: where the others are small the digits of their sum
/// are those of its logarithm `log(1 + Σ)`, and beside 1 they would be lost.
pub(crate) fn sum_of_others<B: Backend>(exponentials: FloatTensor<B>, x: &FloatTensor<B>) -> FloatTensor<B> {
    let settings = get_device_settings::<B>(&x.device());
    let largest = B::float_argmax(x.clone(), 1, settings.int_dtype);
    B::float_sum_dim(without_entries::<B>(exponentials, largest), 1)
}

/// Zero in one column of every row, `[rows, 1]`; what is no number stays none.
pub(crate) fn without_entries<B: Backend>(x: FloatTensor<B>, columns: IntTensor<B>) -> FloatTensor<B> {
    let entries = B::float_neg(B::float_gather(1, x.clone(), columns.clone()));
    B::float_scatter(1, x, columns, entries, IndexingUpdateOp::Add)
}

/// What `row_softmax` returns, for fusion.
#[cfg(feature = "cubecl")]
pub(crate) fn row_softmax_specs(x: &TensorSpec) -> (TensorSpec, TensorSpec, TensorSpec) {
    let parts = TensorSpec { shape: [x.shape[0], 2].into(), ..x.clone() };
    (x.clone(), x.clone(), parts)
}

pub(crate) fn row_softmax<B: Backend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let highest = B::float_max_dim(x.clone(), 1);
    let below = B::float_sub(x, highest.clone());
    let exponentials = B::float_exp(below.clone());
    let rest = sum_of_others::<B>(exponentials.clone(), &below);
    let parts = B::float_cat(vec![highest, B::float_log1p(rest)], 1);
    let sum = B::float_sum_dim(exponentials.clone(), 1);
    (B::float_div(exponentials, sum), below, parts)
}
