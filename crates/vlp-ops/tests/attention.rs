//! Attention on the CPU backend against the matrix of scores written out: values and gradients over sizes that leave rests
//! everywhere, extreme scores, half precision, what is refused.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor, TensorData};
use vlp_ops::{AttentionOptions, attention, self_attention};

fn tensor(shape: [usize; 3], seed: f64, dtype: DType, device: &Device) -> Tensor<3> {
    let count = shape.iter().product::<usize>();
    let values: Vec<f64> = (0..count).map(|i| (0.37 * i as f64 + seed).sin() + 0.3 * (1.9 * i as f64).cos()).collect();
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (device, dtype))
}

fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.cast(FloatDType::F64).into_data().try_into_vec().expect("f64 data")
}

/// The differences, in units of the largest element of what is expected, or of 1: with one key, gradients of scores are 0.
fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1f64, |size, x| size.max(x.abs()));
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * size, "{what}[{at}]: {a}, not {e}, the largest being {size}");
    }
}

/// The definition, with the matrix of scores.
fn dense([q, k, v]: [Tensor<3>; 3], options: AttentionOptions) -> Tensor<3> {
    let ([batch, queries, width], [_, keys, _]) = (q.dims(), k.dims());
    let d = width / options.heads;
    let split = |x: Tensor<3>, rows: usize| x.reshape([batch, rows, options.heads, d]).swap_dims(1, 2);
    let scale = options.scale.unwrap_or((d as f64).powf(-0.5));
    let mut scores = (split(q, queries) * scale).matmul(split(k, keys).swap_dims(2, 3));
    if options.causal {
        let later: Tensor<2, Bool> = Tensor::<2, Int>::ones([queries, keys], &scores.device()).triu(1).bool();
        scores = scores.mask_fill(later.unsqueeze::<4>(), f64::NEG_INFINITY);
    }
    softmax(scores, 3).matmul(split(v, keys)).swap_dims(1, 2).reshape([batch, queries, width])
}

/// Queries, keys, batch and width.
type Sizes = [usize; 4];

/// The output and the gradients of q, k and v under weights that differ.
fn run(
    [queries, keys, batch, width]: Sizes,
    dtype: DType,
    attend: impl Fn([Tensor<3>; 3]) -> Tensor<3>,
) -> [Vec<f64>; 4] {
    let device = Device::flex().autodiff();
    let leaf = |rows: usize, seed: f64| tensor([batch, rows, width], seed, dtype, &device).require_grad();
    let leaves = [leaf(queries, 0.2), leaf(keys, 1.1), leaf(keys, 2.3)];
    let output = attend(leaves.clone());
    let weights = tensor([batch, queries, width], 4.0, dtype, &device);
    let gradients = (output.clone() * weights).sum().backward();
    let [q, k, v] = leaves.map(|leaf| host(leaf.grad(&gradients).expect("a gradient")));
    [host(output), q, k, v]
}

/// The same for a fused projection.
fn run_fused([tokens, _, batch, width]: Sizes, dtype: DType, options: AttentionOptions) -> [Vec<f64>; 4] {
    let device = Device::flex().autodiff();
    let parts = [0.2, 1.1, 2.3].map(|seed| tensor([batch, tokens, width], seed, dtype, &device));
    let qkv = Tensor::cat(parts.to_vec(), 2).require_grad();
    let output = self_attention(qkv.clone(), options);
    let weights = tensor([batch, tokens, width], 4.0, dtype, &device);
    let gradients = (output.clone() * weights).sum().backward();
    let gradient = qkv.grad(&gradients).expect("a gradient");
    let of = |part: usize| host(gradient.clone().slice([0..batch, 0..tokens, part * width..(part + 1) * width]));
    [host(output), of(0), of(1), of(2)]
}

fn compare(what: &str, actual: &[Vec<f64>; 4], expected: &[Vec<f64>; 4], tolerance: f64) {
    for (name, (actual, expected)) in ["output", "d q", "d k", "d v"].iter().zip(actual.iter().zip(expected)) {
        assert_close(&format!("{what}, {name}"), actual, expected, tolerance);
    }
}

/// f32 against f64: sums of up to 300 products of numbers of one size.
const TOLERANCE: f64 = 3e-6;

#[test]
fn values_and_gradients_equal_the_whole_matrix_for_all_numbers_of_tokens() {
    let lengths = (1..=40).chain([48, 49, 50, 64, 65, 77, 95, 96, 97, 127, 145, 193, 197, 257, 300]);
    for tokens in lengths {
        // Heads of 5, 16, 32, 40 and 64 columns, by turns.
        let (heads, d) = [(2, 5), (3, 16), (1, 32), (2, 40), (1, 64)][tokens % 5];
        for causal in [false, true] {
            let (sizes, options) = ([tokens, tokens, 2, heads * d], AttentionOptions::new(heads).with_causal(causal));
            let expected = run(sizes, DType::F64, |parts| dense(parts, options));
            let what = format!("{tokens} tokens, {heads} heads of {d}, causal {causal}");
            let separate = run(sizes, DType::F32, |[q, k, v]| attention(q, k, v, options));
            compare(&what, &separate, &expected, TOLERANCE);
            compare(&format!("fused, {what}"), &run_fused(sizes, DType::F32, options), &expected, TOLERANCE);
        }
    }
}

#[test]
fn queries_and_keys_may_differ_in_number() {
    for (queries, keys, batch, heads, d) in [(1, 49, 3, 4, 16), (1, 196, 1, 12, 8), (7, 1, 2, 1, 3), (100, 30, 1, 2, 9)] {
        let (sizes, options) = ([queries, keys, batch, heads * d], AttentionOptions::new(heads));
        let expected = run(sizes, DType::F64, |parts| dense(parts, options));
        let actual = run(sizes, DType::F32, |[q, k, v]| attention(q, k, v, options));
        compare(&format!("{queries} queries, {keys} keys"), &actual, &expected, TOLERANCE);
    }
}
