//! SimSiam's and BYOL's loss against lightly's and solo-learn's numbers.

use burn::tensor::{Distribution, Tensor};
use vlp_losses::{CosineForm, NegativeCosineConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case;

#[test]
fn values_and_gradients_equal_the_references() {
    let device = under_test().autodiff();
    let simsiam = NegativeCosineConfig::default().init().unwrap();
    let both = NegativeCosineConfig { target_gradient: true, ..Default::default() }.init().unwrap();
    let byol = NegativeCosineConfig { form: CosineForm::SquaredDistance, ..Default::default() }.init().unwrap();
    let cases = golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/negative_cosine.json", 4, &device);
    for case in cases {
        let of = |loss: &vlp_losses::NegativeCosine, p: &str, z: &str| loss.forward(case.input(p), case.input(z));
        let loss = match case.name.as_str() {
            "simsiam_symmetric" => (of(&simsiam, "p1", "z2") + of(&simsiam, "p2", "z1")) * 0.5,
            "negative_cosine_both_sides" => of(&both, "p1", "z2"),
            "byol_one_pair" => of(&byol, "p1", "z2"),
            "byol_symmetric_sum" => of(&byol, "p1", "z2") + of(&byol, "p2", "z1"),
            other => panic!("unknown case {other}"),
        };
        case.check(loss);
    }
}

#[test]
fn only_directions_count_and_both_forms_have_their_bounds() {
    let device = under_test();
    device.seed(5);
    let x = Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), &device);
    for (form, lowest, highest) in [(CosineForm::Negative, -1.0, 1.0), (CosineForm::SquaredDistance, 0.0, 4.0)] {
        let loss = NegativeCosineConfig { form, ..Default::default() }.init().unwrap();
        assert_close("the same direction", loss.forward(x.clone(), x.clone() * 3.0), &[lowest], 0.0, 1e-6);
        assert_close("opposite directions", loss.forward(x.clone(), x.clone() * -0.1), &[highest], 0.0, 1e-6);
        let one = x.clone().slice([0..1]);
        assert_close("a batch of 1", loss.forward(one.clone(), one), &[lowest], 0.0, 1e-6);
    }
}

#[test]
fn zero_vectors_have_cosine_0_and_a_finite_gradient() {
    let device = under_test().autodiff();
    let zeros = Tensor::<2>::zeros([2, 3], &device).require_grad();
    let loss = NegativeCosineConfig::default().init().unwrap();
    let value = loss.forward(zeros.clone(), Tensor::zeros([2, 3], &device));
    assert_close("zeros", value.clone(), &[0.0], 0.0, 0.0);
    assert!(zeros.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
}

#[test]
#[should_panic(expected = "both sides must have one shape")]
fn other_shapes_are_refused() {
    let device = under_test();
    let loss = NegativeCosineConfig::default().init().unwrap();
    loss.forward(Tensor::zeros([2, 3], &device), Tensor::zeros([3, 3], &device));
}
