//! Distillation against open_clip's number; its gradient by central differences.

use burn::tensor::{Device, Distribution, FloatDType, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_losses::{DistillationConfig, InfoNceConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::{golden, ranks};

/// `sin(0.37 (i + 1) (j + 1) + k)`, rows normalised by the loss itself.
fn sines(k: f64) -> Vec<Vec<f64>> {
    (1..=6).map(|i| (1..=8).map(|j| (0.37 * f64::from(i * j) + k).sin()).collect()).collect()
}

fn tensor(rows: Vec<Vec<f64>>, device: &Device) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    let flat: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(flat, shape), device)
}

/// Images and texts of the student, then of the teacher.
fn inputs(device: &Device) -> [Tensor<2>; 4] {
    [0.1, 0.9, 1.7, 2.3].map(|k| tensor(sines(k), device))
}

fn loss(inputs: &[Tensor<2>], ctx: &StepContext<'_>) -> Tensor<1> {
    let of = |at: usize| inputs[at].clone();
    // Scales in the inputs' own precision.
    let scale = |value: f64| of(0).detach().slice([0..1, 0..1]).reshape([1]) * 0.0 + value;
    let distillation = DistillationConfig::default().init().unwrap();
    distillation.forward([of(0), of(1)], [of(2), of(3)], [scale(10.0), scale(20.0)], ctx)
}

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn value(x: Tensor<1>) -> f64 {
    f64::from(x.into_scalar::<f32>())
}

#[test]
fn the_value_equals_the_reference() {
    let golden = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/distillation.json");
    let inputs = inputs(&under_test());
    golden::assert_close("distill", loss(&inputs, &ctx()), &golden::numbers(&golden["distill"]), 1e-5, 1e-5);
    let [image, text, ..] = inputs;
    let scale = Tensor::from_floats([10.0], &image.device());
    let clip = InfoNceConfig::default().init().unwrap().forward(image, text, scale, &ctx()).loss();
    golden::assert_close("clip", clip, &golden::numbers(&golden["clip"]), 1e-5, 1e-5);
}

#[test]
fn the_gradient_is_that_of_the_value_and_the_teacher_gets_none() {
    let device = under_test().autodiff();
    let teacher = [1.7, 2.3].map(|k| tensor(sines(k), &device).cast(FloatDType::F64).require_grad());
    let of = |student: &[Tensor<2>]| [student, &teacher[..]].concat();
    assert_matches_differences("distillation", &[sines(0.1), sines(0.9)], &device, 1e-6, |student| {
        loss(&of(student), &ctx())
    });
    let student = [0.1, 0.9].map(|k| tensor(sines(k), &device).cast(FloatDType::F64).require_grad());
    let gradients = loss(&of(&student), &ctx()).backward();
    assert!(student[0].grad(&gradients).is_some());
    assert!(teacher.iter().all(|leaf| leaf.grad(&gradients).is_none()));
}

#[test]
fn three_ranks_equal_one_in_loss_and_gradient() {
    let device = under_test().autodiff();
    let leaves = inputs(&device).map(Tensor::require_grad);
    let one = loss(&leaves, &ctx());
    let three = ranks::mean_loss(3, &leaves, |own, ctx| loss(&own, ctx));
    golden::assert_close("loss", three.clone(), &[value(one.clone())], 1e-5, 0.0);
    let (one, three) = (one.backward(), three.backward());
    for leaf in &leaves[..2] {
        let expected: Vec<f64> = leaf.grad(&one).unwrap().into_data().convert::<f64>().try_into_vec().unwrap();
        golden::assert_close("gradient", leaf.grad(&three).unwrap(), &expected, 1e-4, 1e-6);
    }
}

#[test]
fn a_student_that_is_its_teacher_is_at_a_stationary_point() {
    let device = under_test().autodiff();
    device.seed(2);
    let [image, text] =
        [(); 2].map(|()| Tensor::<2>::random([5, 4], Distribution::Normal(0.0, 1.0), &device).detach().require_grad());
    let scale = Tensor::from_floats([10.0], &device);
    let both = [image.clone(), text.clone()];
    let distillation = DistillationConfig::default().init().unwrap();
    let loss = distillation.forward(both.clone(), both, [scale.clone(), scale], &ctx());
    golden::assert_close("gradient", image.grad(&loss.backward()).unwrap(), &[0.0; 20], 0.0, 1e-6);
}

#[test]
fn zero_and_identical_rows_stay_finite() {
    let device = under_test().autodiff();
    for (rows, row) in [(3, [0.0; 4]), (3, [1.0, 2.0, 3.0, 4.0]), (1, [1.0, 2.0, 3.0, 4.0])] {
        let leaf = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
        let loss = loss(&[(); 4].map(|()| leaf.clone()), &ctx());
        golden::assert_close("equal rows", loss.clone(), &[(rows as f64).ln()], 1e-5, 1e-6);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "student and teacher must see the same samples")]
fn a_teacher_of_another_batch_is_refused() {
    let device = under_test();
    let [image, text, teacher_image, teacher_text] = inputs(&device);
    let fewer = [teacher_image, teacher_text].map(|x| x.slice([0..3]));
    let scale = Tensor::from_floats([10.0], &device);
    let distillation = DistillationConfig::default().init().unwrap();
    distillation.forward([image, text], fewer, [scale.clone(), scale], &ctx());
}
