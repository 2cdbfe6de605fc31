//! Every method learns toy pairs in a few steps without its features collapsing, and keeps what must stand still.

mod common;

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use vlp_core::{Embedder, Features, Method, PairBatch, StepContext};
use vlp_losses::l2_normalize;
use vlp_methods::{AnyMethod, AnyMethodConfig};

use common::{Pixels, Words, batch, fill, values, visit};

const ROWS: usize = 16;

/// Each method with heads of a few units.
fn small(name: &str) -> AnyMethodConfig {
    let rocket = r#"{"embed_dim": 8, "strong_head": {"kind": "mlp", "hidden": 16}, "loss": {"label_smoothing": 0.0}}"#;
    let siamlip = format!(
        r#"{{"rocket": {rocket}, "projector": {{"hidden": 16, "output": 8}}, "predictor": {{"widths": [16, 8], "bias": false}}}}"#
    );
    let head = r#"{"kind": "mlp", "widths": [16, 12], "last_norm": "plain"}"#;
    let settings = match name {
        "clip" | "siglip" => r#""embed_dim": 8"#.to_owned(),
        "clip-rocket" => rocket[1..rocket.len() - 1].to_owned(),
        "slip" => r#""embed_dim": 8, "ssl_head": {"widths": [16, 8]}"#.to_owned(),
        "siamlip" => siamlip[1..siamlip.len() - 1].to_owned(),
        "byolip" => format!(r#""siamlip": {siamlip}"#),
        "barlip" => format!(r#""rocket": {rocket}, "projector": {{"widths": [16, 8], "last_norm": "affine"}}"#),
        "swalip" => format!(r#""rocket": {rocket}"#),
        "swalip-v1" => {
            r#""clip": {"embed_dim": 8}, "head": {"widths": [16, 8]}, "prototypes": {"prototypes": 6, "dim": 8},
            "frozen_steps": 5"#
                .to_owned()
        }
        "nclip" => format!(r#""head": {head}"#),
        "xclip" => format!(r#""embed_dim": 8, "nclip": {{"head": {head}, "momentum": {{"start": 0.9, "end": 1.0}}}}"#),
        other => panic!("no settings for {other}"),
    };
    serde_json::from_str(&format!(r#"{{"name": "{name}", {settings}}}"#)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

type Toy = AnyMethod<Pixels, Words>;

fn method(config: &AnyMethodConfig, device: &Device) -> Toy {
    fill(config.init(Pixels::new(12, device), Words::new(12, device), device).unwrap().materialize())
}

fn views(config: &AnyMethodConfig) -> usize {
    config.strong_views().nearest(2)
}

/// Takes `steps` steps on one batch and gives the losses.
fn train(mut method: Toy, pairs: &PairBatch, steps: u64) -> (Toy, Vec<f32>) {
    let mut optimizer = AdamWConfig::new().init();
    let losses = (0..steps).map(|step| {
        let ctx = StepContext::new(0, step, steps);
        let output = method.objective(method.encode(pairs.clone(), &ctx), &ctx);
        let gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        method = optimizer.step(1e-2, method.clone(), gradients).after_update(&ctx);
        output.loss.into_scalar::<f32>()
    });
    let losses = losses.collect();
    (method, losses)
}

/// Mean over the columns of the standard deviation of unit vectors, times the root of their number: 1 when they fill the
/// sphere, 0 when all are equal.
fn spread(vectors: Tensor<2>) -> f32 {
    let columns = vectors.dims()[1] as f64;
    let (variance, _) = l2_normalize(vectors).var_mean_bias(0);
    (variance.sqrt().mean() * columns.sqrt()).into_scalar()
}

#[test]
fn every_method_learns_and_its_features_stay_apart() {
    let device = Device::flex().autodiff();
    for name in AnyMethodConfig::NAMES {
        let config = small(name);
        let pairs = batch(ROWS, views(&config), &device);
        let (trained, losses) = train(method(&config, &device), &pairs, 30);
        assert!(losses.iter().all(|loss| loss.is_finite()), "{name}: {losses:?}");
        let (first, last) = (losses[0], losses[29]);
        assert!(last < first - 0.02 * first.abs(), "{name}: from {first} to {last}");
        let trained = trained.valid();
        let images = trained.embed_images(pairs.weak.images.clone().inner());
        let texts = trained.embed_texts(pairs.weak.tokens.clone().inner());
        for (side, vectors) in [("images", images), ("texts", texts)] {
            for (head, vectors) in [("weak", Some(vectors.weak)), ("strong", vectors.strong)] {
                let Some(vectors) = vectors else { continue };
                let spread = spread(vectors);
                assert!(spread > 0.1, "{name}: {head} vectors of {side} spread by {spread}");
            }
        }
    }
}

#[test]
fn features_survive_the_way_through_plain_tensors() {
    let device = Device::flex().autodiff();
    let ctx = StepContext::new(0, 0, 1);
    for name in AnyMethodConfig::NAMES {
        let config = small(name);
        let method = method(&config, &device);
        let features = method.encode(batch(ROWS, views(&config), &device), &ctx);
        // AnyFeatures go through the method's own type and back; a wrong order or number changes the loss or panics.
        let tensors = features.clone().into_tensors();
        assert!(tensors.iter().all(|tensor| tensor.dims()[0] == ROWS), "{name}: rows are samples");
        let again = vlp_methods::AnyFeatures::from_tensors(tensors);
        let [a, b] = [features, again].map(|features| method.objective(features, &ctx).loss.into_scalar::<f32>());
        assert_eq!(a, b, "{name}");
    }
}

fn teacher_of(method: &Toy) -> Vec<(String, Vec<f32>)> {
    let mut found = Vec::new();
    visit(method, |path, tensor, _| {
        if path.contains(".teacher.") {
            found.push((path.to_owned(), values(tensor)));
        }
    });
    found
}

#[test]
fn a_teacher_starts_as_its_student_and_follows_without_learning() {
    let device = Device::flex().autodiff();
    let config = small("byolip");
    let new = config.init(Pixels::new(12, &device), Words::new(12, &device), &device).unwrap();
    let mut students = std::collections::BTreeMap::new();
    visit(&new, |path, tensor, learns| {
        if !path.contains(".teacher.") {
            assert!(learns || path.contains("running"), "{path} does not learn");
            students.insert(path.to_owned(), values(tensor));
        }
    });
    for (path, values) in teacher_of(&new) {
        let student = path.replace(".teacher.heads.", ".online.projectors.").replace(".teacher.", ".online.rocket.");
        assert_eq!(values, students[&student], "{path}");
    }
    let before = teacher_of(&new);
    let (after, _) = train(new, &batch(ROWS, 1, &device), 3);
    for ((path, before), (_, after)) in before.into_iter().zip(teacher_of(&after)) {
        // Three steps of 0.01 in the student move the teacher by at most 1 % of each; its statistics are its own and free.
        assert_ne!(before, after, "{path} stood still");
        let moved = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(path.contains("running") || moved < 1e-3, "{path} moved by {moved}");
    }
}

#[test]
fn the_momentum_is_constant_or_rises_along_a_cosine() {
    let at = |text: &str, step| {
        let momentum: vlp_methods::MomentumConfig = serde_json::from_str(text).unwrap();
        momentum.at(&StepContext::new(0, step, 100))
    };
    assert_eq!(at("{}", 70), 0.99);
    assert_eq!(at(r#"{"start": 0.9, "end": 1.0}"#, 0), 0.9);
    assert!((at(r#"{"start": 0.9, "end": 1.0}"#, 50) - 0.95).abs() < 1e-12);
    assert!((at(r#"{"start": 0.9, "end": 1.0}"#, 100) - 1.0).abs() < 1e-12);
}

#[test]
fn prototypes_stand_still_for_the_first_steps_and_then_learn() {
    let device = Device::flex().autodiff();
    let config = small("swalip-v1");
    let start = method(&config, &device);
    let pairs = batch(ROWS, 0, &device);
    let prototypes = |method: &Toy| {
        let AnyMethod::SwaLipV1(method) = method else { panic!("another method") };
        values(method.prototypes.weight.val().inner().reshape([-1]))
    };
    let (frozen, _) = train(start.clone(), &pairs, 5);
    assert_eq!(prototypes(&start), prototypes(&frozen));
    let (learned, _) = train(start.clone(), &pairs, 6);
    assert_ne!(prototypes(&start), prototypes(&learned));
    let AnyMethod::SwaLipV1(learned) = learned else { panic!("another method") };
    let scale = learned.scale.scale().into_scalar::<f32>();
    assert_eq!(scale, 1.0, "a scale of exp(-0.1) that does not learn is clamped and nothing else");
}
