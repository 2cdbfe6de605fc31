//! DINO against lightly's numbers, with the centre, local crops and several ranks.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{Dino, DinoConfig, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::{GoldenCase, read_cases};
use vlp_testkit::{golden, ranks};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn cases() -> Vec<GoldenCase> {
    read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/dino.json", 3, &under_test().autodiff())
}

fn loss_of(case: &GoldenCase) -> Dino {
    DinoConfig {
        student_temperature: case.param("student_temp"),
        teacher_temperature: case.param("teacher_temp"),
        center_momentum: case.param("center_momentum"),
        ..Default::default()
    }
    .init()
    .unwrap()
}

/// Two teacher views, then all student views.
fn views(case: &GoldenCase) -> Vec<Tensor<2>> {
    let names = ["t1", "t2", "s1", "s2", "s3", "s4", "s5"];
    names.into_iter().filter(|name| !case.json["inputs"][name].is_null()).map(|name| case.input(name)).collect()
}

fn random(rows: usize, device: &Device) -> Tensor<2> {
    Tensor::random([rows, 11], Distribution::Normal(0.0, 1.0), device)
}

#[test]
fn values_gradients_and_the_next_centre_equal_the_reference() {
    for case in cases() {
        let (loss, views, center) = (loss_of(&case), views(&case), case.input("center"));
        let next = loss.next_center(center.clone(), &views[..2], &ctx());
        golden::assert_close("centre", next, &golden::numbers(&case.json["extra"]["new_center"]), 1e-5, 1e-6);
        case.check(loss.forward(&views[..2], &views[2..], center, &ctx()));
    }
}

#[test]
fn three_ranks_equal_one() {
    for case in cases() {
        let (loss, center) = (loss_of(&case), case.input("center"));
        let mean =
            ranks::mean_loss(3, &views(&case), |own, ctx| loss.forward(&own[..2], &own[2..], center.clone(), ctx));
        case.check(mean);
        let teacher = &views(&case)[..2];
        let centers = ranks::losses(3, ranks::Exchange::Detached, |rank, ctx| {
            let own: Vec<_> = teacher.iter().map(|view| view.clone().slice([2 * rank..2 * rank + 2])).collect();
            loss.next_center(center.clone(), &own, ctx).flatten(0, 1)
        });
        for next in centers {
            golden::assert_close("centre", next, &golden::numbers(&case.json["extra"]["new_center"]), 1e-5, 1e-6);
        }
    }
}

#[test]
fn permuting_samples_units_and_views_leaves_the_loss() {
    let device = under_test();
    device.seed(3);
    let [t1, t2, s1, s2, s3] = [(); 5].map(|()| random(6, &device));
    let center = random(1, &device);
    let loss = DinoConfig::default().init().unwrap();
    let value = |teacher: &[Tensor<2>], student: &[Tensor<2>], center: Tensor<2>| {
        f64::from(loss.forward(teacher, student, center, &ctx()).into_scalar::<f32>())
    };
    let expected = value(&[t1.clone(), t2.clone()], &[s1.clone(), s2.clone(), s3.clone()], center.clone());
    let flip = |x: Tensor<2>| x.flip([0, 1]);
    let flipped = value(&[flip(t2), flip(t1)], &[flip(s2), flip(s1), flip(s3)], center.flip([1]));
    assert!((expected - flipped).abs() < 1e-5 * expected, "{expected} {flipped}");
}

#[test]
fn the_teacher_temperature_warms_up_in_a_straight_line_and_then_stands() {
    let config = DinoConfig { teacher_temperature: 0.07, warmup_steps: 30, ..Default::default() };
    let loss = config.init().unwrap();
    for (step, expected) in [(0, 0.04), (10, 0.05), (30, 0.07), (1000, 0.07)] {
        assert!((loss.teacher_temperature(step) - expected).abs() < 1e-12);
    }
    let device = under_test();
    device.seed(3);
    let (views, center) = ([random(4, &device), random(4, &device)], Tensor::zeros([1, 11], &device));
    let at = |step| loss.forward(&views, &views, center.clone(), &StepContext::new(0, step, 100)).into_scalar::<f32>();
    assert_ne!(at(0), at(30));
    assert_eq!(at(30), at(31));
}

#[test]
fn equal_and_huge_outputs_stay_finite() {
    let device = under_test().autodiff();
    for (rows, of) in [(3, 0.0), (1, 1.0), (3, 1e4)] {
        let leaf = Tensor::<2>::full([rows, 11], of, &device).require_grad();
        let views = [leaf.clone(), leaf.clone()];
        let loss = DinoConfig::default().init().unwrap();
        let loss = loss.forward(&views, &views, Tensor::zeros([1, 11], &device), &ctx());
        golden::assert_close("equal outputs", loss.clone(), &[11f64.ln()], 1e-5, 0.0);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "DINO needs the teacher's views among the student's: 2 and 1 were given")]
fn a_student_with_fewer_views_is_refused() {
    let device = under_test();
    let views = [random(2, &device), random(2, &device)];
    DinoConfig::default().init().unwrap().forward(&views, &views[..1], Tensor::zeros([1, 11], &device), &ctx());
}

#[test]
fn impossible_settings_are_refused_with_their_value() {
    let error = DinoConfig { student_temperature: 0.0, ..Default::default() }.init().unwrap_err();
    assert_eq!(error, LossError::Temperature(0.0));
    for center_momentum in [-0.1, 1.1, f64::NAN] {
        let error = DinoConfig { center_momentum, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::CenterMomentum(_)));
        assert!(error.to_string().contains(&center_momentum.to_string()), "{error}");
    }
}
