//! Losses of pairs, and what is made of them.

use std::slice::from_ref;

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::{PairLoss, StepContext};
use vlp_losses::{
    AllPairs, BarlowTwinsConfig, ClipLoss, ClipLossConfig, ClipRocketLossConfig, CyClipConfig, CyClipLoss,
    CyClipLossConfig, DclConfig, InfoLoobConfig, InfoNceConfig, LossError, NegativeCosineConfig, NtXentConfig,
    SigmoidConfig, Sum, VicRegConfig, Weighted,
};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::{assert_close, values};
use vlp_testkit::ranks;

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn views<const N: usize>(device: &Device) -> [Tensor<2>; N] {
    device.seed(7);
    [(); N].map(|()| Tensor::random([6, 5], Distribution::Normal(0.0, 1.0), device))
}

/// By the trait alone, as generic code sees a loss.
fn score(loss: &impl PairLoss, [a, b]: [Tensor<2>; 2]) -> f64 {
    values(loss.forward(a, b, &ctx()))[0]
}

#[test]
fn the_trait_gives_the_number_that_the_loss_gives() {
    let device = under_test();
    let [a, b] = views(&device);
    let both = || [a.clone(), b.clone()];
    let number = |loss: Tensor<1>| values(loss)[0];
    let scale = || Tensor::<1>::full([1], 1.0 / 0.07, &device);

    let nt_xent = NtXentConfig::default().init().unwrap();
    assert_eq!(score(&nt_xent, both()), number(nt_xent.forward(a.clone(), b.clone(), &ctx())));
    let dcl = DclConfig::default().init().unwrap();
    assert_eq!(score(&dcl, both()), number(dcl.forward(a.clone(), b.clone(), &ctx())));
    let loob = InfoLoobConfig::cloob().init().unwrap();
    assert_eq!(score(&loob, both()), number(loob.forward(a.clone(), b.clone(), &ctx())));
    let cosine = NegativeCosineConfig::default().init().unwrap();
    assert_eq!(score(&cosine, both()), number(cosine.forward(a.clone(), b.clone())));
    let barlow = BarlowTwinsConfig::default().init().unwrap();
    assert_eq!(score(&barlow, both()), number(barlow.forward(a.clone(), b.clone(), &ctx())));
    let vicreg = VicRegConfig::default().init().unwrap();
    assert_eq!(score(&vicreg, both()), number(vicreg.forward(a.clone(), b.clone(), &ctx()).loss));
    let sigmoid = SigmoidConfig::default().init(&device).unwrap();
    assert_eq!(score(&sigmoid, both()), number(sigmoid.forward(a.clone(), b.clone(), &ctx())));
    let clip = ClipLossConfig::default().init(&device).unwrap();
    let expected = InfoNceConfig::default().init().unwrap().forward(a.clone(), b.clone(), scale(), &ctx()).loss();
    assert_close("CLIP", clip.forward(a.clone(), b.clone(), &ctx()).loss(), &[score(&clip, both())], 0.0, 0.0);
    assert_close("CLIP", expected, &[score(&clip, both())], 1e-6, 0.0);
    let cyclip = CyClipLossConfig::default().init(&device).unwrap();
    let expected = CyClipConfig::default().init().unwrap().forward(a.clone(), b.clone(), scale(), &ctx()).loss;
    assert_close("CyCLIP", expected, &[score(&cyclip, both())], 1e-6, 0.0);
}

#[test]
fn weights_and_sums_are_those_of_numbers_and_of_gradients() {
    let device = under_test().autodiff();
    let inputs = views(&device).map(Tensor::require_grad);
    let (first, second) = (NtXentConfig::default().init().unwrap(), BarlowTwinsConfig::default().init().unwrap());
    let joined = Sum { first: Weighted::new(0.25, first).unwrap(), second: Weighted::new(3.0, second).unwrap() };
    assert_eq!(joined.second.weight(), 3.0);
    let gradient = |loss: &dyn Fn([Tensor<2>; 2]) -> Tensor<1>| {
        let value = loss(inputs.clone());
        (values(value.clone())[0], values(inputs[0].grad(&value.backward()).unwrap()))
    };
    let by = |loss: &dyn Fn([Tensor<2>; 2]) -> Tensor<1>, weight: f64| {
        let (value, of) = gradient(loss);
        (weight * value, of.into_iter().map(|x| weight * x).collect::<Vec<_>>())
    };
    let (x, dx) = by(&|[a, b]| first.forward(a, b, &ctx()), 0.25);
    let (y, dy) = by(&|[a, b]| second.forward(a, b, &ctx()), 3.0);
    let loss = joined.forward(inputs[0].clone(), inputs[1].clone(), &ctx());
    assert_close("value", loss.clone(), &[x + y], 1e-6, 0.0);
    let expected: Vec<f64> = dx.iter().zip(&dy).map(|(x, y)| x + y).collect();
    assert_close("gradient", inputs[0].grad(&loss.backward()).unwrap(), &expected, 1e-4, 1e-6);
}

#[test]
fn the_mean_over_all_pairs_of_views_is_clip_rockets_strong_part() {
    let device = under_test();
    let [a, b, c, d, weak_image, weak_text] = views(&device);
    let clip = AllPairs { loss: ClipLossConfig::default().init(&device).unwrap() };
    let scale = clip.loss.scale.scale();
    let rocket = ClipRocketLossConfig { label_smoothing: 0.0, ..Default::default() }.init().unwrap();
    let (images, texts) = ([a, b], [c, d]);
    let terms = rocket.forward([weak_image, weak_text], [&images, &texts], [scale.clone(), scale], &ctx());
    assert_close("strong part", clip.forward(&images, &texts, &ctx()), &values(terms.strong.unwrap()), 1e-6, 0.0);
    // Unequal numbers of views.
    let mean = images.clone().map(|image| score(&clip.loss, [image, texts[0].clone()])).iter().sum::<f64>() / 2.0;
    assert_close("two by one", clip.forward(&images, &texts[..1], &ctx()), &[mean], 1e-6, 0.0);
}

#[test]
fn ranks_together_equal_one_rank() {
    let device = under_test().autodiff();
    let inputs = views::<4>(&device).map(Tensor::require_grad);
    let joined = Sum { first: NtXentConfig::default().init().unwrap(), second: DclConfig::default().init().unwrap() };
    let pairs = AllPairs { loss: joined };
    let one = pairs.forward(&inputs[..2], &inputs[2..], &ctx());
    let three = ranks::mean_loss(3, &inputs, |own, ctx| pairs.forward(&own[..2], &own[2..], ctx));
    assert_close("loss", three.clone(), &values(one.clone()), 1e-5, 0.0);
    let (one, three) = (one.backward(), three.backward());
    for input in &inputs {
        let expected = values(input.grad(&one).unwrap());
        assert_close("gradient", input.grad(&three).unwrap(), &expected, 1e-4, 1e-6);
    }
}

#[test]
fn learnable_parts_are_trained_clamped_and_restored_through_all_combinators() {
    let device = under_test().autodiff();
    let [a, b] = views(&device);
    let build = || {
        let first = Weighted::new(2.0, ClipLossConfig::default().init(&device).unwrap()).unwrap();
        AllPairs { loss: Sum { first, second: CyClipLossConfig::default().init(&device).unwrap() } }
    };
    let log_scales = |loss: &AllPairs<Sum<Weighted<ClipLoss>, CyClipLoss>>| {
        [&loss.loss.first.loss.scale, &loss.loss.second.scale].map(|scale| values(scale.log_scale.val())[0])
    };
    let loss = build();
    assert_eq!(loss.num_params(), 2);
    // Identical sides: a larger scale is always better, a huge step goes beyond the bound.
    let value = loss.forward(from_ref(&a), from_ref(&a), &ctx());
    let gradients = GradientsParams::from_grads(value.backward(), &loss);
    assert_eq!(gradients.len(), 2);
    let loss = SgdConfig::new().init().step(1e6, loss, gradients);
    assert!(log_scales(&loss).iter().all(|&log| log > 100f64.ln()));
    let loss = loss.after_update();
    assert!(log_scales(&loss).iter().all(|log| (log - 100f64.ln()).abs() < 1e-5));

    let restored = build().load_record(loss.clone().into_record());
    let of =
        |loss: &AllPairs<Sum<Weighted<ClipLoss>, CyClipLoss>>| values(loss.forward(from_ref(&a), from_ref(&b), &ctx()));
    assert_eq!(of(&restored), of(&loss));
}

#[test]
fn a_sum_is_not_finite_when_a_summand_of_weight_0_is_not() {
    let device = under_test();
    let [a, b] = views(&device);
    let mut clip = ClipLossConfig::default().init(&device).unwrap();
    clip.scale.log_scale = Param::from_tensor(Tensor::full([1], f32::NAN, &device));
    let none = Weighted::new(0.0, clip).unwrap();
    let loss = Sum { first: none, second: NtXentConfig::default().init().unwrap() };
    assert!(score(&loss, [a, b]).is_nan());
}

#[test]
#[should_panic(expected = "a mean over pairs of 1 and 0 views needs one of each")]
fn a_side_without_views_is_refused() {
    let [a] = views(&under_test());
    AllPairs { loss: NtXentConfig::default().init().unwrap() }.forward(&[a], &[], &ctx());
}

#[test]
fn impossible_weights_are_refused_with_their_value() {
    for weight in [-1.0, f64::NAN] {
        let error = Weighted::new(weight, NtXentConfig::default().init().unwrap()).unwrap_err();
        assert!(matches!(error, LossError::Coefficient { name: "weight", .. }));
        assert!(error.to_string().contains(&weight.to_string()), "{error}");
    }
}
