use super::*;

#[test]
fn the_quickstart_recipe_is_valid_and_survives_a_round_trip() {
    let recipe = Recipe::quickstart();
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
}

#[test]
fn the_quickstart_is_valid_with_every_method() {
    for name in AnyMethodConfig::NAMES {
        let recipe = Recipe::quickstart_with(name).unwrap();
        assert_eq!(recipe.method.name(), name);
        recipe.check().unwrap();
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
        let renamed = Recipe::quickstart().with_method(name).unwrap();
        renamed.check().unwrap();
    }
    let error = Recipe::quickstart_with("clap").unwrap_err().to_string();
    assert!(error.contains("`clap`") && error.contains("swalip-v1"), "{error}");
}

#[test]
fn the_number_of_strong_views_must_fit_the_method() {
    for (name, strong, said) in [
        ("clip", 1, "reads the weak view only"),
        ("siglip", 2, "reads the weak view only"),
        ("clip-rocket", 0, "would learn nothing"),
        ("barlip", 0, "would learn nothing"),
        ("swalip", 1, "opposite views"),
        ("swalip", 3, "exactly"),
        ("slip", 0, "two views of the picture"),
        ("dino", 0, "the weak one and one strong view"),
        ("swav", 2, "the weak one and one strong view"),
    ] {
        let mut recipe = Recipe::quickstart_with(name).unwrap();
        recipe.views.strong = strong;
        let error = recipe.check().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("views.strong"), "{error}");
        assert!(error.contains(said), "{name} with {strong}: {error}");
    }
}

#[test]
fn a_method_with_keys_of_another_is_refused() {
    let text = Recipe::quickstart().to_toml().unwrap();
    let error = Recipe::from_toml(&text.replace("\"clip-rocket\"", "\"siamlip\"")).unwrap_err().to_string();
    assert!(error.contains("embed_dim"), "{error}");
    let mut recipe = Recipe::quickstart_with("swalip").unwrap();
    if let AnyMethodConfig::SwaLip(swalip) = &mut recipe.method {
        swalip.rocket.loss.label_smoothing = 0.1;
    }
    let error = recipe.check().unwrap_err().to_string();
    assert!(error.contains("label smoothing 0.1"), "{error}");
}

#[test]
fn a_misspelt_key_is_named_wherever_it_stands() {
    let text = Recipe::quickstart().to_toml().unwrap();
    for (key, misspelt) in [
        ("batch_size", "batchsize"),
        ("image_size", "imagesize"),
        ("weight_decay", "weigth_decay"),
        ("embed_dim", "embed"),
        ("label_smoothing", "smoothing"),
        ("peak", "lr_max"),
        ("strong", "strongs"),
    ] {
        let wrong = text.replacen(&format!("\n{key} ="), &format!("\n{misspelt} ="), 1);
        assert_ne!(wrong, text, "{key} is not in the recipe");
        let error = Recipe::from_toml(&wrong).unwrap_err().to_string();
        assert!(error.contains(misspelt), "{misspelt}: {error}");
    }
}

#[test]
fn impossible_values_are_refused_with_the_key() {
    let mut recipe = Recipe::quickstart();
    recipe.epochs = 0.0;
    assert!(recipe.check().unwrap_err().to_string().contains("epochs"));
    let mut recipe = Recipe::quickstart();
    recipe.batch_size = 1;
    assert!(recipe.check().unwrap_err().to_string().contains("batch_size"));
    let mut recipe = Recipe::quickstart();
    recipe.views.size = 48;
    assert!(recipe.check().unwrap_err().to_string().contains("views.size"));
    let mut recipe = Recipe::quickstart();
    recipe.views.strong = 0;
    assert!(recipe.check().unwrap_err().to_string().contains("views.strong"));
}

#[test]
fn absurd_and_infinite_numbers_are_refused_with_the_key() {
    for setting in [
        "batch_size=1000000000000",
        "views.blur_radius=1e9",
        "views.size=100000",
        "schedule.peak=1e39",
        "schedule.peak=inf",
        "schedule.start=nan",
        "schedule.end=-1e-3",
        "schedule.warmup=1.0",
        "schedule.warmup=-0.1",
        "schedule.warmup=nan",
        "optimizer.max_norm=0.0",
        "optimizer.max_norm=1e-60",
        "optimizer.beta_1=0.9999999999",
        "optimizer.beta_2=1.0",
        "optimizer.beta_2=nan",
        "optimizer.epsilon=1e-60",
        "optimizer.weight_decay=-1e-9",
        "optimizer.weight_decay=1e39",
        "epochs=inf",
    ] {
        let error = Recipe::quickstart().set(&[setting]).and_then(|recipe| recipe.check().map(|()| recipe));
        let error = error.map(drop).unwrap_err().to_string();
        let key = setting.split('=').next().unwrap();
        assert!(error.contains(key), "{setting}: {error}");
    }
}

/// The quickstart with its views as far as `[augment]` does not take their place, and that.
fn with_augment(augment: &str) -> Result<Recipe, RecipeError> {
    let mut recipe = Recipe::quickstart();
    recipe.views = ViewsRecipe { size: 32, strong: 1, ..ViewsRecipe::default() };
    Recipe::from_toml(&format!("{}\n{augment}", recipe.to_toml().unwrap()))
}

#[test]
fn augmentation_as_data_is_read_and_survives_a_round_trip() {
    let recipe = with_augment(
        r#"
        [augment]
        weak = "clip-rocket/weak"
        weak_text = "clip-rocket/weak"
        strong_text = "clip-rocket/strong"
        clean_captions = true
        [[augment.strong]]
        op = "random-resized-crop"
        scale = [0.3, 1.0]
        [[augment.strong]]
        op = "color-jitter"
        p = 0.8
        brightness = 0.4
        "#,
    )
    .unwrap();
    assert_eq!(recipe.build_views().unwrap().strong_count(), 1);
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
}

/// Each TOML block of the page, in the recipe of the quickstart.
#[test]
fn the_examples_of_the_page_are_read() {
    let page = include_str!("../../docs/augment.md");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        if block.starts_with("[schedule]") {
            let recipe = include_str!("../../recipes/quickstart.toml").split("[schedule]").next().unwrap().to_owned();
            Recipe::from_toml(&(recipe + block)).unwrap().schedule.over(100).unwrap();
        } else {
            with_augment(block).unwrap().build_views().unwrap();
        }
    }
}

/// Each TOML block of the methods' pages, in the place of the quickstart's `[method]`.
#[test]
fn the_examples_of_the_methods_pages_are_read() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/methods");
    let (before, after) = include_str!("../../recipes/quickstart.toml").split_once("[method]").unwrap();
    let after = &after[after.find("[optimizer]").unwrap()..];
    for name in AnyMethodConfig::NAMES {
        let page = std::fs::read_to_string(pages.join(name.replace('-', "_")).with_extension("md")).unwrap();
        let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let strong = AnyMethodConfig::named(name).unwrap().strong_views().nearest(1);
        let text = format!("{before}{block}{after}").replace("\nstrong = 1", &format!("\nstrong = {strong}"));
        let method = Recipe::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}")).method;
        assert_eq!(method.name(), name);
    }
}

#[test]
fn augmentation_that_cannot_work_is_refused() {
    for (augment, expected) in [
        ("[augment]\nweak = \"clip-rockt/weak\"", "did you mean `clip-rocket/weak`?"),
        ("[[augment.strong]]\nop = \"greyscale\"", "did you mean `grayscale`?"),
        ("[[augment.strong]]\nop = \"grayscale\"", "7 x 5 pixels"),
        ("[[augment.strong]]\nop = \"random-resized-crop\"\np = 0.5", "7 x 5 pixels"),
        ("[augment]\nstong = \"simclr\"", "stong"),
    ] {
        let error = with_augment(augment).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let recipe = with_augment("[augment]\nwordnet = \"no/such/folder\"\nweak_text = \"eda\"").unwrap();
    let error = recipe.build_views().unwrap_err().to_string();
    assert!(error.contains("no/such/folder"), "{error}");
}

/// Beside a whole pipeline too, which says what is done and not where.
#[test]
fn colours_are_changed_where_the_recipe_says() {
    use vlp_data::PhotometricStage::{Device, Host};
    assert_eq!(Recipe::quickstart().views.photometric, Host);
    let text = include_str!("../../recipes/quickstart.toml");
    let read =
        |place: &str| Recipe::from_toml(&text.replace("[views]", &format!("[views]\nphotometric = \"{place}\"")));
    let recipe = read("device").unwrap();
    assert_eq!(recipe.views.photometric, Device);
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    assert!(read("gpu").unwrap_err().to_string().contains("gpu"));
    let mut recipe = with_augment("[augment]\nstrong = \"simclr\"").unwrap();
    recipe.views.photometric = Device;
    recipe.check().unwrap();
}

#[test]
fn keys_that_would_have_no_effect_are_refused() {
    let mut recipe = with_augment("[augment]\nstrong = \"simclr\"").unwrap();
    recipe.views.jitter = 0.3;
    let error = recipe.check().unwrap_err().to_string();
    assert!(error.contains("jitter"), "{error}");
    recipe.augment = None;
    recipe.check().unwrap();
}

#[test]
fn schedules_are_chosen_by_name() {
    use vlp_schedulers::Schedule;
    let read = |keys: &str| {
        let text = include_str!("../../recipes/quickstart.toml");
        Recipe::from_toml(&text.replace("[schedule]", &format!("[schedule]\n{keys}")))
    };
    let at = |keys: &str, step| read(keys).unwrap().schedule.over(100).unwrap().at(step);
    assert_eq!(at("", 0), 1e-6);
    assert_eq!(at("kind = \"cosine\"", 7), 1.5e-3);
    assert_eq!(at("kind = \"constant\"", 99), 1.5e-3);
    let cooled = at("kind = \"constant-cooldown\"\ncooldown = 0.5", 75);
    assert!((cooled - (1e-5 + 0.5 * (1.5e-3 - 1e-5))).abs() < 1e-12, "{cooled}");
    for keys in ["kind = \"cosin\"", "kind = \"constant-cooldown\"", "cooldown = 0.2", "power = 2.0"] {
        let error = read(keys).unwrap_err().to_string();
        assert!(error.contains(if keys.contains("cosin\"") { "cosin" } else { "schedule." }), "{error}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Recipe::from_path("no/such/recipe.toml").unwrap_err().to_string();
    assert!(error.contains("no/such/recipe.toml"), "{error}");
}

#[test]
fn strong_views_can_share_the_weak_heads() {
    let shared = Recipe::quickstart().set(&["method.strong_head=\"shared\""]).unwrap();
    let AnyMethodConfig::ClipRocket(config) = &shared.method else { panic!("the quickstart trains CLIP-rocket") };
    assert_eq!(config.strong_head, None);
    assert_eq!(Recipe::from_toml(&shared.to_toml().unwrap()).unwrap(), shared);
    // Without heads of their own there may be no strong view.
    shared.set(&["views.strong=0"]).unwrap().check().unwrap();
}

#[test]
fn numbers_read_as_they_were_written_in_every_recipe_of_the_library() {
    for name in Recipe::builtin_names() {
        let text = Recipe::builtin(name).unwrap().to_toml().unwrap();
        // 0.1 in single precision is 0.10000000149011612.
        let single = |word: &&str| {
            word.parse().is_ok_and(|value: f64| {
                let short = (value as f32).to_string();
                f64::from(value as f32) == value && short.len() + 2 < word.len()
            })
        };
        let found = text.split([' ', '\n', ',', '[', ']']).filter(|word| word.contains('.')).find(single);
        assert_eq!(found, None, "{name}");
    }
}

#[test]
fn a_recipe_of_the_library_is_opened_and_extended_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let text =
        "extends = \"clip-vitb16-cc3m.toml\"\nsteps = 7\n[[data.train]]\nsource = \"pairs.csv\"\nsplit = \"train\"";
    std::fs::write(&file, text).unwrap();
    let recipe = Recipe::open(&file).unwrap();
    assert_eq!((recipe.method.name(), recipe.steps, recipe.epochs), ("clip", Some(7), 0.0));
    let source = &recipe.data.train[0];
    assert_eq!(source.source, folder.path().join("pairs.csv").to_str().unwrap());
    assert_eq!(source.options.split.as_deref(), Some("train"));
    assert_eq!(Recipe::open("clip-vitb16-cc3m").unwrap(), Recipe::builtin("clip-vitb16-cc3m.toml").unwrap());
    for (name, said) in [("clip-vitb16-cc3n", "did you mean `clip-vitb16-cc3m`?"), ("zzz", "vlp recipes list")] {
        assert!(Recipe::open(name).unwrap_err().to_string().contains(said), "{name}");
    }
    std::fs::write(&file, text.replace("steps = 7", "steps = 7\nepochs = 2.0")).unwrap();
    let error = Recipe::open(&file).unwrap_err().to_string();
    assert!(error.contains("steps is 7") && error.contains("epochs"), "{error}");
    std::fs::write(&file, text.replace("split", "spilt")).unwrap();
    let error = Recipe::open(&file).unwrap_err().to_string();
    assert!(error.contains("did you mean `split`?"), "{error}");
}
