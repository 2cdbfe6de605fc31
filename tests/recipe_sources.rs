//! What a recipe says about data reaches the readers.

use vlp::data::{Alpha, KeyRule, Limits, SourceOptions};
use vlp::recipe::{Recipe, SourceRecipe};

/// What decides how a source is read is beside its path, tables within it included.
#[test]
fn sources_take_the_keys_of_their_options() {
    let source = r#"{ source = "a.tar", weight = 2.0, alpha = "drop", key = "last_dot", unpacked_bytes = 5, limits = { image_pixels = 60000000 } }"#;
    let recipe = Recipe::quickstart().set(&[format!("data.train=[{source}, \"b.csv\"]")]).unwrap();
    let [one, other] = &recipe.data.train[..] else { panic!("{:?}", recipe.data) };
    let options = SourceOptions {
        alpha: Alpha::Drop,
        key: KeyRule::LastDot,
        unpacked_bytes: Some(5),
        limits: Limits { image_pixels: 60_000_000, ..Limits::default() },
        ..SourceOptions::default()
    };
    assert_eq!(*one, SourceRecipe { source: "a.tar".into(), weight: 2.0, options });
    assert_eq!(*other, SourceRecipe::new("b.csv"));
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap().data, recipe.data);
    for (wrong, named) in [("alpa = \"drop\"", "alpa"), ("limits = { pixels = 1 }", "pixels"), ("key = \"dot\"", "dot")]
    {
        let set = format!("data.train=[{{ source = \"a.tar\", {wrong} }}]");
        let error = Recipe::quickstart().set(&[set]).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

/// Other data have other fields, but each sample has a picture and a caption.
#[test]
fn other_data_keep_what_all_samples_are_told_apart_by() {
    let with = |field: &str| {
        let recipe = Recipe { distinct_by: Some(field.into()), ..Recipe::quickstart() };
        recipe.with_data("own.csv").distinct_by
    };
    assert_eq!(with("label"), None);
    assert_eq!((with("picture").as_deref(), with("caption").as_deref()), (Some("picture"), Some("caption")));
}
