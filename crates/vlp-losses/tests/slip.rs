//! SLIP's sum of two losses that have golden numbers of their own; its gradient by central differences.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{InfoNceConfig, LossError, NtXentConfig, SlipConfig, SlipTerms};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::{assert_close, values};
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::ranks;

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

/// Rows of sines of this width.
fn rows(width: usize, phase: f64) -> Vec<Vec<f64>> {
    (0..4).map(|i| (0..width).map(|j| (0.7 * ((i + 1) * (j + 2)) as f64 + phase).sin()).collect()).collect()
}

fn terms(config: SlipConfig, inputs: &[Tensor<2>], ctx: &StepContext<'_>) -> SlipTerms {
    let [image, text, first, second] = <[Tensor<2>; 4]>::try_from(inputs.to_vec()).unwrap();
    // A scale in the inputs' own precision.
    let scale = Tensor::full([1], 10.0, (&image.device(), image.dtype()));
    config.init().unwrap().forward([image, text], [first, second], scale, ctx)
}

fn random(device: &Device) -> [Tensor<2>; 4] {
    device.seed(4);
    [5, 5, 3, 3].map(|width| Tensor::random([6, width], Distribution::Normal(0.0, 1.0), device))
}

#[test]
fn the_loss_is_clips_and_ssl_scale_times_simclrs() {
    let device = under_test();
    let inputs = random(&device);
    let [image, text, first, second] = inputs.clone();
    let clip = InfoNceConfig::default().init().unwrap();
    let clip = values(clip.forward(image, text, Tensor::full([1], 10.0, &device), &ctx()).loss())[0];
    let ssl = values(NtXentConfig::default().init().unwrap().forward(first, second, &ctx()))[0];
    for ssl_scale in [0.0, 1.0, 2.5] {
        let terms = terms(SlipConfig { ssl_scale, ..Default::default() }, &inputs, &ctx());
        assert_close("loss", terms.loss, &[clip + ssl_scale * ssl], 1e-6, 0.0);
        assert_close("clip", terms.clip, &[clip], 0.0, 0.0);
        assert_close("ssl", terms.ssl, &[ssl], 0.0, 0.0);
    }
    assert_eq!(SlipConfig::default().ssl_scale, 1.0);
}

#[test]
fn the_gradient_is_that_of_the_value_on_one_rank_and_on_two() {
    let device = under_test().autodiff();
    let inputs = [rows(5, 0.1), rows(5, 0.9), rows(3, 1.7), rows(3, 2.4)];
    let config = SlipConfig { ssl_scale: 0.5, ..Default::default() };
    assert_matches_differences("SLIP", &inputs, &device, 1e-6, |leaves| terms(config, leaves, &ctx()).loss);
    assert_matches_differences("SLIP, two ranks", &inputs, &device, 1e-6, |leaves| {
        ranks::mean_loss(2, leaves, |own, ctx| terms(config, &own, ctx).loss)
    });
}

#[test]
fn permuting_samples_or_exchanging_the_strong_views_changes_nothing() {
    let inputs = random(&under_test());
    let expected = values(terms(SlipConfig::default(), &inputs, &ctx()).loss);
    let [image, text, first, second] = inputs.map(|x| x.flip([0]));
    let exchanged = terms(SlipConfig::default(), &[image, text, second, first], &ctx());
    assert_close("flipped", exchanged.loss, &expected, 1e-5, 0.0);
}

#[test]
#[should_panic(expected = "the weak pair and the strong views of the same samples")]
fn views_of_another_batch_are_refused() {
    let [image, text, first, second] = random(&under_test());
    let fewer = [first, second].map(|x| x.slice([0..3]));
    terms(SlipConfig::default(), &[[image, text], fewer].concat(), &ctx());
}

#[test]
fn impossible_settings_are_refused_with_their_value() {
    let error = SlipConfig { ssl_scale: -1.0, ..Default::default() }.init().unwrap_err();
    assert_eq!(error.to_string(), "ssl_scale -1 must be a number that is not negative; the default is 1");
    let ssl = NtXentConfig { temperature: 0.0, ..Default::default() };
    assert_eq!(SlipConfig { ssl, ..Default::default() }.init().unwrap_err(), LossError::Temperature(0.0));
    let error = serde_json::from_str::<SlipConfig>(r#"{"ssl_weight": 1.0}"#).unwrap_err();
    assert!(error.to_string().contains("ssl_weight"), "{error}");
}
