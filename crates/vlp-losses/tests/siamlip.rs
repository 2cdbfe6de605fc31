//! SiamLIP's and BYOLIP's term, with CLIP-rocket's loss, against the reference implementation.

mod rocket_case;

use burn::tensor::{Distribution, Tensor};
use rocket_case::clip_rocket_loss;
use vlp_core::StepContext;
use vlp_losses::{CosineForm, NegativeCosineConfig, SiamLipConfig, SiamLipView};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::{self, assert_close};
use vlp_testkit::rank_case::RankCase;
use vlp_testkit::ranks;

const CASES: [(&str, &str); 2] = [("siamlip_sum", ""), ("byolip_sum", "_momentum")];

/// The term of one case, whose targets carry `suffix`.
fn term(case: &RankCase, suffix: &str) -> Tensor<1> {
    let weak = SiamLipView {
        predictions: ["p_image", "p_text"].map(|name| case.one(name)),
        targets: ["v_image", "v_text"].map(|name| case.one(&format!("{name}{suffix}"))),
    };
    let views = |name: &str| case.views(name);
    let predictions = views("p_image_local").into_iter().zip(views("p_text_local"));
    let targets = ["v_image_local", "v_text_local"].map(|name| views(&format!("{name}{suffix}")));
    let [images, texts] = targets.map(Vec::into_iter);
    let strong = predictions.zip(images.zip(texts));
    let strong =
        strong.map(|(predictions, targets)| SiamLipView { predictions: predictions.into(), targets: targets.into() });
    SiamLipConfig::default().init().unwrap().forward(weak, &strong.collect::<Vec<_>>())
}

#[test]
fn values_and_gradients_equal_the_reference_on_one_rank() {
    let device = under_test().autodiff();
    let json = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/siamlip.json");
    for ((name, suffix), expected) in CASES.into_iter().zip([2.042_177_735, 1.926_659_531]) {
        let case = RankCase::new(&json[name], 0..4, &device);
        let term = term(&case, suffix);
        assert_close(name, term.clone(), &[expected], 1e-5, 1e-6);
        let loss = term + clip_rocket_loss(&case, &StepContext::new(0, 0, 1));
        case.check(name, loss, &json[name]["world1"][0]);
    }
}

#[test]
fn values_and_gradients_equal_the_reference_on_each_of_two_ranks() {
    let device = under_test().autodiff();
    let json = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/siamlip.json");
    for (name, suffix) in CASES {
        ranks::check_each_of_two(name, &json[name], &device, |case, ctx| {
            term(case, suffix) + clip_rocket_loss(case, ctx)
        });
    }
}

#[test]
fn the_term_is_the_mean_of_byols_loss_over_all_pairs_of_views() {
    let device = under_test();
    device.seed(11);
    let pair = || [0, 1].map(|_| Tensor::<2>::random([5, 3], Distribution::Normal(0.0, 1.0), &device));
    let view = || SiamLipView { predictions: pair(), targets: pair() };
    let byol = NegativeCosineConfig { form: CosineForm::SquaredDistance, ..Default::default() }.init().unwrap();
    let of = |from: &SiamLipView, to: &SiamLipView, image: usize| {
        let value = byol.forward(from.predictions[image].clone(), to.targets[1 - image].clone());
        f64::from(value.into_scalar::<f32>())
    };
    for views in 0..4 {
        let (weak, strong) = (view(), (0..views).map(|_| view()).collect::<Vec<_>>());
        let mut all = vec![of(&weak, &weak, 0), of(&weak, &weak, 1)];
        for (from, to) in strong.iter().flat_map(|from| strong.iter().map(move |to| (from, to))) {
            all.extend([of(from, to, 0), of(from, to, 1)]);
        }
        let expected = all.iter().sum::<f64>() / all.len() as f64;
        let value = SiamLipConfig::default().init().unwrap().forward(weak, &strong);
        assert_close(&format!("{views} strong views"), value, &[expected], 1e-5, 1e-6);
    }
}

#[test]
fn zero_vectors_and_a_batch_of_1_stay_finite() {
    let device = under_test().autodiff();
    let zeros = Tensor::<2>::zeros([1, 3], &device).require_grad();
    let pair = [zeros.clone(), zeros.clone()];
    let view = SiamLipView { predictions: pair.clone(), targets: pair };
    let value = SiamLipConfig::default().init().unwrap().forward(view.clone(), &[view]);
    assert_close("cosine 0", value.clone(), &[2.0], 0.0, 0.0);
    assert!(zeros.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
}
