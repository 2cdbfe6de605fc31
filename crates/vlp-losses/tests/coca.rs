//! The captioning loss against sums by hand, its gradient by central differences, several ranks.

use burn::tensor::{Device, Int, Tensor};
use vlp_core::StepContext;
use vlp_losses::CaptioningConfig;
use vlp_testkit::device::under_test;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::{golden, ranks};

const LENGTH: usize = 4;
const VOCABULARY: usize = 5;

/// Begin 1, end 2, padding 0; the captions have 3, 2, 1 and 3 tokens to predict.
const TOKENS: [[i32; LENGTH]; 4] = [[1, 3, 4, 2], [1, 4, 2, 0], [1, 2, 0, 0], [1, 3, 3, 2]];

/// One row per caption, `[length · vocabulary]`.
fn logits() -> Vec<Vec<f64>> {
    let row = |n: usize| (0..LENGTH * VOCABULARY).map(move |at| 2.0 * (0.37 * ((n + 1) * (at + 1)) as f64 + 0.2).sin());
    (0..TOKENS.len()).map(|n| row(n).collect()).collect()
}

fn leaf(device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = logits().concat().into_iter().map(|x| x as f32).collect();
    Tensor::<1>::from_floats(&flat[..], device).reshape([TOKENS.len(), LENGTH * VOCABULARY]).detach().require_grad()
}

fn loss(logits: Tensor<2>, tokens: Tensor<2, Int>, ctx: &StepContext<'_>) -> Tensor<1> {
    let rows = logits.dims()[0];
    CaptioningConfig::default().init().unwrap().forward(logits.reshape([rows, LENGTH, VOCABULARY]), tokens, ctx)
}

fn tokens(device: &Device) -> Tensor<2, Int> {
    Tensor::from_ints(TOKENS, device)
}

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

/// The equation in f64.
fn by_hand(logits: &[Vec<f64>]) -> f64 {
    let mut terms = Vec::new();
    for (row, caption) in logits.iter().zip(TOKENS) {
        for (at, &answer) in caption[1..].iter().enumerate().filter(|(_, answer)| **answer != 0) {
            let scores = &row[at * VOCABULARY..(at + 1) * VOCABULARY];
            terms.push(scores.iter().map(|x| x.exp()).sum::<f64>().ln() - scores[answer as usize]);
        }
    }
    terms.iter().sum::<f64>() / terms.len() as f64
}

#[test]
fn the_value_is_the_mean_over_tokens_that_are_not_padding() {
    let device = under_test().autodiff();
    golden::assert_close("by hand", loss(leaf(&device), tokens(&device), &ctx()), &[by_hand(&logits())], 1e-5, 0.0);
    let uniform = Tensor::zeros([4, LENGTH * VOCABULARY], &device);
    golden::assert_close("uniform", loss(uniform, tokens(&device), &ctx()), &[5f64.ln()], 1e-6, 0.0);
}

#[test]
fn the_gradient_is_that_of_the_value() {
    let device = under_test().autodiff();
    assert_matches_differences("captioning", &[logits()], &device, 1e-6, |leaves| {
        loss(leaves[0].clone(), tokens(&device), &ctx())
    });
}

#[test]
fn ranks_with_different_numbers_of_tokens_equal_one() {
    let device = under_test().autodiff();
    let leaf = leaf(&device);
    let one = loss(leaf.clone(), tokens(&device), &ctx());
    let ranks = ranks::losses(2, ranks::Exchange::Full, |rank, ctx| {
        let own = 2 * rank..2 * rank + 2;
        loss(leaf.clone().slice([own.clone()]), tokens(&device).slice([own]), ctx)
    });
    let mean = ranks.into_iter().reduce(|sum, loss| sum + loss).unwrap() / 2.0;
    golden::assert_close("loss", mean.clone(), &[f64::from(one.clone().into_scalar::<f32>())], 1e-5, 0.0);
    let expected = leaf.grad(&one.backward()).unwrap().into_data().convert::<f64>().try_into_vec::<f64>().unwrap();
    golden::assert_close("gradient", leaf.grad(&mean.backward()).unwrap(), &expected, 1e-4, 1e-6);
}

#[test]
fn more_padding_and_logits_after_the_end_change_nothing() {
    let device = under_test().autodiff();
    let leaf = leaf(&device);
    let gradient = leaf.grad(&loss(leaf.clone(), tokens(&device), &ctx()).backward()).unwrap();
    let gradient = gradient.reshape([4, LENGTH, VOCABULARY]);
    let unused = [gradient.clone().slice([0..4, 3..4]), gradient.slice([2..3, 1..2])];
    for unused in unused {
        assert_eq!(unused.abs().max().into_scalar::<f32>(), 0.0);
    }
    let logits = leaf.reshape([4, LENGTH, VOCABULARY]);
    let longer = Tensor::cat(vec![logits.clone(), Tensor::ones([4, 2, VOCABULARY], &device)], 1);
    let padded = Tensor::cat(vec![tokens(&device), Tensor::zeros([4, 2], &device)], 1);
    let captioning = CaptioningConfig::default().init().unwrap();
    let expected = f64::from(captioning.forward(logits, tokens(&device), &ctx()).into_scalar::<f32>());
    golden::assert_close("padded", captioning.forward(longer, padded, &ctx()), &[expected], 1e-6, 0.0);
}

#[test]
fn captions_of_padding_and_huge_logits_stay_finite() {
    let device = under_test().autodiff();
    for (logits, tokens, expected) in [
        (leaf(&device), Tensor::zeros([4, LENGTH], &device), 0.0),
        (Tensor::full([4, LENGTH * VOCABULARY], 1e4, &device), tokens(&device), 5f64.ln()),
    ] {
        let leaf = logits.detach().require_grad();
        let loss = loss(leaf.clone(), tokens, &ctx());
        golden::assert_close("loss", loss.clone(), &[expected], 1e-5, 0.0);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "captions of 1 have none")]
fn captions_of_one_token_are_refused() {
    let device = under_test();
    let captioning = CaptioningConfig::default().init().unwrap();
    captioning.forward(Tensor::ones([2, 1, 3], &device), Tensor::ones([2, 1], &device), &ctx());
}
