//! CyCLIP against numbers made from its equations, and what follows from them.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{CyClip, CyClipConfig, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case::{self, GoldenCase};
use vlp_testkit::ranks;

fn cases(device: &Device) -> Vec<GoldenCase> {
    golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/cyclip.json", 3, device)
}

fn loss_of(case: &GoldenCase) -> CyClip {
    let (in_modal, cross_modal) = (case.param("lambda_in"), case.param("lambda_cross"));
    CyClipConfig { in_modal, cross_modal, ..Default::default() }.init().unwrap()
}

#[test]
fn values_parts_and_gradients_equal_the_golden_numbers() {
    for case in cases(&under_test().autodiff()) {
        let (scale, ctx) = (case.scalar("log_scale").exp(), StepContext::new(0, 0, 1));
        let terms = loss_of(&case).forward(case.input("image"), case.input("text"), scale, &ctx);
        let extra = |name: &str| [case.json["extra"][name].as_f64().unwrap()];
        assert_close("clip", terms.contrastive.loss(), &extra("clip"), 1e-5, 0.0);
        assert_close("in-modal", terms.in_modal, &extra("in_modal"), 1e-5, 0.0);
        assert_close("cross-modal", terms.cross_modal, &extra("cross_modal"), 1e-5, 0.0);
        case.check(terms.loss);
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    for case in cases(&under_test().autodiff()) {
        let loss = loss_of(&case);
        ranks::check_case(&case, [2, 3], ["image", "text"], |[image, text], ctx| {
            loss.forward(image, text, case.scalar("log_scale").exp(), ctx).loss
        });
    }
}

#[test]
fn the_cyclic_terms_do_not_depend_on_the_scale_and_vanish_for_equal_modalities() {
    let device = under_test();
    device.seed(9);
    let random = || Tensor::<2>::random([6, 4], Distribution::Normal(0.0, 1.0), &device);
    let (image, text, ctx) = (random(), random(), StepContext::new(0, 0, 1));
    let loss = CyClipConfig::default().init().unwrap();
    let terms = |a: &Tensor<2>, b: &Tensor<2>, scale: f32| {
        let terms = loss.forward(a.clone(), b.clone(), Tensor::from_floats([scale], &device), &ctx);
        [terms.in_modal, terms.cross_modal].map(|term| term.into_scalar::<f32>())
    };
    assert_eq!(terms(&image, &text, 1.0), terms(&image, &text, 100.0));
    assert!(terms(&image, &text, 1.0).iter().all(|&term| term > 0.01));
    assert!(terms(&image, &image, 1.0).iter().all(|&term| term < 1e-10));
}

#[test]
fn zero_rows_equal_rows_and_a_batch_of_1_stay_finite() {
    let device = under_test().autodiff();
    for rows in [1, 3] {
        for row in [[0.0; 3], [1.0, 2.0, 3.0]] {
            let x = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
            let scale = Tensor::<1>::from_floats([100.0], &device);
            let loss = CyClipConfig::default().init().unwrap();
            let value = loss.forward(x.clone(), x.clone(), scale, &StepContext::new(0, 0, 1)).loss;
            assert_close("equal rows", value.clone(), &[(rows as f64).ln()], 0.0, 1e-5);
            assert!(x.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
        }
    }
}

#[test]
fn weights_out_of_range_are_refused_with_their_value() {
    for weight in [-0.25, f64::INFINITY] {
        let error = CyClipConfig { in_modal: weight, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Coefficient { .. }), "{error}");
        assert!(error.to_string().contains(&format!("in_modal {weight}")), "{error}");
    }
}
