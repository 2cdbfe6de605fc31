//! The models of Hugging Face's transformers, whose weights lie in other pieces: queries, keys and values apart for CLIP,
//! joined for SigLIP's pooling.

mod common;

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use common::{CRATE, assert_features, renamed};
use vlp_core::TextMode;
use vlp_encoders::{
    Activation, AnyImageEncoder, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ProjectionConfig, StemConfig,
    TextPooling, TextTransformerConfig, VitConfig,
};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, shapes};
use vlp_testkit::{golden, inputs};

/// f32 against f64, through weights of unit gain.
const FEATURES: f64 = 5e-5;

fn clip(image: VitConfig, text: TextTransformerConfig, embed_dim: usize) -> DualEncoderConfig {
    DualEncoderConfig {
        embed_dim,
        image: AnyImageEncoderConfig::Vit(image),
        text,
        image_head: ProjectionConfig::Linear,
        text_head: ProjectionConfig::Linear,
    }
}

fn config(model: &str) -> DualEncoderConfig {
    let stem = StemConfig::Patch { size: 8 };
    let image = VitConfig {
        image_size: 32,
        stem,
        width: 48,
        depth: 2,
        heads: 3,
        mlp_ratio: 2.0,
        activation: Activation::QuickGelu,
        ..VitConfig::open_clip()
    };
    let text = TextTransformerConfig {
        vocab_size: 128,
        context_length: 16,
        width: 32,
        depth: 2,
        heads: 4,
        mlp_ratio: 2.0,
        ..TextTransformerConfig::default()
    };
    let activation = Activation::Gelu;
    match model {
        "hf_clip_quickgelu" => clip(image, text, 24),
        "hf_clip_gelu_legacy_eos" => {
            let stem = StemConfig::Patch { size: 7 };
            clip(
                VitConfig { image_size: 28, stem, width: 32, depth: 3, heads: 4, mlp_ratio: 4.0, activation, ..image },
                TextTransformerConfig { vocab_size: 100, context_length: 12, width: 40, heads: 2, activation, ..text },
                20,
            )
        }
        "hf_siglip" => {
            let activation = Activation::GeluTanh;
            DualEncoderConfig {
                image_head: ProjectionConfig::Identity,
                text_head: ProjectionConfig::BiasedLinear,
                ..clip(
                    VitConfig {
                        activation,
                        stem_bias: true,
                        pre_norm: false,
                        norm_eps: 1e-6,
                        pooling: ImagePooling::Map,
                        ..image
                    },
                    TextTransformerConfig {
                        width: 48,
                        heads: 3,
                        activation,
                        norm_eps: 1e-6,
                        causal: false,
                        pooling: TextPooling::Last,
                        ..text
                    },
                    48,
                )
            }
        }
        other => panic!("no configuration for {other}"),
    }
}

/// Our path to the key or keys of transformers.
fn name(path: &str, siglip: bool) -> Source {
    let rules = [
        ("image.Vit.", "vision_model."),
        ("text.", "text_model."),
        ("model.tokens", "model.embeddings.token_embedding"),
        ("positions", "embeddings.position_embedding.weight"),
        ("class_token", "embeddings.class_embedding"),
        ("stem.Patch.projection", "embeddings.patch_embedding"),
        ("transformer.blocks", "encoder.layers"),
        ("pool.latent", "head.probe"),
        ("pool.q", "head.attention.in_proj"),
        ("pool.kv", "head.attention.in_proj"),
        ("pool.out", "head.attention.out_proj"),
        ("pool.norm", "head.layernorm"),
        ("pool.fc_", "head.mlp.fc"),
        ("model.pre_norm", "model.pre_layrnorm"),
        ("vision_model.norm", "vision_model.post_layernorm"),
        ("text_model.norm", "text_model.final_layer_norm"),
        ("norm_", "layer_norm"),
        ("attention.out.", "self_attn.out_proj."),
        ("fc_", "mlp.fc"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
        ("image_head.Linear", "visual_projection"),
        ("text_head.Linear", if siglip { "text_model.head" } else { "text_projection" }),
        ("in_proj.", "in_proj_"),
    ];
    let key = renamed(path, &rules);
    let transposed = path.ends_with(".weight") && !path.ends_with("tokens.weight");
    if let Some((front, kind)) = key.split_once("attention.qkv.") {
        let keys = ["q", "k", "v"].map(|part| format!("{front}self_attn.{part}_proj.{kind}")).to_vec();
        return Source { keys, rows: None, transposed };
    }
    let rows = match path {
        path if path.contains("pool.q.") => Some(0..48),
        path if path.contains("pool.kv.") => Some(48..144),
        _ => None,
    };
    Source { keys: vec![key], rows, transposed }
}

fn normalised(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / norm
}

#[test]
fn clip_and_siglip_equal_transformers_in_features_logits_and_token_vectors() {
    let device = under_test();
    let file = golden::read(CRATE, "tests/golden/hugging_face.json");
    for (model, case) in file["hf"].as_object().expect("cases") {
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let siglip = model == "hf_siglip";
        let dual = config(model).init(&device).unwrap();
        let reference: BTreeMap<_, _> = shapes(&case["shapes"]);
        let name = |path: &str| name(path, siglip);
        let dual = fill(dual, Formula::Lcg, &reference, name, |key| {
            key.starts_with("logit_") || key.ends_with("position_ids")
        });

        let images = inputs::images(size("images"), size("size"), &device);
        let image = dual.embed_images(images.clone());
        let tokens = inputs::texts(size("texts"), size("context"), size("vocab"), &device);
        let text = dual.embed_texts(tokens, TextMode::Global);
        assert_features(&format!("{model}, images"), image.clone(), &case["image_features"], FEATURES);
        assert_features(&format!("{model}, texts"), text.clone(), &case["text_features"], FEATURES);

        let scale = case["logit_scale"].as_f64().unwrap().exp();
        let bias = case["logit_bias"].as_f64().unwrap_or(0.0);
        let logits = normalised(image).matmul(normalised(text).transpose()) * scale + bias;
        assert_features(&format!("{model}, logits"), logits, &case["logits_per_image"], 1e-4);

        let AnyImageEncoder::Vit(vit) = &dual.image else { panic!("a vision transformer") };
        let tokens = vit.tokens(images);
        let tokens = if siglip { vit.norm.forward(tokens) } else { tokens };
        let mean = tokens.mean_dim(1).squeeze_dim(1);
        assert_features(&format!("{model}, tokens"), mean, &case["last_hidden_mean"], FEATURES);
    }
}
