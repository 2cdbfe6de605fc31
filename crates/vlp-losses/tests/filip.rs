//! FILIP's late interaction against loops by hand, its gradient by central differences, padding, several ranks.

use burn::tensor::{Bool, Device, FloatDType, Tensor};
use vlp_core::StepContext;
use vlp_losses::FilipConfig;
use vlp_testkit::device::under_test;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::{golden, ranks};

const PATCHES: usize = 3;
const LENGTH: usize = 4;
const DIM: usize = 5;
const SCALE: f64 = 10.0;
/// Tokens of each of the four texts.
const LENGTHS: [usize; 4] = [4, 2, 1, 3];

/// One row per sample, `[tokens · dim]`.
fn rows(tokens: usize, k: f64) -> Vec<Vec<f64>> {
    let row = |n: usize| (0..tokens * DIM).map(|at| (0.91 * ((n + 1) * (at + 2)) as f64 + k).sin()).collect();
    (0..LENGTHS.len()).map(row).collect()
}

fn tensor(rows: Vec<Vec<f64>>, device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::<1>::from_floats(&flat[..], device).reshape([rows.len(), rows[0].len()])
}

fn present(lengths: &[usize], device: &Device) -> Tensor<2, Bool> {
    let flat: Vec<f32> = lengths.iter().flat_map(|&length| (0..LENGTH).map(move |at| f32::from(at < length))).collect();
    Tensor::<1>::from_floats(&flat[..], device).reshape([lengths.len(), LENGTH]).greater_elem(0.5)
}

fn loss(image: Tensor<2>, text: Tensor<2>, lengths: &[usize], ctx: &StepContext<'_>) -> Tensor<1> {
    let batch = lengths.len();
    // The scale in the inputs' own precision.
    let scale = image.clone().detach().slice([0..1, 0..1]).reshape([1]) * 0.0 + SCALE;
    let present = present(lengths, &image.device());
    let (image, text) = (image.reshape([batch, PATCHES, DIM]), text.reshape([batch, LENGTH, DIM]));
    FilipConfig::default().init().unwrap().forward(image, text, present, scale, ctx)
}

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn value(x: Tensor<1>) -> f64 {
    f64::from(x.into_scalar::<f32>())
}

/// The equations in f64, pair by pair.
fn by_hand(image: &[Vec<f64>], text: &[Vec<f64>]) -> f64 {
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let best = |from: &[&[f64]], to: &[&[f64]]| {
        let highest = |a: &&[f64]| to.iter().map(|b| cosine(a, b)).fold(f64::NEG_INFINITY, f64::max);
        from.iter().map(highest).sum::<f64>() / from.len() as f64
    };
    let images: Vec<Vec<&[f64]>> = image.iter().map(|row| row.chunks(DIM).collect()).collect();
    let texts: Vec<Vec<&[f64]>> =
        text.iter().zip(LENGTHS).map(|(row, length)| row.chunks(DIM).take(length).collect()).collect();
    let cross_entropy = |from: &[Vec<&[f64]>], to: &[Vec<&[f64]>]| {
        let of = |i: usize| {
            let logits: Vec<f64> = to.iter().map(|to| SCALE * best(&from[i], to)).collect();
            logits.iter().map(|x| x.exp()).sum::<f64>().ln() - logits[i]
        };
        (0..from.len()).map(of).sum::<f64>() / from.len() as f64
    };
    (cross_entropy(&images, &texts) + cross_entropy(&texts, &images)) / 2.0
}

#[test]
fn the_value_is_the_one_of_the_equations() {
    let device = under_test();
    let (image, text) = (rows(PATCHES, 0.3), rows(LENGTH, 1.2));
    let expected = by_hand(&image, &text);
    let actual = loss(tensor(image, &device), tensor(text, &device), &LENGTHS, &ctx());
    golden::assert_close("by hand", actual, &[expected], 1e-5, 1e-6);
}

#[test]
fn the_gradient_is_that_of_the_value() {
    let device = under_test().autodiff();
    let inputs = [rows(PATCHES, 0.3), rows(LENGTH, 1.2)];
    assert_matches_differences("FILIP", &inputs, &device, 1e-6, |leaves| {
        loss(leaves[0].clone(), leaves[1].clone(), &LENGTHS, &ctx())
    });
}

#[test]
fn two_ranks_equal_one_in_loss_and_gradient() {
    let device = under_test().autodiff();
    let leaves = [rows(PATCHES, 0.3), rows(LENGTH, 1.2)].map(|rows| tensor(rows, &device).detach().require_grad());
    let one = loss(leaves[0].clone(), leaves[1].clone(), &LENGTHS, &ctx());
    let losses = ranks::losses(2, ranks::Exchange::Full, |rank, ctx| {
        let own = 2 * rank..2 * rank + 2;
        let [image, text] = leaves.each_ref().map(|leaf| leaf.clone().slice([own.clone()]));
        loss(image, text, &LENGTHS[own], ctx)
    });
    let mean = losses.into_iter().reduce(|sum, loss| sum + loss).unwrap() / 2.0;
    golden::assert_close("loss", mean.clone(), &[value(one.clone())], 1e-5, 0.0);
    let (one, two) = (one.backward(), mean.backward());
    for leaf in &leaves {
        let expected = leaf.grad(&one).unwrap().into_data().convert::<f64>().try_into_vec::<f64>().unwrap();
        golden::assert_close("gradient", leaf.grad(&two).unwrap(), &expected, 1e-4, 1e-6);
    }
}

#[test]
fn what_stands_in_the_padding_and_the_order_of_tokens_and_samples_do_not_matter() {
    let device = under_test();
    let (image, text) = (tensor(rows(PATCHES, 0.3), &device), tensor(rows(LENGTH, 1.2), &device));
    let expected = value(loss(image.clone(), text.clone(), &LENGTHS, &ctx()));
    let kept = present(&LENGTHS, &device).float().reshape([4, LENGTH, 1]).repeat_dim(2, DIM).reshape([4, LENGTH * DIM]);
    let other = text.clone() * kept.clone() + (kept - 1.0) * 70.0;
    assert!((value(loss(image.clone(), other, &LENGTHS, &ctx())) - expected).abs() < 1e-6);
    let turned = image.clone().reshape([4, PATCHES, DIM]).flip([1]).reshape([4, PATCHES * DIM]);
    assert!((value(loss(turned, text.clone(), &LENGTHS, &ctx())) - expected).abs() < 1e-5);
    let mut lengths = LENGTHS;
    lengths.reverse();
    assert!((value(loss(image.flip([0]), text.flip([0]), &lengths, &ctx())) - expected).abs() < 1e-5);
}

#[test]
fn zero_and_identical_tokens_and_a_text_without_tokens_stay_finite() {
    let device = under_test().autodiff();
    for (of, lengths) in [(0.0, LENGTHS), (1.0, LENGTHS), (1.0, [0; 4])] {
        let image = Tensor::<2>::full([4, PATCHES * DIM], of, &device).require_grad();
        let text = Tensor::<2>::full([4, LENGTH * DIM], of, &device);
        let loss = loss(image.clone(), text, &lengths, &ctx());
        golden::assert_close("equal tokens", loss.clone(), &[4f64.ln()], 1e-5, 0.0);
        assert!(image.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
    let image = tensor(rows(PATCHES, 0.3), &device).cast(FloatDType::F32).detach().require_grad();
    let loss = loss(image.clone(), tensor(rows(LENGTH, 1.2), &device), &[4, 0, 1, 3], &ctx());
    assert!(image.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
}

#[test]
#[should_panic(expected = "FILIP must know of every text token whether it is one")]
fn a_mask_of_another_length_is_refused() {
    let device = under_test();
    let (image, text) = (Tensor::ones([4, PATCHES, DIM], &device), Tensor::ones([4, LENGTH + 1, DIM], &device));
    let scale = Tensor::ones([1], &device);
    FilipConfig::default().init().unwrap().forward(image, text, present(&LENGTHS, &device), scale, &ctx());
}
