//! Whole models in open_clip's dialects against open_clip's numbers: features, loss and the gradient of every parameter.

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use common::{CRATE, assert_features, assert_gradient_norms, assert_near, renamed};
use serde_json::Value;
use vlp_core::TextMode;
use vlp_encoders::{
    Activation, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ModifiedResNetConfig, ProjectionConfig,
    StemConfig, TextPooling, TextTransformerConfig, TransformerInit, VitConfig,
};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, norm, shapes};
use vlp_testkit::{golden, inputs};

/// f32 against f64, relative to a feature's size plus the same absolutely.
const FEATURES: f64 = 2e-5;
const GRADIENTS: f64 = 1e-4;

fn vit() -> VitConfig {
    let stem = StemConfig::Patch { size: 8 };
    VitConfig { image_size: 32, stem, width: 48, depth: 2, heads: 3, ..VitConfig::open_clip() }
}

fn text() -> TextTransformerConfig {
    TextTransformerConfig {
        vocab_size: 128,
        context_length: 16,
        width: 32,
        depth: 2,
        heads: 4,
        activation: Activation::Gelu,
        ..TextTransformerConfig::default()
    }
}

/// The golden file's configuration in ours.
fn config(name: &str) -> DualEncoderConfig {
    let plain = DualEncoderConfig {
        embed_dim: 24,
        image: AnyImageEncoderConfig::Vit(vit()),
        text: text(),
        image_head: ProjectionConfig::Linear,
        text_head: ProjectionConfig::Linear,
    };
    match name {
        "vit_gelu" => plain,
        "vit_quickgelu" => DualEncoderConfig {
            image: AnyImageEncoderConfig::Vit(VitConfig { activation: Activation::QuickGelu, ..vit() }),
            text: TextTransformerConfig { activation: Activation::QuickGelu, ..text() },
            ..plain
        },
        "vit_clipa_style" => DualEncoderConfig {
            image: AnyImageEncoderConfig::Vit(VitConfig {
                pre_norm: false,
                pooling: ImagePooling::PatchMean,
                norm_after_pool: true,
                ..vit()
            }),
            text: TextTransformerConfig { pooling: TextPooling::Last, causal: false, ..text() },
            ..plain
        },
        "vit_layerscale" => DualEncoderConfig {
            image: AnyImageEncoderConfig::Vit(VitConfig { layer_scale: Some(0.1), ..vit() }),
            ..plain
        },
        "rn" => DualEncoderConfig {
            image: AnyImageEncoderConfig::ModifiedResNet(ModifiedResNetConfig {
                image_size: 64,
                layers: [1, 2, 1, 1],
                width: 8,
                heads: 4,
                output: 24,
            }),
            image_head: ProjectionConfig::Identity,
            ..plain
        },
        "siglip_timm" => DualEncoderConfig {
            embed_dim: 48,
            image: AnyImageEncoderConfig::Vit(VitConfig {
                pre_norm: false,
                stem_bias: true,
                norm_eps: 1e-6,
                pooling: ImagePooling::Map,
                init: TransformerInit::Timm,
                ..vit()
            }),
            text: TextTransformerConfig {
                width: 48,
                heads: 3,
                activation: Activation::GeluTanh,
                norm_eps: 1e-6,
                causal: false,
                pooling: TextPooling::Last,
                ..text()
            },
            image_head: ProjectionConfig::Identity,
            text_head: ProjectionConfig::BiasedLinear,
        },
        other => panic!("no configuration for {other}"),
    }
}

/// Our path in the dual encoder to open_clip's key.
fn name(model: &str, path: &str) -> Source {
    let siglip = model == "siglip_timm";
    let prefixed = |prefix: &str, mut source: Source| {
        source.keys[0].insert_str(0, prefix);
        source
    };
    if let Some(path) = path.strip_prefix("image.Vit.") {
        return if siglip {
            prefixed("visual.trunk.", common::timm_vit(path))
        } else {
            prefixed("visual.", common::open_clip_vit(path))
        };
    }
    if let Some(path) = path.strip_prefix("image.ModifiedResNet.") {
        return prefixed("visual.", modified_resnet(path));
    }
    if let Some(path) = path.strip_prefix("text.") {
        return prefixed(if siglip { "text." } else { "" }, common::open_clip_text(path));
    }
    match (path, siglip) {
        ("image_head.Linear.weight", _) => Source::same("visual.proj"),
        ("text_head.Linear.weight", false) => Source::same("text_projection"),
        ("text_head.Linear.weight", true) => Source::transposed("text.text_projection.weight"),
        ("text_head.Linear.bias", true) => Source::same("text.text_projection.bias"),
        (other, _) => panic!("{other} has no key"),
    }
}

fn modified_resnet(path: &str) -> Source {
    if let Some(rest) = path.strip_prefix("pool.") {
        let rules = [("positions", "positional_embedding"), ("q.", "q_proj."), ("k.", "k_proj."), ("v.", "v_proj.")];
        let key = format!("attnpool.{}", renamed(&renamed(rest, &rules), &[("out.", "c_proj.")]));
        return if rest.ends_with(".weight") { Source::transposed(key) } else { Source::same(key) };
    }
    let stem = |kind: &str, key: &str| {
        let rest = path.strip_prefix(kind)?.strip_prefix('.')?;
        let (index, parameter) = rest.split_once('.')?;
        let number = index.parse::<usize>().ok()? + 1;
        let parameter = renamed(parameter, &[("gamma", "weight"), ("beta", "bias")]);
        Some(Source::same(format!("{key}{number}.{parameter}")))
    };
    stem("convs", "conv").or_else(|| stem("norms", "bn")).unwrap_or_else(|| common::resnet(path))
}

/// Rows scaled to length 1.
fn normalised(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / norm
}

/// Cross-entropy of every row with the element on the diagonal as target, averaged.
fn diagonal_cross_entropy(logits: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0];
    let diagonal = Tensor::<2>::eye(rows, &logits.device());
    -(activation::log_softmax(logits, 1) * diagonal).sum() / rows as f64
}

/// Mean over rows of `Σ softplus(-z logit)`, z = 1 on the diagonal and -1 elsewhere.
fn sigmoid_loss(logits: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0];
    let signs = Tensor::<2>::eye(rows, &logits.device()) * 2.0 - 1.0;
    -activation::log_sigmoid(logits * signs).sum() / rows as f64
}

fn scalar(value: f64, device: &Device) -> Tensor<1> {
    Tensor::from_floats([value as f32], device).require_grad()
}

fn check(model: &str, case: &Value) {
    let device = under_test().autodiff();
    let counter = |key: &str| key.ends_with("num_batches_tracked") || key == "logit_scale" || key == "logit_bias";
    let dual = config(model).init(&device).unwrap();
    let dual = fill(dual, Formula::Sin, &shapes(&case["keys"]), |path| name(model, path), counter);
    // Evaluation mode, but with gradients of all parameters.
    let dual = dual.freeze().set_require_grad(true);

    let side = case["config"]["vision_cfg"]["image_size"].as_u64().unwrap() as usize;
    let image = dual.embed_images(inputs::images(3, side, &device));
    let text = dual.embed_texts(inputs::texts(3, 16, 128, &device), TextMode::Global);
    assert_features(&format!("{model}, images"), image.clone(), &case["image_features"], FEATURES);
    assert_features(&format!("{model}, texts"), text.clone(), &case["text_features"], FEATURES);

    let log_scale = scalar(case["config"]["init_logit_scale"].as_f64().unwrap_or((1.0f64 / 0.07).ln()), &device);
    let cosines = normalised(image).matmul(normalised(text).transpose());
    let logits = cosines * log_scale.clone().exp().unsqueeze::<2>();
    let bias = case["config"]["init_logit_bias"].as_f64().map(|bias| scalar(bias, &device));
    let (logits, loss) = match &bias {
        Some(bias) => {
            let logits = logits + bias.clone().unsqueeze::<2>();
            (logits.clone(), sigmoid_loss(logits))
        }
        None => {
            let both = diagonal_cross_entropy(logits.clone()) + diagonal_cross_entropy(logits.clone().transpose());
            (logits, both / 2.0)
        }
    };
    assert_features(&format!("{model}, logits"), logits, &case["logits_per_image"], 5e-5);
    assert_near(model, loss.clone().into_scalar::<f64>(), case["loss"].as_f64().unwrap(), 1e-5, 1e-6);
    let gradients = loss.backward();
    let mut extra = vec![("logit_scale", norm(log_scale.grad(&gradients).unwrap()))];
    extra.extend(bias.map(|bias| ("logit_bias", norm(bias.grad(&gradients).unwrap()))));
    assert_gradient_norms(&dual, &gradients, &case["grad_norms"], |path| name(model, path), &extra, GRADIENTS);
}

#[test]
fn six_models_equal_open_clip_in_features_loss_and_gradients() {
    let file = golden::read(CRATE, "tests/golden/open_clip.json");
    let models = file["models"].as_object().expect("models");
    assert_eq!(models.len(), 6);
    for (model, case) in models {
        check(model, case);
    }
}

#[test]
fn text_towers_equal_open_clip_in_pooled_and_projected_features_and_gradients() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/text.json");
    for (model, case) in file["text"].as_object().expect("cases") {
        let size = |key: &str| case["config"][key].as_u64().unwrap() as usize;
        let text = TextTransformerConfig {
            vocab_size: size("vocab_size"),
            context_length: size("context_length"),
            width: size("width"),
            depth: size("layers"),
            heads: size("heads"),
            ..TextTransformerConfig::default()
        };
        let head = ProjectionConfig::Linear.init([text.width, size("embed_dim")], &device).unwrap();
        let name = |path: &str| match path.strip_prefix("0.") {
            Some(path) => common::open_clip_text(path),
            None => Source::same("text_projection"),
        };
        let formula = Formula::named(case["weights"].as_str().unwrap());
        let both = (text.init(&device).unwrap(), head);
        let both = fill(both, formula, &shapes(&case["shapes"]), name, |_| false);
        let tokens =
            inputs::texts(case["texts"].as_u64().unwrap() as usize, text.context_length, text.vocab_size, &device);
        let pooled = vlp_core::TextEncoder::encode(&both.0, tokens, TextMode::Global);
        assert_features(model, pooled.clone(), &case["pooled_before_projection"], FEATURES);
        let features = both.1.forward(pooled);
        assert_features(model, features.clone(), &case["features"], FEATURES);
        let objective = inputs::objective(features);
        assert_near(model, objective.clone().into_scalar::<f64>(), case["objective"].as_f64().unwrap(), 1e-5, 1e-5);
        assert_gradient_norms(&both, &objective.backward(), &case["grad_norms"], name, &[], GRADIENTS);
    }
}
