//! `vlp recipes`.

use std::fs;

use crate::{folder, json, out, refused};

#[test]
fn the_list_has_every_recipe_and_each_can_be_shown() {
    let folder = folder();
    let list = json(folder.path(), &["recipes", "list"]);
    let names: Vec<&str> = list["recipes"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    for name in ["quickstart", "clip-vitb16-cc3m", "clip-rocket-r50-cc3m", "siglip-vitb16-webli"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let text = out(folder.path(), &["recipes", "list"]);
    assert_eq!(text.lines().count(), names.len() + 2, "{text}");
    assert!(text.contains("clip-vitb16-cc3m") && text.contains("4096"), "{text}");
}

#[test]
fn what_is_shown_is_a_recipe_that_says_the_same() {
    let folder = folder();
    let path = folder.path();
    let text = out(path, &["recipes", "show", "clip-rocket-r50-cc3m", "--set", "epochs=3"]);
    assert!(text.contains("epochs = 3.0") && text.contains("beta_1 = 0.9\n"), "digits as they were written: {text}");
    fs::write(path.join("mine.toml"), &text).unwrap();
    let told = json(path, &["recipes", "show", "mine.toml"]);
    let (shown, origins) = (&told["recipe"], &told["origins"]);
    assert_eq!((&shown["epochs"], &shown["method"]["name"]), (&3.0.into(), &"clip-rocket".into()), "{shown}");
    assert_eq!((shown["optimizer"]["beta_1"].to_string(), &origins["epochs"]), ("0.9".to_owned(), &"mine.toml".into()));
    assert!(out(path, &["recipes", "diff", "mine.toml", "mine.toml"]).contains("say the same"));
    fs::write(path.join("top.toml"), "extends = \"mine.toml\"\nseed = 7\n").unwrap();
    let text = out(path, &["recipes", "show", "top.toml"]);
    assert!(text.contains("seed = 7  # top.toml\n") && text.contains("epochs = 3.0  # mine.toml\n"), "{text}");
}

#[test]
fn a_file_of_ones_own_stands_on_a_built_in_recipe() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("mine.toml"), "extends = \"quickstart\"\nepochs = 3\n[optimizer]\nweight_decay = 0.3\n")
        .unwrap();
    let diff = json(path, &["recipes", "diff", "quickstart", "mine.toml"]);
    let expected = serde_json::json!([
        { "key": "epochs", "left": 20.0, "right": 3.0 },
        { "key": "optimizer.weight_decay", "left": 0.1, "right": 0.3 },
    ]);
    assert_eq!(diff["differences"], expected);
    let text = out(path, &["recipes", "diff", "quickstart", "mine.toml"]);
    assert!(text.lines().any(|line| line.split_whitespace().eq(["epochs", "20.0", "3.0"])), "{text}");
    assert!(out(path, &["recipes", "diff", "quickstart", "quickstart"]).contains("say the same"));
}

#[test]
fn recipes_that_cannot_be_are_refused_with_the_way_out() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("misspelt.toml"), "extends = \"quickstart\"\nbatchsize = 3\n").unwrap();
    fs::write(path.join("foreign.toml"), "extends = \"quickstart\"\n[method]\nname = \"margin\"\n").unwrap();
    refused(path, &["recipes", "show", "misspelt.toml"], "did you mean `batch_size`?");
    refused(path, &["recipes", "show", "foreign.toml"], "`margin`");
    refused(path, &["recipes", "show", "quickstat"], "quickstart");
    refused(path, &["recipes", "show", "no/such.toml"], "no/such.toml");
    refused(
        path,
        &["recipes", "show", "quickstart", "--set", "optimizer.weigth_decay=1"],
        "did you mean `weight_decay`?",
    );
    refused(path, &["recipes", "diff", "quickstart", "no/such.toml"], "no/such.toml");
}
