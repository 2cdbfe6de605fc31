//! Keys of a recipe for captions, local crops and weight decay: what they mean, and what is refused.

use vlp::augment::CaptionSampling;
use vlp::encoders::AnyImageEncoderConfig;
use vlp::recipe::{Recipe, RecipeError};
use vlp::schedulers::Schedule;

const QUICKSTART: &str = include_str!("../recipes/quickstart.toml");

/// The quickstart with these lines added to a table, or to the keys before all tables.
fn with(table: &str, lines: &str) -> Result<Recipe, RecipeError> {
    let place = if table.is_empty() { "batch_size = 256" } else { table };
    Recipe::from_toml(&QUICKSTART.replacen(place, &format!("{place}\n{lines}"), 1))
}

fn refusal(table: &str, lines: &str) -> String {
    with(table, lines).unwrap_err().to_string()
}

#[test]
fn captions_are_shared_or_drawn_for_each_view() {
    let sampling = |recipe: &Recipe| recipe.loader_config().captions;
    assert_eq!(sampling(&Recipe::quickstart()), CaptionSampling::Single);
    let multi = with("", "caption_sampling = \"multi\"").unwrap();
    assert_eq!(sampling(&multi), CaptionSampling::Multi);
    assert_eq!(Recipe::from_toml(&multi.to_toml().unwrap()).unwrap(), multi);
    assert_eq!(multi.loader_config().distinct_by.as_deref(), Some("label"));
    let error = refusal("", "caption_sampling = \"many\"");
    assert!(error.contains("many") && error.contains("`multi`"), "{error}");
}

#[test]
fn weight_decay_grows_along_a_cosine_or_stays() {
    let fixed = Recipe::quickstart().optimizer.weight_decay_over(10).unwrap();
    assert!((0..12).all(|step| fixed.at(step) == f64::from(0.1f32)));
    let text = QUICKSTART.replace("weight_decay = 0.1", "weight_decay = 0.04\nweight_decay_end = 0.4");
    let recipe = Recipe::from_toml(&text).unwrap();
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    let dino = recipe.optimizer.weight_decay_over(200).unwrap();
    for (step, expected) in [(0, 0.04), (50, 0.22 - 0.18 / 2f64.sqrt()), (100, 0.22), (200, 0.4)] {
        // The ends are stored in single precision.
        assert!((dino.at(step) - expected).abs() < 1e-8, "{step}: {}", dino.at(step));
    }
    assert!(refusal("[optimizer]", "weight_decay_end = -1.0").contains("optimizer.weight_decay_end is -1"));
    assert!(refusal("[optimizer]", "weigth_decay_end = 1.0").contains("`weight_decay_end`"));
}

#[test]
fn local_crops_are_counted_sized_and_described() {
    let recipe = with("[views]", "local = 6\nlocal_size = 16\nlocal_scale = [0.05, 0.3]").unwrap();
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    let views = recipe.build_views().unwrap();
    assert_eq!((views.strong_count(), views.local_count()), (1, 6));
    let described = |size: &str| {
        let text = QUICKSTART.replacen("[views]", &format!("[augment]\nlocal = \"swav/local\"\n[views]\n{size}"), 1);
        Recipe::from_toml(&text)
    };
    assert_eq!(described("local = 2\nlocal_size = 24").unwrap().build_views().unwrap().local_count(), 2);
    assert!(described("").unwrap_err().to_string().contains("augment.local is set"));
    // Who reads local crops must be able to: a vision transformer takes one size unless it is told otherwise.
    let with_dino = |size: usize, dynamic: bool| {
        let mut recipe = Recipe::quickstart_with("dino").unwrap();
        (recipe.views.local, recipe.views.local_size) = (4, size);
        let AnyImageEncoderConfig::Vit(image) = &mut recipe.image else { panic!("the quickstart's encoder is a ViT") };
        image.dynamic_size = dynamic;
        recipe
    };
    let error = with_dino(16, false).check().unwrap_err().to_string();
    assert!(error.contains("views.local_size is 16") && error.contains("image.dynamic_size"), "{error}");
    with_dino(32, false).check().unwrap();
    let dynamic = with_dino(16, true);
    dynamic.check().unwrap();
    assert_eq!(Recipe::from_toml(&dynamic.to_toml().unwrap()).unwrap(), dynamic);
    let beside = described("local = 2\nlocal_scale = [0.1, 0.2]").unwrap_err().to_string();
    assert!(beside.contains("local_scale beside augment.local"), "{beside}");

    let fixed = r#"[[augment.local]]
op = "center-crop"
size = 8
"#;
    let text = QUICKSTART.replacen("[views]", &format!("{fixed}[views]\nlocal = 1"), 1);
    let error = Recipe::from_toml(&text).unwrap_err().to_string();
    assert!(error.contains("augment.local") && error.contains("8 x 8 pixels"), "{error}");
}

#[test]
fn sizes_and_counts_that_would_fill_the_memory_are_refused() {
    for (lines, part) in [
        ("local = 65", "views.local is 65"),
        ("local = 4294967296", "views.local"),
        ("local = 1\nlocal_size = 100000", "views.local_size is 100000"),
        ("local = 1\nlocal_size = 0", "views.local_size is 0"),
        ("local = 1\nlocal_scale = [0.5, 0.1]", "views.local_scale"),
        ("local_size = 16", "views.local is 0"),
    ] {
        let error = refusal("[views]", lines);
        assert!(error.contains(part), "{lines}: {error}");
    }
    let many = QUICKSTART.replace("strong = 1", "strong = 1000000000000");
    assert!(Recipe::from_toml(&many).unwrap_err().to_string().contains("views.strong"));
    for op in ["{ op = \"resize\", size = 100000 }", "{ op = \"rand-augment\", operations = 1000000000 }"] {
        let text = QUICKSTART.replacen("[views]", &format!("[augment]\nstrong = [{op}]\n[views]"), 1);
        let error = Recipe::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains("but must be"), "{error}");
    }
}
