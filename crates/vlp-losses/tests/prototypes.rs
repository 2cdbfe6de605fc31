//! Prototypes: what they score, where they start, what they refuse. Their gradients are checked with SwAV's.

use burn::module::Module;
use burn::tensor::{Distribution, FloatDType, Tensor};
use vlp_losses::{LossError, Prototypes, PrototypesConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden;

fn scaled(prototypes: Prototypes, factor: f64) -> Prototypes {
    Prototypes { weight: prototypes.weight.map(|weight| (weight * factor).detach()) }
}

#[test]
fn scores_are_cosines_so_lengths_do_not_count() {
    let device = under_test();
    device.seed(1);
    let prototypes = PrototypesConfig { prototypes: 7, dim: 5 }.init(&device).unwrap();
    let own = prototypes.forward(prototypes.weight.val() * 3.0);
    let diagonal = (own.clone() * Tensor::<2>::eye(7, &device)).sum_dim(1);
    golden::assert_close("each with itself", diagonal, &[1.0; 7], 1e-5, 0.0);
    assert!(own.abs().max().into_scalar::<f32>() <= 1.0 + 1e-5);
    let x = Tensor::<2>::random([4, 5], Distribution::Normal(0.0, 1.0), &device);
    let long = scaled(prototypes.clone(), 50.0).forward(x.clone());
    let expected: Vec<f64> = prototypes.forward(x).into_data().convert::<f64>().try_into_vec().unwrap();
    golden::assert_close("longer prototypes", long, &expected, 1e-5, 1e-6);
}

#[test]
fn the_default_starts_as_a_linear_layer_of_3000_by_128_and_follows_the_seed() {
    let device = under_test();
    let weight = || {
        device.seed(9);
        PrototypesConfig::default().init(&device).unwrap().weight.val()
    };
    assert_eq!(PrototypesConfig::default().init(&device).unwrap().num_params(), 3000 * 128);
    let bound = 1.0 / 128f32.sqrt();
    let highest = weight().abs().max().into_scalar::<f32>();
    assert!(highest <= bound && highest > 0.99 * bound, "{highest}");
    assert_eq!((weight() - weight()).abs().max().into_scalar::<f32>(), 0.0);
}

#[test]
fn zero_vectors_and_zero_prototypes_score_zero_with_finite_gradients() {
    let device = under_test().autodiff();
    let prototypes = scaled(PrototypesConfig { prototypes: 3, dim: 4 }.init(&device).unwrap(), 0.0);
    let x = Tensor::<2>::zeros([2, 4], &device).require_grad();
    let scores = prototypes.forward(x.clone());
    golden::assert_close("zeros", scores.clone(), &[0.0; 6], 0.0, 0.0);
    assert!(x.grad(&scores.sum().backward()).unwrap().is_finite().all().into_scalar::<bool>());
}

#[test]
fn half_precision_vectors_are_scored_in_f32() {
    let device = under_test();
    device.seed(1);
    let prototypes = PrototypesConfig { prototypes: 3, dim: 4 }.init(&device).unwrap();
    let x = Tensor::<2>::random([2, 4], Distribution::Normal(0.0, 1.0), &device);
    // A zero row has no direction in any precision.
    let x = Tensor::cat(vec![x, Tensor::zeros([1, 4], &device)], 0);
    for half in [FloatDType::BF16, FloatDType::F16] {
        let narrow = x.clone().cast(half);
        let expected = golden::values(prototypes.forward(narrow.clone().cast(FloatDType::F32)));
        golden::assert_close("scores", prototypes.forward(narrow), &expected, 0.0, 0.0);
    }
}

#[test]
fn no_prototypes_and_no_width_are_refused() {
    for (prototypes, dim) in [(0, 128), (3000, 0)] {
        let error = PrototypesConfig { prototypes, dim }.init(&under_test()).unwrap_err();
        assert_eq!(error, LossError::PrototypesSize { prototypes, dim });
        assert!(error.to_string().contains(&format!("{prototypes} prototypes of width {dim}")), "{error}");
    }
}

#[test]
#[should_panic(expected = "prototypes of width 4 cannot score vectors of width 5")]
fn vectors_of_another_width_are_refused() {
    let device = under_test();
    PrototypesConfig { prototypes: 3, dim: 4 }.init(&device).unwrap().forward(Tensor::ones([2, 5], &device));
}
