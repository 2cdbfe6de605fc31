//! The bodies for every backend, in chunks of a few of the batch, against loops in f64.

use burn::backend::Flex;
use burn::tensor::TensorData;
use burn_flex::FlexTensor;

use super::backend::Plan;
use super::composed;

const BATCH: usize = 5;
const HEADS: usize = 2;
const DIM: usize = 3;
const WIDTH: usize = HEADS * DIM;
const TOKENS: usize = 4;

fn numbers(seed: f64) -> Vec<f64> {
    (0..BATCH * TOKENS * WIDTH).map(|i| (1.7 * i as f64 + seed).sin()).collect()
}

fn tensor(values: &[f64]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values.to_vec(), [BATCH, TOKENS, WIDTH]))
}

fn assert_close(what: &str, actual: FlexTensor, expected: &[f64], tolerance: f64) {
    let actual: Vec<f64> = actual.into_data().convert::<f64>().try_into_vec().expect("f64 data");
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * (1.0 + e.abs()), "{what}[{at}]: {a}, not {e}");
    }
}

/// Output, log-sum-exps, and the gradients of q, k and v.
fn expected([q, k, v, d_o]: [&[f64]; 4], causal: bool, scale: f64) -> [Vec<f64>; 5] {
    let zeros = || vec![0.0; q.len()];
    let (mut output, mut sums, mut d_q, mut d_k, mut d_v) = (zeros(), Vec::new(), zeros(), zeros(), zeros());
    for (batch, head) in (0..BATCH).flat_map(|batch| (0..HEADS).map(move |head| (batch, head))) {
        let at = |token: usize, column: usize| (batch * TOKENS + token) * WIDTH + head * DIM + column;
        let dot = |x: &[f64], i: usize, y: &[f64], j: usize| (0..DIM).map(|c| x[at(i, c)] * y[at(j, c)]).sum::<f64>();
        for i in 0..TOKENS {
            let seen = if causal { i + 1 } else { TOKENS };
            let scores: Vec<f64> = (0..seen).map(|j| scale * dot(q, i, k, j)).collect();
            let sum = scores.iter().map(|x| x.exp()).sum::<f64>().ln();
            sums.push(sum);
            let shares: Vec<f64> = scores.iter().map(|x| (x - sum).exp()).collect();
            let d_shares: Vec<f64> = (0..seen).map(|j| dot(d_o, i, v, j)).collect();
            let mean: f64 = shares.iter().zip(&d_shares).map(|(p, d)| p * d).sum();
            for (j, (p, d_p)) in shares.iter().zip(&d_shares).enumerate() {
                let d_score = scale * p * (d_p - mean);
                for c in 0..DIM {
                    output[at(i, c)] += p * v[at(j, c)];
                    d_v[at(j, c)] += p * d_o[at(i, c)];
                    d_q[at(i, c)] += d_score * k[at(j, c)];
                    d_k[at(j, c)] += d_score * q[at(i, c)];
                }
            }
        }
    }
    [output, sums, d_q, d_k, d_v]
}

#[test]
fn attention_and_its_gradients_do_not_depend_on_the_chunk() {
    let [q, k, v, d_o] = [0.1, 2.3, 1.2, 0.7].map(numbers);
    for (causal, scale) in [(false, None), (true, None), (false, Some(1.3))] {
        let plan = Plan { heads: HEADS, causal, scale };
        let expected = expected([&q, &k, &v, &d_o], causal, plan.scale(WIDTH));
        let inputs = || [tensor(&q), tensor(&k), tensor(&v)];
        let [a, b, c] = inputs();
        assert_close("the backend's own", composed::attend::<Flex>(a, b, c, plan), &expected[0], 1e-11);
        // One of the batch at once, however few scores a chunk may have; two; all.
        for chunk in [1, 2 * HEADS * TOKENS * TOKENS, 1 << 20] {
            let what = |name: &str| format!("{name}, chunks of {chunk}, causal {causal}");
            let (output, sums) = composed::attend_keeping::<Flex>(inputs(), plan, chunk);
            let kept = [output.clone(), sums.clone(), tensor(&d_o)];
            assert_close(&what("output"), output, &expected[0], 1e-11);
            assert_close(&what("sums"), sums, &expected[1], 1e-11);
            let (d_q, d_k, d_v) = composed::attend_backward::<Flex>(inputs(), kept, plan, chunk);
            for (name, (actual, expected)) in
                ["q", "k", "v"].iter().zip([d_q, d_k, d_v].into_iter().zip(&expected[2..]))
            {
                assert_close(&what(name), actual, expected, 1e-11);
            }
        }
    }
}

#[test]
fn half_precision_keeps_sums_in_single() {
    use burn::tensor::DType;
    let [q, k, v, d_o] = [0.1, 2.3, 1.2, 0.7].map(numbers);
    let plan = Plan { heads: HEADS, causal: true, scale: None };
    let half = |values: &[f64]| {
        FlexTensor::from_data(TensorData::new(values.to_vec(), [BATCH, TOKENS, WIDTH]).convert_dtype(DType::BF16))
    };
    let expected = expected([&q, &k, &v, &d_o], true, plan.scale(WIDTH));
    let inputs = || [half(&q), half(&k), half(&v)];
    let (output, sums) = composed::attend_keeping::<Flex>(inputs(), plan, 1);
    assert_eq!((output.dtype(), sums.dtype()), (DType::BF16, DType::F32));
    let (d_q, d_k, d_v) = composed::attend_backward::<Flex>(inputs(), [output.clone(), sums, half(&d_o)], plan, 1);
    // bf16 has 8 bits.
    for (actual, expected) in [output, d_q, d_k, d_v].into_iter().zip([0, 2, 3, 4].map(|at| &expected[at])) {
        assert_eq!(actual.dtype(), DType::BF16);
        assert_close("half precision", actual, expected, 2e-2);
    }
}
