//! Sinkhorn against lightly's codes, its marginals, and many ranks against one.

use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, Sinkhorn, SinkhornConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::read_cases;
use vlp_testkit::{golden, ranks};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn sinkhorn(iterations: usize, epsilon: f64) -> Sinkhorn {
    SinkhornConfig { iterations, epsilon }.init().unwrap()
}

fn scores(rows: usize, prototypes: usize, device: &Device) -> Tensor<2> {
    device.seed(5);
    Tensor::random([rows, prototypes], Distribution::Uniform(-1.0, 1.0), device)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_into_vec().unwrap()
}

#[test]
fn codes_equal_the_reference() {
    for case in read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/sinkhorn.json", 2, &under_test().autodiff()) {
        let sinkhorn = sinkhorn(case.param("sinkhorn_iterations") as usize, case.param("sinkhorn_epsilon"));
        for (view, codes) in [("g1", "codes_g1"), ("g2", "codes_g2")] {
            let expected = golden::numbers(&case.json["extra"][codes]);
            golden::assert_close(codes, sinkhorn.forward(case.input(view), &ctx()), &expected, 1e-5, 1e-6);
        }
    }
}

#[test]
fn rows_sum_to_one_and_many_iterations_balance_the_prototypes() {
    let (rows, prototypes) = (24, 7);
    let scores = scores(rows, prototypes, &under_test());
    for iterations in [1, 3, 100] {
        let codes = sinkhorn(iterations, 0.05).forward(scores.clone(), &ctx());
        golden::assert_close("row sums", codes.sum_dim(1), &[1.0; 24], 1e-5, 0.0);
    }
    let columns = sinkhorn(300, 0.1).forward(scores, &ctx()).sum_dim(0);
    golden::assert_close("column sums", columns, &[rows as f64 / prototypes as f64; 7], 1e-3, 0.0);
}

#[test]
fn permuting_samples_and_prototypes_permutes_the_codes() {
    let scores = scores(9, 5, &under_test());
    let codes = sinkhorn(3, 0.05).forward(scores.clone(), &ctx());
    let flipped = sinkhorn(3, 0.05).forward(scores.flip([0, 1]), &ctx());
    golden::assert_close("flipped", flipped.flip([0, 1]), &values(codes), 1e-4, 1e-6);
}

#[test]
fn three_ranks_assign_as_one_does() {
    let scores = scores(12, 5, &under_test());
    let all = sinkhorn(3, 0.05).forward(scores.clone(), &ctx());
    let parts = ranks::losses(3, ranks::Exchange::Detached, |rank, ctx| {
        let own = scores.clone().slice([4 * rank..4 * rank + 4]);
        sinkhorn(3, 0.05).forward(own, ctx).flatten(0, 1)
    });
    golden::assert_close("three ranks", Tensor::cat(parts, 0), &values(all), 1e-5, 1e-6);
}

#[test]
fn scores_far_beyond_exponentials_stay_finite_and_equal_scores_share_evenly() {
    let device = under_test();
    // 1e4 / 0.05 = 2e5, while f32 overflows at exp(88.7).
    for scores in [scores(6, 7, &device) * 1e4, Tensor::full([6, 7], -3e4, &device), Tensor::zeros([1, 7], &device)] {
        let rows = scores.dims()[0];
        let codes = sinkhorn(3, 0.05).forward(scores, &ctx());
        golden::assert_close("row sums", codes.sum_dim(1), &vec![1.0; rows], 1e-5, 0.0);
    }
    let even = sinkhorn(3, 0.05).forward(Tensor::ones([4, 7], &device) * 0.3, &ctx());
    golden::assert_close("equal scores", even, &[1.0 / 7.0; 28], 1e-5, 0.0);
}

#[test]
fn scores_beyond_f32_exponentials_get_the_codes_of_the_plain_iteration_in_f64() {
    let (rows, prototypes, epsilon) = (6, 7, 0.05);
    let scores = scores(rows, prototypes, &under_test()) * 20.0;
    // Up to e⁴⁰⁰, within f64.
    let mut mass: Vec<f64> = values(scores.clone()).iter().map(|score| (score / epsilon).exp()).collect();
    for _ in 0..3 {
        for k in 0..prototypes {
            let sum: f64 = mass.iter().skip(k).step_by(prototypes).sum();
            mass.iter_mut().skip(k).step_by(prototypes).for_each(|mass| *mass /= sum);
        }
        for sample in mass.chunks_mut(prototypes) {
            let sum: f64 = sample.iter().sum();
            sample.iter_mut().for_each(|mass| *mass /= sum);
        }
    }
    // f32 holds exponents of 400 to 2.4e-5 only.
    golden::assert_close("codes", sinkhorn(3, epsilon).forward(scores, &ctx()), &mass, 1e-3, 1e-4);
}

#[test]
fn half_precision_scores_get_f32_codes() {
    let scores = scores(8, 7, &under_test()).cast(FloatDType::BF16);
    let codes = sinkhorn(3, 0.05).forward(scores.clone(), &ctx());
    assert_eq!(codes.dtype(), DType::F32);
    let expected = sinkhorn(3, 0.05).forward(scores.cast(FloatDType::F32), &ctx());
    golden::assert_close("codes", codes, &values(expected), 0.0, 0.0);
}

#[test]
fn codes_carry_no_gradient() {
    let leaf = scores(4, 3, &under_test().autodiff()).require_grad();
    let codes = sinkhorn(3, 0.05).forward(leaf.clone(), &ctx());
    let gradients = (codes + leaf.clone()).sum().backward();
    golden::assert_close("only the direct path", leaf.grad(&gradients).unwrap(), &[1.0; 12], 0.0, 0.0);
}

#[test]
fn impossible_settings_are_refused_with_their_value() {
    let error = SinkhornConfig { iterations: 0, ..Default::default() }.init().unwrap_err();
    assert_eq!(error, LossError::SinkhornIterations(0));
    for epsilon in [0.0, -0.05, f64::NAN, f64::INFINITY] {
        let error = SinkhornConfig { epsilon, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::NotPositive { name: "epsilon", .. }));
        assert!(error.to_string().contains(&epsilon.to_string()), "{error}");
    }
}
