//! Attention on the CPU backend against the matrix of scores written out: values and gradients over sizes that leave rests
//! everywhere, extreme scores, half precision, what is refused.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor, TensorData};
use serde_json::Value;
use vlp_ops::{AttentionOptions, attention, self_attention};
use vlp_testkit::device::under_test;

/// As scripts/golden/attention.py makes them.
fn tensor(shape: [usize; 3], seed: f64, size: f64, dtype: DType, device: &Device) -> Tensor<3> {
    let number = |i: usize| size * ((0.37 * i as f64 + seed).sin() + 0.3 * (1.9 * i as f64).cos());
    let values: Vec<f64> = (0..shape.iter().product()).map(number).collect();
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

/// Queries, keys, batch, width.
type Sizes = [usize; 4];

/// The output and the gradients of q, k and v under weights that differ.
fn run(
    [queries, keys, batch, width]: Sizes,
    size: f64,
    dtype: DType,
    attend: impl Fn([Tensor<3>; 3]) -> Tensor<3>,
) -> [Vec<f64>; 4] {
    let device = under_test().autodiff();
    let leaf = |rows: usize, seed: f64| tensor([batch, rows, width], seed, size, dtype, &device).require_grad();
    let leaves = [leaf(queries, 0.2), leaf(keys, 1.1), leaf(keys, 2.3)];
    let output = attend(leaves.clone());
    let weights = tensor([batch, queries, width], 4.0, 1.0, dtype, &device);
    let gradients = (output.clone() * weights).sum().backward();
    let [q, k, v] = leaves.map(|leaf| host(leaf.grad(&gradients).expect("a gradient")));
    [host(output), q, k, v]
}

/// The same for a fused projection.
fn run_fused([tokens, _, batch, width]: Sizes, size: f64, dtype: DType, options: AttentionOptions) -> [Vec<f64>; 4] {
    let device = under_test().autodiff();
    let parts = [0.2, 1.1, 2.3].map(|seed| tensor([batch, tokens, width], seed, size, dtype, &device));
    let qkv = Tensor::cat(parts.to_vec(), 2).require_grad();
    let output = self_attention(qkv.clone(), options);
    let weights = tensor([batch, tokens, width], 4.0, 1.0, dtype, &device);
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
            let expected = run(sizes, 1.0, DType::F64, |parts| dense(parts, options));
            let what = format!("{tokens} tokens, {heads} heads of {d}, causal {causal}");
            let separate = run(sizes, 1.0, DType::F32, |[q, k, v]| attention(q, k, v, options));
            compare(&what, &separate, &expected, TOLERANCE);
            compare(&format!("fused, {what}"), &run_fused(sizes, 1.0, DType::F32, options), &expected, TOLERANCE);
        }
    }
}

#[test]
fn queries_and_keys_may_differ_in_number() {
    for (queries, keys, batch, heads, d) in [(1, 49, 3, 4, 16), (1, 196, 1, 12, 8), (7, 1, 2, 1, 3), (100, 30, 1, 2, 9)]
    {
        let (sizes, options) = ([queries, keys, batch, heads * d], AttentionOptions::new(heads));
        let expected = run(sizes, 1.0, DType::F64, |parts| dense(parts, options));
        let actual = run(sizes, 1.0, DType::F32, |[q, k, v]| attention(q, k, v, options));
        compare(&format!("{queries} queries, {keys} keys"), &actual, &expected, TOLERANCE);
    }
}

#[test]
fn numbers_equal_pytorchs() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("golden/attention.json")).expect("golden numbers");
    for case in &cases {
        let number = |name: &str| case[name].as_u64().expect("a number") as usize;
        let [queries, keys, batch, heads, dim] = ["queries", "keys", "batch", "heads", "dim"].map(number);
        let (causal, scale) = (case["causal"].as_bool().expect("a flag"), case["scale"].as_f64());
        let options = AttentionOptions { heads, causal, scale };
        let (sizes, size) = ([queries, keys, batch, heads * dim], case["size"].as_f64().expect("a number"));
        let mut outcomes = vec![run(sizes, size, DType::F32, |[q, k, v]| attention(q, k, v, options))];
        if queries == keys {
            outcomes.push(run_fused(sizes, size, DType::F32, options));
        }
        for (name, actual) in outcomes.iter().flat_map(|outcome| ["output", "q", "k", "v"].into_iter().zip(outcome)) {
            let kept: Vec<f64> = serde_json::from_value(case[name]["every_29th"].clone()).expect("numbers");
            let what = format!("{name} of {queries} queries, {keys} keys, size {size}");
            let actual_kept: Vec<f64> = actual.iter().step_by(29).copied().collect();
            // Scores of several hundred, the inputs being 30 times as large, are rounded by 3e-5 before the exponential.
            let tolerance = if size > 1.0 { 2e-4 } else { TOLERANCE };
            assert_close(&what, &actual_kept, &kept, tolerance);
            let (sum, expected) = (actual.iter().sum::<f64>(), case[name]["sum"].as_f64().expect("a number"));
            let room = tolerance * actual.iter().fold(1f64, |size, x| size.max(x.abs())) * actual.len() as f64;
            assert!((sum - expected).abs() <= room, "the sum of {what}: {sum}, not {expected}");
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_output() {
    // In f64, through the bodies that every backend has; central differences are good to 1e-8 with this step.
    let (sizes, step) = ([5, 5, 1, 6], 1e-5);
    let [tokens, _, batch, width] = sizes;
    let options = AttentionOptions::new(2).with_causal(true);
    let device = under_test();
    let parts = [0.2, 1.1, 2.3].map(|seed| tensor([batch, tokens, width], seed, 1.0, DType::F64, &device));
    let weights = tensor([batch, tokens, width], 4.0, 1.0, DType::F64, &device);
    let qkv = host(Tensor::cat(parts.to_vec(), 2));
    let value = |values: Vec<f64>| {
        let qkv = Tensor::from_data(TensorData::new(values, [batch, tokens, 3 * width]), (&device, DType::F64));
        host((self_attention(qkv, options) * weights.clone()).sum())[0]
    };
    let [_, q, k, v] = run_fused(sizes, 1.0, DType::F64, options);
    for at in 0..qkv.len() {
        let moved = |by: f64| qkv.iter().enumerate().map(|(i, x)| if i == at { x + by } else { *x }).collect();
        let slope = (value(moved(step)) - value(moved(-step))) / (2.0 * step);
        let (row, column) = (at / (3 * width), at % (3 * width));
        let gradient = [&q, &k, &v][column / width][row * width + column % width];
        assert!((slope - gradient).abs() < 1e-8, "element {at}: {gradient}, but the slope is {slope}");
    }
}

#[test]
fn half_precision_computes_in_single() {
    // 2^-8 and 2^-11 is what the inputs and the output are rounded to; rounded scores or sums would show far beyond.
    for (dtype, tolerance) in [(DType::BF16, 1.6e-2), (DType::F16, 2e-3)] {
        let options = AttentionOptions::new(2).with_causal(true);
        let sizes = [33, 33, 2, 64];
        let expected = run(sizes, 2.0, DType::F64, |[q, k, v]| attention(q, k, v, options));
        let actual = run(sizes, 2.0, dtype, |[q, k, v]| attention(q, k, v, options));
        compare(&format!("{dtype:?}"), &actual, &expected, tolerance);
        compare(&format!("{dtype:?}, fused"), &run_fused(sizes, 2.0, dtype, options), &expected, tolerance);
        let qkv = tensor([1, 3, 12], 0.0, 1.0, dtype, &under_test());
        assert_eq!(self_attention(qkv, options).dtype(), dtype);
    }
}

#[test]
fn huge_scores_stay_finite_and_nan_is_not_hidden() {
    let options = AttentionOptions::new(1);
    // Scores up to 1e8: each row is one key's value.
    for outcome in run([20, 20, 1, 16], 1e4, DType::F32, |[q, k, v]| attention(q, k, v, options)) {
        assert!(outcome.iter().all(|x| x.is_finite()));
    }
    let device = under_test();
    let x = tensor([2, 5, 4], 0.0, 1.0, DType::F32, &device);
    let broken = x.clone().slice_assign([1..2, 3..4, 0..1], Tensor::full([1, 1, 1], f32::NAN, &device));
    let output = attention(x.clone(), broken, x, options);
    assert!(host(output.clone().slice([1..2])).iter().all(|x| x.is_nan()), "every query sees the broken key");
    assert!(host(output.slice([0..1])).iter().all(|x| x.is_finite()), "the other pair does not");
}

#[test]
fn heads_cut_beforehand_are_a_batch_with_one_head() {
    let device = under_test();
    let [q, k, v] = [0.2, 1.1, 2.3].map(|seed| tensor([2, 7, 12], seed, 1.0, DType::F32, &device));
    let cut = |x: Tensor<3>| x.reshape([2, 7, 3, 4]).swap_dims(1, 2).reshape([6, 7, 4]);
    let joined = attention(cut(q.clone()), cut(k.clone()), cut(v.clone()), AttentionOptions::new(1));
    let joined = joined.reshape([2, 3, 7, 4]).swap_dims(1, 2).reshape([2, 7, 12]);
    assert_eq!(host(attention(q, k, v, AttentionOptions::new(3))), host(joined));
}

#[test]
fn inputs_that_something_else_holds_are_left_alone() {
    // The CPU body writes gradients over inputs of its own.
    let device = under_test().autodiff();
    let qkv = tensor([2, 9, 24], 0.0, 1.0, DType::F32, &device).require_grad();
    let before = host(qkv.clone());
    let product = qkv.clone() * 1.0;
    let gradients = (self_attention(product.clone(), AttentionOptions::new(2)) * 2.0).sum().backward();
    assert!(qkv.grad(&gradients).is_some());
    assert_eq!(host(product), before);
    assert_eq!(host(qkv), before);
}

fn zeros<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::zeros(shape, &under_test())
}

#[test]
#[should_panic(expected = "3 heads do not divide rows of width 8")]
fn heads_must_divide_the_width() {
    self_attention(zeros([1, 2, 24]), AttentionOptions::new(3));
}

#[test]
#[should_panic(expected = "25 columns are no queries, keys and values of one width")]
fn a_fused_projection_has_three_parts() {
    self_attention(zeros([1, 2, 25]), AttentionOptions::new(1));
}

#[test]
#[should_panic(expected = "causal attention needs as many queries as keys, got 2 and 3")]
fn causal_attention_needs_equal_numbers() {
    let keys = zeros([1, 3, 8]);
    attention(zeros([1, 2, 8]), keys.clone(), keys, AttentionOptions::new(1).with_causal(true));
}

#[test]
#[should_panic(expected = "queries [1, 2, 8] and keys [2, 3, 8] differ in batch or width")]
fn batches_must_agree() {
    let keys = zeros([2, 3, 8]);
    attention(zeros([1, 2, 8]), keys.clone(), keys, AttentionOptions::new(1));
}

#[test]
#[should_panic(expected = "the scale of attention is NaN")]
fn the_scale_must_be_finite() {
    self_attention(zeros([1, 2, 24]), AttentionOptions { scale: Some(f64::NAN), ..AttentionOptions::new(1) });
}
