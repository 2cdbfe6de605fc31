//! nCLIP's objective against its equations in f64, its collapse arithmetic, its options by central differences.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{BatchMean, Cluster, ClusterConfig, ClusterTargets, LossError, SinkhornConfig, Smoothness};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::{GoldenCase, read_cases};
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::{golden, ranks};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn cases() -> Vec<GoldenCase> {
    read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/cluster.json", 4, &under_test().autodiff())
}

fn loss_of(case: &GoldenCase) -> Cluster {
    ClusterConfig {
        sharpness_weight: case.param("lambda1"),
        smoothness_weight: case.param("lambda2"),
        temperatures: [case.param("tau"); 2],
        ..Default::default()
    }
    .init()
    .unwrap()
}

fn scores(rows: usize, units: usize, device: &Device) -> [Tensor<2>; 2] {
    [(); 2].map(|()| Tensor::random([rows, units], Distribution::Normal(0.0, 2.0), device))
}

fn value(config: ClusterConfig, scores: [Tensor<2>; 2]) -> f64 {
    f64::from(config.init().unwrap().forward(scores, &ctx()).loss.into_scalar::<f32>())
}

#[test]
fn values_parts_and_gradients_equal_the_equations() {
    for case in cases() {
        let terms = loss_of(&case).forward(["a", "b"].map(|name| case.input(name)), &ctx());
        for (part, actual) in [("align", &terms.align), ("sharp", &terms.sharp), ("smooth", &terms.smooth)] {
            golden::assert_close(part, actual.clone(), &golden::numbers(&case.json["extra"][part]), 1e-5, 1e-6);
        }
        case.check(terms.loss);
    }
}

#[test]
fn ranks_with_the_global_mean_equal_one_and_with_the_local_mean_do_not() {
    for case in cases() {
        let inputs = ["a", "b"].map(|name| case.input(name));
        let loss = loss_of(&case);
        let forward = |own: Vec<Tensor<2>>, ctx: &StepContext<'_>| loss.forward([own[0].clone(), own[1].clone()], ctx);
        case.check(ranks::mean_loss(3, &inputs, |own, ctx| forward(own, ctx).loss));
    }
    let device = under_test();
    device.seed(8);
    let inputs = scores(6, 9, &device);
    let config = ClusterConfig { batch_mean: BatchMean::Local, ..Default::default() };
    let local = ranks::mean_loss(3, &inputs, |own, ctx| {
        config.init().unwrap().forward([own[0].clone(), own[1].clone()], ctx).loss
    });
    assert!(f64::from(local.into_scalar::<f32>()) > value(config, inputs) + 0.1, "fewer samples fill fewer units");
}

#[test]
fn every_option_has_the_gradient_of_its_value() {
    let device = under_test().autodiff();
    let row = |of: f64| (0..5).map(|unit| 1.3 * (of * (unit + 1) as f64).sin()).collect::<Vec<_>>();
    let inputs = [vec![row(0.3), row(1.1), row(2.0)], vec![row(0.4), row(1.5), row(0.7)]];
    let pooled = ClusterConfig { smoothness: Smoothness::Pooled, ..Default::default() };
    let sharper = ClusterConfig { target_temperatures: Some([0.5, 0.25]), ..Default::default() };
    let uneven = ClusterConfig { temperatures: [0.5, 2.0], sharpness_weight: -0.6, ..Default::default() };
    for config in [pooled, sharper, uneven] {
        let loss = config.init().unwrap();
        assert_matches_differences(&format!("{config:?}"), &inputs, &device, 1e-6, |leaves| {
            loss.forward([leaves[0].clone(), leaves[1].clone()], &ctx()).loss
        });
    }
    // Constant targets: the differences hold with the targets given from outside, where they stand still.
    for targets in [ClusterTargets::Constant, ClusterTargets::Sinkhorn(SinkhornConfig::default())] {
        let loss = ClusterConfig { targets, ..Default::default() }.init().unwrap();
        let fixed = [1.0, 3.0].map(|x| Tensor::<2>::from_floats([[x, 0.5, -1.0, 0.0, 2.0]; 3], &device));
        let fixed = fixed.map(|target| target.cast(burn::tensor::FloatDType::F64));
        assert_matches_differences(&format!("{targets:?}"), &inputs, &device, 1e-6, |leaves| {
            loss.forward_with_targets([leaves[0].clone(), leaves[1].clone()], fixed.clone(), &ctx()).loss
        });
        // Own scores as targets give the same value as given from outside.
        let leaves = scores(4, 5, &under_test());
        let own = loss.forward(leaves.clone(), &ctx()).loss.into_scalar::<f32>();
        assert_eq!(own, loss.forward_with_targets(leaves.clone(), leaves, &ctx()).loss.into_scalar::<f32>());
    }
}

#[test]
fn solutions_score_as_the_collapse_arithmetic_says() {
    let device = under_test();
    let (rows, units) = (4, 7);
    let config = ClusterConfig { sharpness_weight: 0.5, smoothness_weight: 2.0, ..Default::default() };
    let [log_k, log_b] = [units, rows].map(|n| (n as f64).ln());
    let uniform = Tensor::<2>::zeros([rows, units], &device);
    let distinct = Tensor::<2>::eye(units, &device).slice([0..rows]) * 1e3;
    let constant = Tensor::<2>::eye(units, &device).slice([0..1]).repeat_dim(0, rows) * 1e3;
    for (solution, expected) in [(uniform, 1.5 * log_k - 2.0 * log_k), (distinct, -2.0 * log_b), (constant, 0.0)] {
        let value = value(config, [solution.clone(), solution]);
        assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
    }
}

#[test]
fn permuting_samples_units_and_sides_leaves_the_loss() {
    let device = under_test();
    device.seed(8);
    let [a, b] = scores(6, 9, &device);
    let expected = value(ClusterConfig::default(), [a.clone(), b.clone()]);
    let flipped = value(ClusterConfig::default(), [b.flip([0, 1]), a.flip([0, 1])]);
    assert!((expected - flipped).abs() < 1e-5);
}

#[test]
fn equal_and_huge_scores_keep_losses_and_gradients_finite() {
    let device = under_test().autodiff();
    device.seed(8);
    let huge = scores(5, 7, &device)[0].clone() * 1e4;
    for scores in [Tensor::zeros([3, 7], &device), Tensor::full([1, 7], -1e4, &device), huge] {
        let leaf = scores.detach().require_grad();
        let loss = ClusterConfig { sharpness_weight: 1.0, ..Default::default() }.init().unwrap();
        let loss = loss.forward([leaf.clone(), leaf.clone() * 0.5], &ctx()).loss;
        assert!(loss.clone().is_finite().all().into_scalar::<bool>());
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
fn options_are_read_by_name_and_unknown_ones_refused() {
    let json = r#"{"targets": {"sinkhorn": {"epsilon": 0.1}}, "batch_mean": "local", "smoothness": "pooled"}"#;
    let config: ClusterConfig = serde_json::from_str(json).unwrap();
    let sinkhorn = SinkhornConfig { epsilon: 0.1, ..Default::default() };
    assert_eq!(config.targets, ClusterTargets::Sinkhorn(sinkhorn));
    assert_eq!((config.batch_mean, config.smoothness), (BatchMean::Local, Smoothness::Pooled));
    assert_eq!(serde_json::from_str::<ClusterConfig>(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    assert!(serde_json::from_str::<ClusterConfig>(r#"{"lambda": 1.0}"#).unwrap_err().to_string().contains("lambda"));
}

#[test]
fn impossible_settings_are_refused_with_their_value() {
    let refused = |config: ClusterConfig| config.init().unwrap_err();
    let error = refused(ClusterConfig { temperatures: [1.0, 0.0], ..Default::default() });
    assert_eq!(error, LossError::Temperature(0.0));
    let error = refused(ClusterConfig { target_temperatures: Some([-1.0, 1.0]), ..Default::default() });
    assert_eq!(error, LossError::Temperature(-1.0));
    let error = refused(ClusterConfig { sharpness_weight: f64::NAN, ..Default::default() });
    assert_eq!(error.to_string(), "sharpness_weight NaN must be a finite number; the default is 0");
    let sinkhorn = SinkhornConfig { iterations: 0, ..Default::default() };
    let error = refused(ClusterConfig { targets: ClusterTargets::Sinkhorn(sinkhorn), ..Default::default() });
    assert_eq!(error, LossError::SinkhornIterations(0));
}
