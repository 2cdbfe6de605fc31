//! SwAV against lightly's numbers, with local crops, a queue and several ranks.

use burn::module::Param;
use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, Prototypes, SinkhornConfig, Swav, SwavConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::{GoldenCase, read_cases};
use vlp_testkit::{golden, ranks};

fn cases() -> Vec<GoldenCase> {
    read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/swav.json", 4, &under_test().autodiff())
}

fn loss_of(case: &GoldenCase) -> Swav {
    let sinkhorn = SinkhornConfig {
        iterations: case.param("sinkhorn_iterations") as usize,
        epsilon: case.param("sinkhorn_epsilon"),
    };
    SwavConfig { temperature: case.param("temperature"), sinkhorn }.init().unwrap()
}

/// The views of a case, global ones first, against its prototypes where it has some.
fn views(case: &GoldenCase) -> Vec<Tensor<2>> {
    let has = |name: &str| !case.json["inputs"][name].is_null();
    let views = ["g1", "g2", "l1", "l2"].into_iter().filter(|name| has(name)).map(|name| case.input(name));
    if !has("prototypes") {
        return views.collect();
    }
    // A leaf that is not the parameter itself, so that the case finds its gradient.
    let prototypes = Prototypes { weight: Param::from_tensor(case.input("prototypes")) };
    views.map(|view| prototypes.forward(view)).collect()
}

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn random(rows: usize, device: &Device) -> Tensor<2> {
    Tensor::random([rows, 7], Distribution::Uniform(-1.0, 1.0), device)
}

fn value(global: &[Tensor<2>], local: &[Tensor<2>], queues: &[Tensor<2>]) -> f64 {
    let loss = SwavConfig::default().init().unwrap().forward(global, local, queues, &ctx());
    f64::from(loss.into_scalar::<f32>())
}

#[test]
fn values_and_gradients_equal_the_reference() {
    for case in cases() {
        let views = views(&case);
        case.check(loss_of(&case).forward(&views[..2], &views[2..], &[], &ctx()));
    }
}

#[test]
fn three_ranks_equal_one() {
    for case in cases() {
        let views = views(&case);
        case.check(ranks::mean_loss(3, &views, |own, ctx| loss_of(&case).forward(&own[..2], &own[2..], &[], ctx)));
    }
}

#[test]
fn a_queue_balances_the_codes_and_gets_no_gradient() {
    let device = under_test().autodiff();
    device.seed(4);
    let views = [random(5, &device).require_grad(), random(5, &device).require_grad()];
    let queues = [random(8, &device).require_grad(), random(8, &device)];
    let loss = SwavConfig::default().init().unwrap();
    let with = loss.forward(&views, &[], &queues, &ctx());
    // By hand: the codes of queue and batch together, of which the batch's rows count.
    let sinkhorn = SinkhornConfig::default().init().unwrap();
    let target = |at: usize| {
        let all = Tensor::cat(vec![queues[at].clone(), views[at].clone()], 0);
        sinkhorn.forward(all, &ctx()).slice([8..13])
    };
    let predict = |codes: Tensor<2>, at: usize| {
        let predicted = burn::tensor::activation::log_softmax(views[at].clone() * 10.0, 1);
        (codes * predicted).sum_dim(1).mean()
    };
    let expected = (predict(target(1), 0) + predict(target(0), 1)) / -2.0;
    golden::assert_close("with a queue", with.clone(), &golden::values(expected.clone()), 1e-5, 0.0);
    let (gradients, expected) = (with.backward(), expected.backward());
    for view in &views {
        let expected = golden::values(view.grad(&expected).unwrap());
        golden::assert_close("gradient", view.grad(&gradients).unwrap(), &expected, 1e-4, 1e-6);
    }
    assert!(queues[0].grad(&gradients).is_none());
}

#[test]
fn permuting_samples_prototypes_and_views_leaves_the_loss() {
    let device = under_test();
    device.seed(6);
    let [a, b, c, d] = [(); 4].map(|()| random(9, &device));
    let expected = value(&[a.clone(), b.clone()], &[c.clone(), d.clone()], &[]);
    let flip = |x: &Tensor<2>| x.clone().flip([0, 1]);
    let flipped = value(&[flip(&b), flip(&a)], &[flip(&d), flip(&c)], &[]);
    assert!((expected - flipped).abs() < 1e-5, "{expected} {flipped}");
}

#[test]
fn equal_and_huge_scores_stay_finite() {
    let device = under_test().autodiff();
    for (rows, of) in [(3, 0.0), (1, 1.0), (3, -1e4)] {
        let leaf = Tensor::<2>::full([rows, 7], of, &device).require_grad();
        let views = [leaf.clone(), leaf.clone()];
        let loss = SwavConfig::default().init().unwrap().forward(&views, &[], &[], &ctx());
        golden::assert_close("equal scores", loss.clone(), &[7f64.ln()], 1e-5, 0.0);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "one queue per global view or none: 1 for 2 views")]
fn a_missing_queue_is_refused() {
    let device = under_test();
    value(&[random(2, &device), random(2, &device)], &[], &[random(2, &device)]);
}

#[test]
fn impossible_settings_are_refused_with_their_value() {
    for temperature in [0.0, -0.1, f64::NAN] {
        let error = SwavConfig { temperature, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)));
        assert!(error.to_string().contains(&temperature.to_string()), "{error}");
    }
}
