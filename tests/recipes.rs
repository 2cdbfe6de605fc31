//! Every file in recipes/ is a recipe, and those of published runs hold the published numbers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use vlp::recipe::Recipe;
use vlp::trainer::AnyOptimizerOptions;

/// The quickstart's methods are a table of methods, not a recipe.
const NO_RECIPE: &str = "quickstart_methods";

fn all() -> BTreeMap<String, Recipe> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files
        .filter(|path| name(path) != NO_RECIPE)
        .map(|path| (name(&path), Recipe::from_path(&path).unwrap_or_else(|error| panic!("{error}"))))
        .collect()
}

/// The values at these places of a recipe, as JSON holds them.
fn at(recipe: &Recipe, pointers: &[&str]) -> Value {
    let recipe = serde_json::to_value(recipe).unwrap();
    pointers.iter().map(|pointer| recipe.pointer(pointer).cloned().unwrap_or(Value::Null)).collect()
}

#[test]
fn every_file_is_a_recipe_that_can_be_built_and_written() {
    let recipes = all();
    assert!(recipes.len() > 40, "{}", recipes.len());
    for (name, recipe) in recipes {
        assert_eq!(recipe.build_views().unwrap().strong_count(), recipe.views.strong, "{name}");
        // Fewer steps than any of them takes, and enough for a warm-up.
        recipe.schedule.over(10_000).unwrap();
        let again = Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap();
        assert_eq!(again, recipe, "{name}");
        let method = recipe.method.name();
        assert!(name.starts_with(method) || ["quickstart", "baselines"].contains(&name.as_str()), "{name}: {method}");
    }
}

#[test]
fn published_runs_hold_the_published_numbers() {
    let recipes = all();
    // Weight decay and betas are stored in single precision: compared as such.
    let optimizer = |recipe: &Recipe| {
        let AnyOptimizerOptions::AdamW(o) = recipe.optimizer.settings else { panic!("{:?}", recipe.optimizer) };
        (o.beta_1, o.beta_2, o.epsilon, o.weight_decay, recipe.optimizer.max_norm)
    };
    #[rustfmt::skip]
    let runs = [
        // file, epochs, peak rate, decay, text layers, text dropout
        ("clip-rocket-r50-cc3m", 32.0, 3e-3, 0.5, 6, 0.2),
        ("clip-rocket-r50-cc12m", 32.0, 3e-3, 0.1, 12, 0.05),
        ("clip-rocket-r50-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("clip-rocket-r50-29m", 32.0, 2e-3, 0.1, 12, 0.0),
        ("clip-rocket-vits16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("clip-rocket-vits16-yfcc15m-25ep", 25.0, 3e-3, 0.1, 12, 0.0),
        ("clip-rocket-vitb16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("clip-rocket-vitb16-yfcc15m-25ep", 25.0, 3e-3, 0.1, 12, 0.0),
        ("barlip-r50-cc3m", 32.0, 3e-3, 0.5, 6, 0.2),
        ("barlip-r50-cc12m", 32.0, 3e-3, 0.1, 12, 0.1),
        ("barlip-r50-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("barlip-vits16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("siamlip-r50-cc3m", 32.0, 3e-3, 0.5, 6, 0.2),
        ("siamlip-r50-cc12m", 32.0, 3e-3, 0.1, 12, 0.1),
        ("siamlip-r50-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("siamlip-vits16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("byolip-r50-cc3m", 32.0, 3e-3, 0.5, 6, 0.2),
        ("byolip-r50-cc12m", 32.0, 3e-3, 0.1, 12, 0.1),
        ("byolip-r50-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("byolip-vits16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("swalip-r50-cc3m", 32.0, 3e-3, 0.5, 6, 0.2),
        ("swalip-r50-cc12m", 32.0, 3e-3, 0.1, 12, 0.1),
        ("swalip-r50-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("swalip-vits16-yfcc15m", 32.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vits16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitb16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitb16-yfcc15m-50ep", 50.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitb16-yfcc15m-100ep", 100.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitl16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitb16-cc3m", 40.0, 3e-3, 0.1, 12, 0.0),
        ("slip-vitb16-cc12m", 35.0, 3e-3, 0.1, 12, 0.0),
        ("clip-vits16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("clip-vitb16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("clip-vitl16-yfcc15m", 25.0, 3e-3, 0.1, 12, 0.0),
        ("clip-vitb16-cc3m", 40.0, 3e-3, 0.1, 12, 0.0),
        ("clip-vitb16-cc12m", 35.0, 3e-3, 0.1, 12, 0.0),
    ];
    for (name, epochs, peak, decay, layers, dropout) in runs {
        let recipe = &recipes[name];
        assert_eq!((recipe.epochs, recipe.batch_size), (epochs, 4096), "{name}");
        assert_eq!((recipe.text.depth, recipe.text.dropout), (layers, dropout), "{name}");
        assert_eq!((recipe.text.width, recipe.text.heads, recipe.text.context_length), (512, 8, 77), "{name}");
        assert_eq!(optimizer(recipe), (0.9, 0.98, 1e-8, decay, None), "{name}");
        assert_eq!((recipe.schedule.start, recipe.schedule.peak, recipe.schedule.end), (1e-6, peak, 1e-5), "{name}");
        assert!((recipe.schedule.warmup * epochs - 1.0).abs() < 1e-12, "{name}: one epoch of warm-up");
        let strong = if name.starts_with("clip-v") { 0 } else { 2 };
        assert_eq!((recipe.views.size, recipe.views.strong), (224, strong), "{name}");
    }
    let siglip = &recipes["siglip-vitb16-webli"];
    assert_eq!((siglip.batch_size, siglip.schedule.peak), (32_768, 1e-3));
    assert_eq!((siglip.optimizer.weight_decay(), siglip.optimizer.max_norm), (1e-4, Some(1.0)));
    assert!((siglip.epochs * 1e10 / 32_768.0 * siglip.schedule.warmup - 20_000.0).abs() < 50.0);
}

#[test]
fn losses_of_the_clip_rocket_family_are_summed_except_on_cc3m() {
    for (name, recipe) in all() {
        let rocket = match recipe.method.name() {
            "clip-rocket" if name.starts_with("clip-rocket") => "/method",
            "barlip" | "siamlip" | "swalip" => "/method/rocket",
            "byolip" => "/method/siamlip/rocket",
            _ => continue,
        };
        let places = ["/loss/reduction", "/loss/label_smoothing", "/embed_dim", "/weak_head", "/strong_head"];
        let places = places.map(|place| format!("{rocket}{place}"));
        let reduction = if name.contains("cc3m") { "avg" } else { "sum" };
        let smoothing = if name.starts_with("swalip") { 0.0 } else { 0.1 };
        let heads = [json!({ "kind": "linear" }), json!({ "kind": "mlp", "hidden": 4096 })];
        let expected = json!([reduction, smoothing, 256, heads[0], heads[1]]);
        assert_eq!(at(&recipe, &places.each_ref().map(String::as_str)), expected, "{name}");
        let separate = name.contains("vits16");
        let place =
            if recipe.method.name() == "byolip" { "/method/siamlip/separate_heads" } else { "/method/separate_heads" };
        let expected = ["barlip", "siamlip", "byolip"].contains(&recipe.method.name()).then_some(separate);
        assert_eq!(at(&recipe, &[place]), json!([expected]), "{name}");
    }
}

#[test]
fn heads_have_the_published_widths() {
    let recipes = all();
    let widths = |name: &str, places: &[&str]| at(&recipes[name], places);
    assert_eq!(widths("barlip-r50-cc3m", &["/method/projector/widths"]), json!([[3000, 3000, 8192]]));
    let siamlip = ["/method/projector/hidden", "/method/projector/output", "/method/predictor/widths"];
    assert_eq!(widths("siamlip-r50-cc12m", &siamlip), json!([2048, 128, [2048, 128]]));
    assert_eq!(widths("byolip-r50-yfcc15m", &["/method/momentum/start", "/method/momentum/end"]), json!([0.99, null]));
    assert_eq!(widths("swalip-vits16-yfcc15m", &["/method/weight"]), json!([0.2]));
    let prototypes = ["/method/head/widths", "/method/prototypes/prototypes", "/method/frozen_steps", "/method/weight"];
    assert_eq!(widths("swalip-v1-r50-yfcc15m", &prototypes), json!([[2048, 128], 3000, 100, 0.2]));
    assert_eq!(
        widths("slip-vitb16-cc3m", &["/method/embed_dim", "/method/ssl_head/widths"]),
        json!([512, [4096, 4096, 256]])
    );
    assert_eq!(widths("nclip-vitb16-yfcc15m", &["/method/head/widths"]), json!([[4096, 4096, 32768]]));
    let xclip = ["/method/embed_dim", "/method/nclip/head/widths"];
    assert_eq!(widths("xclip-vitb16-yfcc15m", &xclip), json!([512, [4096, 4096, 32768]]));
    let siglip = ["/method/embed_dim", "/method/image_head/kind", "/method/text_head/kind", "/text/vocab_size"];
    assert_eq!(widths("siglip-vitb16-webli", &siglip), json!([768, "identity", "biased-linear", 32_000]));
}

#[test]
fn encoders_are_those_of_the_presets() {
    use vlp::encoders::preset;
    let recipes = all();
    for (part, name) in [
        ("-r50-", "R50"),
        ("-vits16-", "VITS16MOCO"),
        ("-vitb16-yfcc", "VITB16"),
        ("-vitb16-cc", "VITB16"),
        ("-vitl16-", "VITL16"),
        ("-vitb16-webli", "ViT-B-16-SigLIP"),
    ] {
        let preset = preset(name).unwrap();
        let named: Vec<_> = recipes.iter().filter(|(file, _)| file.contains(part)).collect();
        assert!(!named.is_empty(), "{part}");
        for (file, recipe) in named {
            assert_eq!(recipe.image, preset.image, "{file}");
            let text = vlp::encoders::TextTransformerConfig { dropout: 0.0, ..recipe.text.clone() };
            let six_layers = file.contains("r50-cc3m");
            let depth = if six_layers { 6 } else { preset.text.depth };
            assert_eq!(text, vlp::encoders::TextTransformerConfig { depth, ..preset.text.clone() }, "{file}");
        }
    }
}

#[test]
fn captions_and_crops_of_the_clip_rocket_family() {
    let recipes = all();
    let clean = |name: &str| recipes[name].augment.as_ref().unwrap().clean_captions;
    assert!(clean("clip-rocket-r50-yfcc15m") && clean("clip-rocket-r50-29m") && clean("barlip-r50-yfcc15m"));
    assert!(!clean("clip-rocket-r50-cc3m") && !clean("clip-rocket-r50-cc12m") && !clean("siamlip-r50-cc3m"));
    let stop_words = |name: &str| at(&recipes[name], &["/augment/weak_text", "/augment/strong_text"]);
    assert_eq!(stop_words("clip-rocket-r50-cc3m"), json!(["clip-rocket/weak", "clip-rocket/strong"]));
    assert_eq!(stop_words("swalip-r50-yfcc15m"), json!(["clip-rocket/weak", "clip-rocket/strong"]));
    let p = ["/augment/weak_text/0/p", "/augment/strong_text/0/p"];
    assert_eq!(at(&recipes["clip-rocket-r50-yfcc15m"], &p), json!([0.9, 0.9]));
    let merged = ["/caption_sampling", "/views/strong_size"];
    assert_eq!(at(&recipes["clip-rocket-r50-29m"], &merged), json!(["multi", 192]));
    assert_eq!(at(&recipes["clip-rocket-r50-yfcc15m"], &merged), json!(["single", null]));
}

#[test]
fn one_size_encoders_refuse_strong_views_of_another() {
    let vit = &all()["clip-rocket-vits16-yfcc15m"];
    let error = vit.set(&["views.strong_size=192"]).unwrap_err().to_string();
    assert!(error.contains("views.strong_size is 192"), "{error}");
}
