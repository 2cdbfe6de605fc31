//! Shared by the golden tests: which reference tensor each parameter holds, and the comparisons.
#![allow(dead_code, reason = "every test file uses a part")]

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use serde_json::Value;
use vlp_testkit::golden;
use vlp_testkit::weights::{Source, gradient_norms, norm};

pub(crate) const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// Replaces parts of a path, in this order.
pub(crate) fn renamed(path: &str, rules: &[(&str, &str)]) -> String {
    rules.iter().fold(path.to_string(), |path, (ours, theirs)| path.replace(ours, theirs))
}

/// Linear layers stand transposed here; everything else that is called `weight` is named by the test.
fn linear(path: &str, key: String) -> Source {
    if path.ends_with(".weight") { Source::transposed(key) } else { Source::same(key) }
}

/// Our path in a [`vlp_encoders::Vit`] to timm's key.
pub(crate) fn timm_vit(path: &str) -> Source {
    let rules = [
        ("stem.Patch.projection", "patch_embed.proj"),
        ("class_token", "cls_token"),
        ("positions", "pos_embed"),
        ("transformer.blocks", "blocks"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
        ("pre_norm", "norm_pre"),
        ("norm_1", "norm1"),
        ("norm_2", "norm2"),
        ("registers", "reg_token"),
        ("attention.qkv", "attn.qkv"),
        ("attention.out", "attn.proj"),
        ("fc_", "mlp.fc"),
        ("scale_1", "ls1.gamma"),
        ("scale_2", "ls2.gamma"),
        ("pool.out", "pool.proj"),
        ("pool.", "attn_pool."),
    ];
    linear(path, renamed(path, &rules))
}

/// Our path in a [`vlp_encoders::Transformer`] to open_clip's key, without what stands in front of `transformer`.
fn open_clip_block(path: &str) -> String {
    let rules = [
        ("transformer.blocks", "transformer.resblocks"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
        ("norm_", "ln_"),
        ("attention.qkv.", "attn.in_proj_"),
        ("attention.out", "attn.out_proj"),
        ("fc_1", "mlp.c_fc"),
        ("fc_2", "mlp.c_proj"),
        ("scale_1", "ls_1.gamma"),
        ("scale_2", "ls_2.gamma"),
    ];
    renamed(path, &rules)
}

/// Our path in a [`vlp_encoders::Vit`] to open_clip's key, without `visual.`.
pub(crate) fn open_clip_vit(path: &str) -> Source {
    let rules = [
        ("stem.Patch.projection", "conv1"),
        ("class_token", "class_embedding"),
        ("positions", "positional_embedding"),
        ("pre_norm", "ln_pre"),
    ];
    let key = open_clip_block(&renamed(path, &rules));
    let key = if key.starts_with("norm.") { key.replace("norm.", "ln_post.") } else { key };
    linear(path, key)
}

/// Our path in a [`vlp_encoders::TextTransformer`] to open_clip's key, without `text.`.
pub(crate) fn open_clip_text(path: &str) -> Source {
    let key = open_clip_block(&renamed(path, &[("positions", "positional_embedding")]));
    if path == "tokens.weight" {
        return Source::same("token_embedding.weight");
    }
    let key = if key.starts_with("norm.") { key.replace("norm.", "ln_final.") } else { key };
    linear(path, key)
}

/// Our path in the stages of a ResNet to torchvision's key.
pub(crate) fn resnet(path: &str) -> Source {
    let stages: Vec<_> = (0..4).map(|stage| (format!("stages.{stage}."), format!("layer{}.", stage + 1))).collect();
    let path = stages.iter().fold(path.to_string(), |path, (ours, theirs)| path.replace(ours, theirs));
    let rules = [
        ("shortcut_conv", "downsample.0"),
        ("shortcut_norm", "downsample.1"),
        ("conv_", "conv"),
        ("norm_", "bn"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
    ];
    Source::same(renamed(&path, &rules))
}

/// Checks one number, relative to the expected one, with a floor for numbers around zero.
pub(crate) fn assert_near(what: &str, actual: f64, expected: f64, relative: f64, absolute: f64) {
    let allowed = relative * expected.abs() + absolute;
    assert!((actual - expected).abs() <= allowed, "{what}: {actual} is not {expected} within {allowed:e}");
}

/// Compares the gradient norm of every parameter, named by `name`, with the golden ones. Every golden norm must be met.
pub(crate) fn assert_gradient_norms<M: Module>(
    module: &M,
    gradients: &Gradients,
    expected: &Value,
    name: impl Fn(&str) -> Source,
    extra: &[(&str, f64)],
    relative: f64,
) {
    let mut norms: BTreeMap<String, f64> =
        gradient_norms(module, gradients).into_iter().map(|(path, norm)| (name(&path).keys[0].clone(), norm)).collect();
    norms.extend(extra.iter().map(|(key, norm)| (key.to_string(), *norm)));
    let expected = expected.as_object().expect("gradient norms by key");
    let largest = expected.values().map(|value| value.as_f64().expect("a norm")).fold(0.0, f64::max);
    for (key, value) in expected {
        let actual = norms.get(key).unwrap_or_else(|| panic!("no gradient for {key}"));
        let value = value.as_f64().expect("a norm");
        if value < 1e-12 * largest {
            // A bias in front of batch normalisation has no gradient but rounding.
            assert!(*actual < 1e-6 * largest, "{key}: {actual}, not 0");
        } else {
            // Small gradients are as right as large ones, but for the rounding of what they are differences of.
            let relative = if value < 1e-3 * largest { relative.max(5e-3) } else { relative };
            assert_near(key, *actual, value, relative, 0.0);
        }
    }
    let surplus: Vec<_> = norms.keys().filter(|key| !expected.contains_key(*key)).collect();
    assert!(surplus.is_empty(), "the reference has no gradient for {surplus:?}");
}

/// Compares features with the golden matrix.
pub(crate) fn assert_features(what: &str, actual: Tensor<2>, expected: &Value, tolerance: f64) {
    golden::assert_close(what, actual, &golden::numbers(expected), tolerance, tolerance);
}

/// The gradient norm of the pictures.
pub(crate) fn input_norm(images: &Tensor<4>, gradients: &Gradients) -> f64 {
    norm(images.grad(gradients).expect("a gradient of the pictures"))
}
