//! Every method learns toy pairs in a few steps without its features collapsing, and keeps what must stand still.

mod common;

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use vlp_core::{Embedder, Features, Method, PairBatch, StepContext};
use vlp_losses::l2_normalize;
use vlp_methods::{AnyMethod, AnyMethodConfig};

use common::{Pixels, Words, batch, batch_with_local, fill, values, visit};

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
        "dino" => {
            r#""head": {"hidden": 16, "bottleneck": 8, "output": 12}, "momentum": {"start": 0.9}, "frozen_steps": 0"#
                .to_owned()
        }
        "moco-v3" => r#""projector": {"widths": [16, 16, 8], "bias": false, "last_bias": false, "last_norm": "plain"},
            "predictor": {"widths": [16, 8], "bias": false, "last_bias": false, "last_norm": "plain"},
            "momentum": {"start": 0.9}"#
            .to_owned(),
        "swav" => r#""head": {"widths": [16, 8]}, "prototypes": {"prototypes": 6, "dim": 8}, "frozen_steps": 5,
            "queue": {"views": 2, "length": 32, "dim": 8}"#
            .to_owned(),
        "xclip" => format!(r#""embed_dim": 8, "nclip": {{"head": {head}, "momentum": {{"start": 0.9, "end": 1.0}}}}"#),
        other => panic!("no settings for {other}"),
    };
    serde_json::from_str(&format!(r#"{{"name": "{name}", {settings}}}"#)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

type Toy = AnyMethod<Pixels, Words>;

fn method(config: &AnyMethodConfig, device: &Device) -> Toy {
    fill(config.init(Pixels::new(12, device), Words::new(12, device), device).unwrap().materialize())
}

/// As many views as the method reads, with local crops where it does.
fn pairs(config: &AnyMethodConfig, device: &Device) -> PairBatch {
    let local = if config.reads_local_crops() { 2 } else { 0 };
    batch_with_local(ROWS, config.strong_views().nearest(2), local, device)
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
        let pairs = pairs(&config, &device);
        let (trained, losses) = train(method(&config, &device), &pairs, 30);
        assert!(losses.iter().all(|loss| loss.is_finite()), "{name}: {losses:?}");
        let (first, last) = (losses[0], losses[29]);
        assert!(last < first - 0.02 * first.abs(), "{name}: from {first} to {last}");
        let trained = trained.valid();
        let images = trained.embed_images(pairs.weak.images.clone().inner());
        assert_eq!(trained.embeds_texts(), config.reads_texts(), "{name}");
        let texts = trained.embeds_texts().then(|| trained.embed_texts(pairs.weak.tokens.clone().inner()));
        for (side, vectors) in [("images", Some(images)), ("texts", texts)] {
            let Some(vectors) = vectors else { continue };
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
        let features = method.encode(pairs(&config, &device), &ctx);
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

#[test]
fn a_method_of_pictures_alone_holds_no_text_encoder_and_every_parameter_of_it_learns() {
    let device = Device::flex().autodiff();
    for name in AnyMethodConfig::NAMES {
        let config = small(name);
        let method = method(&config, &device);
        let mut texts = Vec::new();
        visit(&method, |path, _, _| texts.extend(path.contains("table").then(|| path.to_owned())));
        assert_eq!(texts.is_empty(), !config.reads_texts(), "{name}: {texts:?}");
        if config.reads_texts() {
            continue;
        }
        let ctx = StepContext::new(0, 10, 20);
        let output = method.objective(method.encode(pairs(&config, &device), &ctx), &ctx);
        let gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let mut learning = 0;
        visit(&method, |_, _, learns| learning += usize::from(learns));
        assert_eq!(gradients.len(), learning, "{name}");
    }
}

/// The values of one parameter or buffer.
fn one(method: &Toy, wanted: &str) -> Vec<f32> {
    let mut found = Vec::new();
    visit(method, |path, tensor, _| {
        if path == wanted {
            found = values(tensor);
        }
    });
    assert!(!found.is_empty(), "there is no {wanted}");
    found
}

#[test]
fn dinos_centre_moves_after_the_update_and_not_with_the_loss() {
    let device = Device::flex().autodiff();
    let config = small("dino");
    let method = method(&config, &device);
    let (pairs, ctx) = (pairs(&config, &device), StepContext::new(0, 0, 10));
    let AnyMethod::Dino(dino) = &method else { panic!("another method") };
    let mean = Tensor::cat(dino.encode(pairs.clone(), &ctx).teacher.to_vec(), 0).mean_dim(0);
    let expected = values((dino.center.val() * 0.9 + mean * 0.1).inner().reshape([-1]));
    let before = one(&method, "Dino.center");

    let loss = |method: &Toy| method.objective(method.encode(pairs.clone(), &ctx), &ctx).loss.into_scalar::<f32>();
    // A step that is rejected asks for a loss and has no update.
    assert_eq!(loss(&method), loss(&method));
    assert_eq!(one(&method, "Dino.center"), before);
    let updated = method.after_update(&ctx);
    for (ours, expected) in one(&updated, "Dino.center").into_iter().zip(expected) {
        assert!((ours - expected).abs() < 1e-6, "{ours} is not {expected}");
    }
    // Nothing is left for an update without a loss.
    let again = one(&updated, "Dino.center");
    assert_eq!(one(&updated.after_update(&ctx), "Dino.center"), again);
}

#[test]
fn swavs_queue_takes_features_after_the_update_and_changes_the_loss_once_it_is_full() {
    let device = Device::flex().autodiff();
    let config = small("swav");
    let mut method = method(&config, &device);
    // The filled toy has random rows in its queue and a random number of them: begin with an empty one.
    let AnyMethod::Swav(swav) = &mut method else { panic!("another method") };
    let kept = vlp_losses::SwavQueueConfig { views: 2, length: 32, dim: 8, start_step: 0 };
    swav.queue = Some(kept.init(&device).unwrap());
    let pairs = pairs(&config, &device);
    let loss = |method: &Toy, ctx: &StepContext<'_>| {
        method.objective(method.encode(pairs.clone(), ctx), ctx).loss.into_scalar::<f32>()
    };
    let stored = |method: &Toy| one(method, "Swav.queue.stored")[0];
    let mut losses = Vec::new();
    for step in 0..4 {
        let ctx = StepContext::new(0, step, 10);
        losses.push(loss(&method, &ctx));
        let before = stored(&method);
        assert_eq!(loss(&method, &ctx), losses[step as usize], "asked twice");
        assert_eq!(stored(&method), before);
        method = method.after_update(&ctx);
        assert_eq!(stored(&method), (ROWS as f32 * (step + 1) as f32).min(32.0));
    }
    // The same batch and weights: only the queue, full after two steps, can change the loss.
    assert_eq!(losses[0], losses[1]);
    assert_ne!(losses[1], losses[2]);
}

#[test]
fn prototypes_of_dino_and_swav_stand_still_for_the_first_steps() {
    let device = Device::flex().autodiff();
    for (name, path) in [("dino", "Dino.head.prototypes"), ("swav", "Swav.prototypes.weight")] {
        let mut config = small(name);
        match &mut config {
            AnyMethodConfig::Dino(dino) => dino.frozen_steps = 5,
            AnyMethodConfig::Swav(swav) => swav.frozen_steps = 5,
            _ => panic!("another method"),
        }
        let start = method(&config, &device);
        let pairs = pairs(&config, &device);
        let (frozen, _) = train(start.clone(), &pairs, 5);
        assert_eq!(one(&start, path), one(&frozen, path), "{name}");
        let (learned, _) = train(start.clone(), &pairs, 6);
        assert_ne!(one(&start, path), one(&learned, path), "{name}");
    }
}

#[test]
#[should_panic(expected = "DINO has no text encoder")]
fn texts_for_a_method_of_pictures_alone_end_in_a_sentence() {
    let device = Device::flex();
    let config = small("dino");
    let tokens = batch(2, 0, &device).weak.tokens;
    method(&config, &device).embed_texts(tokens);
}
