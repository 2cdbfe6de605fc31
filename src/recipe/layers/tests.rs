use vlp_trainer::{AnyOptimizerOptions, SgdOptions};

use super::*;
use crate::recipe::{ScheduleKind, ScheduleRecipe};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_file_extends_another_key_by_key() {
    let quickstart = include_str!("../../../recipes/quickstart.toml");
    let folder = folder(&[
        ("base.toml", quickstart),
        ("middle.toml", "extends = \"base.toml\"\nepochs = 3\n[optimizer]\nweight_decay = 0.5\n[views]\nstrong = 2"),
        ("top.toml", "extends = \"middle.toml\"\n[method]\nname = \"swalip\"\n[text]\ndropout = 0.2"),
    ]);
    let recipe = Recipe::from_path(folder.path().join("top.toml")).unwrap();
    assert_eq!((recipe.epochs, recipe.optimizer.weight_decay(), recipe.text.dropout), (3.0, 0.5, 0.2));
    assert_eq!((recipe.text.width, recipe.optimizer.settings.name()), (128, "adamw"));
    // Another name: nothing of the quickstart's method is left.
    assert_eq!(recipe.method, vlp_methods::AnyMethodConfig::named("swalip").unwrap());
}

#[test]
fn chains_that_cannot_be_read_are_refused_with_the_file() {
    let folder = folder(&[
        ("a.toml", "extends = \"b.toml\""),
        ("b.toml", "extends = \"a.toml\""),
        ("number.toml", "extends = 3"),
        ("lost.toml", "extends = \"nowhere.toml\""),
        ("broken.toml", "extends = \"text.toml\""),
        ("text.toml", "epochs ="),
    ]);
    for (file, said) in [
        ("a.toml", "no file above it"),
        ("number.toml", "extends is 3"),
        ("lost.toml", "nowhere.toml"),
        ("broken.toml", "text.toml"),
    ] {
        let error = Recipe::from_path(folder.path().join(file)).unwrap_err().to_string();
        assert!(error.contains(said), "{file}: {error}");
    }
}

#[test]
fn every_key_knows_the_file_that_said_it_last() {
    let folder = folder(&[
        ("middle.toml", "extends = \"quickstart\"\nepochs = 3\n[optimizer]\nweight_decay = 0.5\n"),
        ("top.toml", "extends = \"middle.toml\"\n[optimizer]\nweight_decay = 0.4\n[method]\nname = \"siglip\"\n"),
    ]);
    let path = |name: &str| folder.path().join(name);
    let top = path("top.toml");
    let found =
        origins::<vlp_methods::AnyMethodConfig, vlp_encoders::AnyImageEncoderConfig>(top.to_str().unwrap()).unwrap();
    for (key, file) in [
        ("epochs", path("middle.toml")),
        ("optimizer.weight_decay", top.clone()),
        ("optimizer.beta_1", PathBuf::from("quickstart.toml")),
        ("image.stem.channels", PathBuf::from("quickstart.toml")),
        ("method.name", top.clone()),
    ] {
        assert_eq!(found.get(key), Some(&file), "{key}");
    }
    // Another method keeps nothing of the one below.
    assert!(!found.contains_key("method.loss.label_smoothing"));
}

#[test]
fn settings_reach_every_level_and_kinds_start_anew() {
    let recipe = Recipe::quickstart();
    let set = recipe
        .set(&["batch_size=64", "method.loss.reduction=sum", "image.depth = 2", "views.weak_scale=[0.9, 1.0]"])
        .unwrap();
    assert_eq!((set.batch_size, set.views.weak_scale), (64, [0.9, 1.0]));
    let other = recipe.set(&["views.strong=0", "method.name=siglip"]);
    assert_eq!(other.unwrap().method, vlp_methods::AnyMethodConfig::named("siglip").unwrap());
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    for (setting, said) in [
        ("epochs", "table.key=value"),
        ("epoch=3", "did you mean `epochs`?"),
        ("optimizer.weigth_decay=0.5", "did you mean `weight_decay`?"),
        ("method.label_smoothing=0.1", "label_smoothing"),
        ("method.loss.smoothing=0.1", "did you mean `label_smoothing`?"),
        ("method.name=clip-rokcet", "did you mean `clip-rocket`?"),
        ("batch_size=many", "batch_size=many"),
        ("batch_size.x=1", "batch_size.x=1"),
        ("=3", "=3"),
    ] {
        let error = Recipe::quickstart().set(&[setting]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(setting), "{setting}: {error}");
    }
    // Every setting is right and the recipe is not.
    let error = Recipe::quickstart().set(&["views.strong=0"]).unwrap_err().to_string();
    assert!(error.contains("views.strong"), "{error}");
}

#[test]
fn another_optimizer_or_schedule_keeps_what_all_of_them_share() {
    let folder = folder(&[
        ("base.toml", include_str!("../../../recipes/quickstart.toml")),
        (
            "same.toml",
            "extends = \"base.toml\"\n[optimizer]\nname = \"adamw\"\nbeta_1 = 0.8\n[schedule]\nkind = \"clip-rocket\"",
        ),
        (
            "sgd.toml",
            "extends = \"same.toml\"\n[optimizer]\nname = \"sgd\"\nnesterov = true\n[schedule]\nkind = \"cosine\"",
        ),
        ("momentum.toml", "extends = \"sgd.toml\"\n[optimizer]\nmomentum = 0.8"),
    ]);
    let read = |name: &str| Recipe::from_path(folder.path().join(name)).unwrap();
    let (base, same, momentum) = (Recipe::quickstart(), read("same.toml"), read("momentum.toml"));
    let AnyOptimizerOptions::AdamW(adamw) = same.optimizer.settings else { panic!("{:?}", same.optimizer) };
    assert_eq!((adamw.beta_1, adamw.beta_2), (0.8, 0.98), "the same kind named: the rest is kept");
    assert_eq!((same.optimizer.max_norm, same.schedule), (base.optimizer.max_norm, base.schedule));
    let sgd = SgdOptions { momentum: 0.8, nesterov: true, ..SgdOptions::default() };
    assert_eq!(momentum.optimizer.settings, AnyOptimizerOptions::Sgd(sgd));
    assert_eq!(momentum.optimizer.max_norm, base.optimizer.max_norm);
    assert_eq!(momentum.schedule, ScheduleRecipe { kind: ScheduleKind::Cosine, ..base.schedule });
    assert_eq!(base.set(&["schedule.kind=cosine"]).unwrap().schedule, momentum.schedule);
}

#[test]
fn an_optimizer_is_refused_by_its_own_keys() {
    let refusal = |setting: &str| Recipe::quickstart().set(&[setting]).unwrap_err().to_string();
    for (setting, said) in [
        ("optimizer.name=adam", "did you mean `adamw`?"),
        ("optimizer.momentun=0.9", "unknown field `momentun`"),
        ("optimizer.max_nrom=0.9", "did you mean `max_norm`?"),
        ("optimizer.beta_1=nan", "optimizer.beta_1 is NaN but must be in [0, 1)"),
        ("optimizer.weight_decay=1e39", "optimizer.weight_decay is 1000000000000000000000"),
        ("optimizer.epsilon=1e-60", "optimizer.epsilon is 0.000"),
        ("optimizer.name=7", "name must be a string"),
        ("optimizer={name=\"lars\", momentum=1.5}", "optimizer.momentum is 1.5 but must be in [0, 1)"),
    ] {
        let error = refusal(setting);
        assert!(error.contains(said), "{setting}: {error}");
    }
    for name in AnyOptimizerOptions::NAMES {
        let recipe = Recipe::quickstart().set(&[format!("optimizer.name={name}")]).unwrap();
        assert_eq!(recipe.optimizer.settings, AnyOptimizerOptions::named(name).unwrap());
        let text = recipe.to_toml().unwrap();
        assert!(name != "adamw" || text.contains("beta_2 = 0.98\n"), "digits of single precision: {text}");
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe);
        let json = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
    }
}
