//! xCLIP's sum against its equations in f64, on one rank and on three.

use burn::tensor::Tensor;
use vlp_core::StepContext;
use vlp_losses::{ClusterConfig, InfoNceConfig, LossError, XClip, XClipConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::{GoldenCase, read_cases};
use vlp_testkit::{golden, ranks};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn cases() -> Vec<GoldenCase> {
    read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/xclip.json", 2, &under_test().autodiff())
}

fn loss_of(case: &GoldenCase) -> XClip {
    let cluster = ClusterConfig {
        sharpness_weight: case.param("lambda1"),
        smoothness_weight: case.param("lambda2"),
        temperatures: [case.param("tau"); 2],
        ..Default::default()
    };
    let (clip_weight, cluster_weight) = (case.param("w_clip"), case.param("w_nclip"));
    XClipConfig { clip: InfoNceConfig::default(), cluster, clip_weight, cluster_weight }.init().unwrap()
}

fn inputs(case: &GoldenCase) -> [Tensor<2>; 4] {
    ["image", "text", "a", "b"].map(|name| case.input(name))
}

#[test]
fn values_parts_and_gradients_equal_the_equations() {
    for case in cases() {
        let [image, text, a, b] = inputs(&case);
        let terms = loss_of(&case).forward([image, text], [a, b], case.scalar("log_scale").exp(), &ctx());
        for (part, actual) in [("clip", terms.clip), ("nclip", terms.cluster.loss)] {
            golden::assert_close(part, actual, &golden::numbers(&case.json["extra"][part]), 1e-5, 1e-6);
        }
        case.check(terms.loss);
    }
}

#[test]
fn three_ranks_equal_one() {
    for case in cases() {
        let loss = loss_of(&case);
        let scale = case.scalar("log_scale").exp();
        ranks::check_case(&case, [3], ["image", "text", "a", "b"], |[image, text, a, b], ctx| {
            loss.forward([image, text], [a, b], scale.clone(), ctx).loss
        });
    }
}

#[test]
fn a_weight_of_zero_leaves_the_other_part() {
    let case = &cases()[0];
    let [image, text, a, b] = inputs(case);
    let value = |clip_weight, cluster_weight| {
        let loss = XClipConfig { clip_weight, cluster_weight, ..Default::default() }.init().unwrap();
        let scale = Tensor::from_floats([10.0], &image.device());
        let terms = loss.forward([image.clone(), text.clone()], [a.clone(), b.clone()], scale, &ctx());
        [terms.loss, terms.clip, terms.cluster.loss].map(|x| x.into_scalar::<f32>())
    };
    let [loss, clip, _] = value(1.0, 0.0);
    assert_eq!(loss, clip);
    let [loss, _, cluster] = value(0.0, 1.0);
    assert_eq!(loss, cluster);
}

#[test]
#[should_panic(expected = "both heads' outputs of the same samples")]
fn heads_of_other_batches_are_refused() {
    let device = under_test();
    let of = |rows| [(); 2].map(|()| Tensor::<2>::ones([rows, 3], &device));
    XClipConfig::default().init().unwrap().forward(of(2), of(4), Tensor::ones([1], &device), &ctx());
}

#[test]
fn impossible_weights_are_refused_with_their_value() {
    let error = XClipConfig { clip_weight: -0.3, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::Coefficient { name: "clip_weight", .. }));
    assert!(error.to_string().contains("-0.3"), "{error}");
    let error = XClipConfig { cluster_weight: f64::INFINITY, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::Coefficient { name: "cluster_weight", .. }), "{error}");
}
