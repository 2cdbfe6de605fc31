//! What each method without negatives needs in order not to collapse: with the part all is well, without it the toy collapses.
//! Random pairs, too many for encoders of one layer to learn by heart, AdamW.

mod common;

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use vlp_core::{Embedder, ImageEncoder, Method, PairBatch, StepContext};
use vlp_encoders::{DinoHeadConfig, MlpHeadConfig, SiamLipProjectorConfig};
use vlp_losses::{ClusterConfig, l2_normalize};
use vlp_methods::{
    BarLip, BarLipConfig, ClipRocketConfig, ClusterHeadConfig, ClusterVectors, DinoConfig, MomentumConfig, NClipConfig,
    SiamLip, SiamLipConfig,
};

use common::{Pixels, Words, batch, fill};

const ROWS: usize = 64;
const STEPS: usize = 300;

/// Goes down `loss` of one batch.
fn train<M: Module>(mut module: M, loss: impl Fn(&M) -> Tensor<1>) -> M {
    let mut optimizer = AdamWConfig::new().init();
    for _ in 0..STEPS {
        let gradients = GradientsParams::from_grads(loss(&module).backward(), &module);
        module = optimizer.step(1e-2, module, gradients);
    }
    module
}

fn encoders(device: &Device) -> (Pixels, Words) {
    (Pixels::new(4, device), Words::new(4, device))
}

fn rocket() -> ClipRocketConfig {
    ClipRocketConfig { embed_dim: 4, strong_head: None, ..ClipRocketConfig::default() }
}

/// How many different units score highest for the pictures.
fn units_in_use(smoothness_weight: f64) -> usize {
    let device = Device::flex().autodiff();
    let config = NClipConfig {
        // No batch normalisation at the end: it alone would keep every unit in use.
        head: ClusterHeadConfig::Mlp(MlpHeadConfig::new([8])),
        loss: ClusterConfig { smoothness_weight, ..ClusterConfig::default() },
        evaluation: ClusterVectors::Scores,
        ..NClipConfig::default()
    };
    // Encoders that can tell these pairs apart: with smoothness there must be something to agree on.
    let (image, text) = (Pixels::new(12, &device), Words::new(12, &device));
    let (method, pairs) = (fill(config.init(image, text, &device).unwrap().materialize()), batch(32, 0, &device));
    let ctx = StepContext::new(0, 0, 1);
    let trained = train(method, |method| method.objective(method.encode(pairs.clone(), &ctx), &ctx).loss);
    let scores = trained.valid().embed_images(pairs.weak.images.inner()).weak;
    let units: Vec<i64> = scores.argmax(1).into_data().convert::<i64>().try_into_vec().unwrap();
    units.into_iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn nclip_without_smoothness_puts_every_sample_on_one_unit() {
    let (with, without) = (units_in_use(1.0), units_in_use(0.0));
    println!("units with smoothness {with}, without {without}");
    assert!(with >= 5, "with smoothness {with} of 8 units are in use");
    assert_eq!(without, 1, "without smoothness");
}

/// SiamLIP's term alone, with targets that are constants or that learn.
fn siamlip(method: &SiamLip<Pixels, Words>, pairs: &PairBatch, stop_gradient: bool) -> (Tensor<1>, Tensor<2>) {
    let vectors = method.rocket.vectors(pairs.clone());
    let image = method.projectors.weak.image.weak(vectors.image);
    let text = method.projectors.weak.text.weak(vectors.text);
    let predicted =
        [method.predictors.weak.image.forward(image.clone()), method.predictors.weak.text.forward(text.clone())];
    let distance = |prediction: Tensor<2>, target: Tensor<2>| {
        let target = if stop_gradient { target.detach() } else { target };
        (l2_normalize(prediction) * l2_normalize(target)).sum_dim(1).mean() * -2.0 + 2.0
    };
    let [from_image, from_text] = predicted;
    ((distance(from_image, text) + distance(from_text, image.clone())) / 2.0, image)
}

/// Standard deviation over the pictures of their unit-length projections, times the root of the width: 1 on a sphere that
/// is filled, 0 where all are equal.
fn projection_spread(stop_gradient: bool) -> f32 {
    let device = Device::flex().autodiff();
    let config = SiamLipConfig {
        rocket: rocket(),
        // No batch normalisation at the end, for the same reason.
        projector: SiamLipProjectorConfig { hidden: 16, output: 8, last_norm: false },
        predictor: MlpHeadConfig { bias: false, ..MlpHeadConfig::new([16, 8]) },
        ..SiamLipConfig::default()
    };
    let (image, text) = encoders(&device);
    let (method, pairs) = (fill(config.init(image, text, &device).unwrap().materialize()), batch(ROWS, 0, &device));
    let trained = train(method, |method| siamlip(method, &pairs, stop_gradient).0);
    let unit = l2_normalize(siamlip(&trained, &pairs, stop_gradient).1);
    let (variance, _) = unit.var_mean_bias(0);
    (variance.sqrt().mean() * 8f64.sqrt()).into_scalar()
}

#[test]
fn siamlip_without_stop_gradient_makes_all_projections_equal() {
    let (with, without) = (projection_spread(true), projection_spread(false));
    println!("spread with stop-gradient {with}, without {without}");
    assert!(with > 0.4, "with stop-gradient projections spread by {with}");
    assert!(without < 0.5 * with, "without stop-gradient by {without}, with it by {with}");
}

/// Mean diagonal of the cross-correlation of image and text projections.
fn diagonal(method: &BarLip<Pixels, Words>, pairs: &PairBatch) -> (Tensor<2>, Tensor<1>) {
    let vectors = method.rocket.vectors(pairs.clone());
    let image = method.projectors.weak.image.forward(vectors.image);
    let text = method.projectors.weak.text.forward(vectors.text);
    let on = (image.clone() * text.clone()).mean_dim(0);
    (image.transpose().matmul(text) / ROWS as f64, on.mean())
}

fn trained_diagonal(with: bool) -> f32 {
    let device = Device::flex().autodiff();
    let config = BarLipConfig {
        rocket: rocket(),
        projector: MlpHeadConfig { widths: vec![16, 8], ..MlpHeadConfig::barlip() },
        ..BarLipConfig::default()
    };
    let (image, text) = encoders(&device);
    let (method, pairs) = (fill(config.init(image, text, &device).unwrap().materialize()), batch(ROWS, 0, &device));
    let identity = Tensor::<2>::eye(8, &device);
    let trained = train(method, |method| {
        let (correlation, _) = diagonal(method, &pairs);
        let on = ((correlation.clone() - 1.0) * identity.clone()).square().sum();
        let off = (correlation * (identity.clone() * -1.0 + 1.0)).square().sum() * 5e-3;
        if with { on + off } else { off }
    });
    diagonal(&trained, &pairs).1.into_scalar()
}

#[test]
fn barlip_without_its_diagonal_term_leaves_images_and_texts_uncorrelated() {
    let (with, without) = (trained_diagonal(true), trained_diagonal(false));
    println!("diagonal with its term {with}, without {without}");
    assert!(with > 0.9, "with its term the diagonal is {with}");
    assert!(without.abs() < 0.3, "without its term the diagonal is {without}");
}

/// How many different units score highest for the pictures in DINO's teacher, with a centre that moves or stays at zero.
fn dino_units_in_use(center_momentum: f64) -> usize {
    let device = Device::flex().autodiff();
    let config = DinoConfig {
        head: DinoHeadConfig { hidden: 16, bottleneck: 8, output: 8 },
        momentum: MomentumConfig { start: 0.9, end: None },
        frozen_steps: 0,
        loss: vlp_losses::DinoConfig { center_momentum, ..vlp_losses::DinoConfig::default() },
    };
    let mut method = fill(config.init(Pixels::new(12, &device), &device).unwrap());
    method.center = method.center.map(|center| center * 0.0);
    let pairs = batch(ROWS, 1, &device);
    let mut optimizer = AdamWConfig::new().init();
    for step in 0..STEPS as u64 {
        let ctx = StepContext::new(0, step, STEPS as u64);
        let loss = method.objective(method.encode(pairs.clone(), &ctx), &ctx).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &method);
        method = optimizer.step(1e-2, method, gradients).after_update(&ctx);
    }
    let teacher = method.valid().teacher;
    let scores = teacher.head.forward(teacher.image.encode(pairs.weak.images.inner()));
    let units: Vec<i64> = scores.argmax(1).into_data().convert::<i64>().try_into_vec().unwrap();
    units.into_iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn dino_without_its_centre_puts_every_picture_on_one_unit() {
    let (with, without) = (dino_units_in_use(0.9), dino_units_in_use(1.0));
    println!("units with a centre {with}, without {without}");
    assert!(with >= 4, "with a centre {with} of 8 units are in use");
    assert!(without <= 1, "without a centre {without}");
}
