//! What cannot work is refused before anything is trained, with the value, the reason and what to do.

mod common;

use burn::tensor::Device;
use vlp_core::{Method, StepContext};
use vlp_methods::{AnyMethodConfig, ClipRocketConfig, MethodError};

use common::{Pixels, Words, batch};

fn init(config: &AnyMethodConfig) -> Result<(), MethodError> {
    let device = Device::flex();
    config.init(Pixels::new(4, &device), Words::new(4, &device), &device).map(drop)
}

fn read(text: &str) -> AnyMethodConfig {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_reason() {
    for (config, said) in [
        (r#"{"name": "swalip", "rocket": {"embed_dim": 4, "loss": {"label_smoothing": 0.1}}}"#, "label smoothing 0.1"),
        (r#"{"name": "swalip", "weight": -1.0}"#, "swalip's weight -1"),
        (r#"{"name": "swalip", "loss": {"sinkhorn": {"iterations": 0}}}"#, "0 Sinkhorn iterations"),
        (r#"{"name": "swalip-v1", "weight": -0.5}"#, "swalip-v1's weight -0.5"),
        (r#"{"name": "swalip-v1", "prototypes": {"prototypes": 8, "dim": 16}}"#, "prototypes of 16"),
        (r#"{"name": "swalip-v1", "prototypes": {"prototypes": 0, "dim": 128}}"#, "0 prototypes"),
        (r#"{"name": "siamlip", "predictor": {"widths": [16, 64]}}"#, "projections of 128"),
        (r#"{"name": "siamlip", "predictor": {"widths": []}}"#, "projections of 128"),
        (r#"{"name": "siamlip", "rocket": {"embed_dim": 0}}"#, "without units"),
        (r#"{"name": "byolip", "momentum": {"start": 1.5}}"#, "1.5 is not in [0, 1]"),
        (r#"{"name": "byolip", "momentum": {"start": 0.99, "end": -1.0}}"#, "-1 is not in [0, 1]"),
        (r#"{"name": "barlip", "projector": {"widths": [0, 8]}}"#, "without units"),
        (r#"{"name": "barlip", "loss": {"off_diagonal": -1.0}}"#, "off_diagonal -1"),
        (r#"{"name": "slip", "loss": {"ssl": {"temperature": 0.0}}}"#, "temperature 0"),
        (r#"{"name": "nclip", "head": {"kind": "mlp", "widths": []}}"#, "without units"),
        (
            r#"{"name": "nclip", "head": {"kind": "mlp", "widths": [8]}, "momentum": {"start": 2.0}}"#,
            "2 is not in [0, 1]",
        ),
        (
            r#"{"name": "nclip", "head": {"kind": "mlp", "widths": [8]}, "loss": {"temperatures": [0.0, 1.0]}}"#,
            "temperature 0",
        ),
        (r#"{"name": "xclip", "clip_weight": -0.3}"#, "xclip's weight -0.3"),
        (r#"{"name": "clip-rocket", "loss": {"label_smoothing": 1.0}}"#, "label smoothing 1"),
        (r#"{"name": "dino", "head": {"hidden": 0}}"#, "must all be at least 1"),
        (r#"{"name": "dino", "head": {"output": 8}, "momentum": {"start": 1.1}}"#, "1.1 is not in [0, 1]"),
        (r#"{"name": "dino", "head": {"output": 8}, "loss": {"student_temperature": 0.0}}"#, "temperature 0"),
        (r#"{"name": "dino", "head": {"output": 8}, "loss": {"center_momentum": 2.0}}"#, "centre's momentum 2"),
        (r#"{"name": "moco-v3", "predictor": {"widths": [16, 64]}}"#, "cannot match a projector"),
        (r#"{"name": "moco-v3", "predictor": {"widths": []}, "projector": {"widths": []}}"#, "without units"),
        (
            r#"{"name": "moco-v3", "predictor": {"widths": [4]}, "projector": {"widths": [4]}, "momentum": {"start": -0.1}}"#,
            "-0.1 is not in [0, 1]",
        ),
        (r#"{"name": "swav", "head": {"widths": [16, 64]}}"#, "prototypes of 128"),
        (r#"{"name": "swav", "head": {"widths": [8]}, "prototypes": {"prototypes": 0, "dim": 8}}"#, "0 prototypes"),
        (r#"{"name": "swav", "queue": {"views": 3}}"#, "cannot keep the 2 global views"),
        (r#"{"name": "swav", "queue": {"dim": 64}}"#, "a queue of 2 views of width 64"),
        (r#"{"name": "swav", "queue": {"length": 0}}"#, "keeps nothing"),
        (r#"{"name": "swav", "loss": {"sinkhorn": {"epsilon": 0.0}}}"#, "epsilon 0"),
    ] {
        let error = init(&read(config)).expect_err(config).to_string();
        assert!(error.contains(said), "{config}: {error}");
    }
    let nan = AnyMethodConfig::SigLip(vlp_methods::SigLipConfig {
        loss: vlp_losses::SigmoidConfig { bias: f64::NAN, ..Default::default() },
        ..Default::default()
    });
    let error = init(&nan).expect_err("NaN").to_string();
    assert!(error.contains("SigLIP starts at -10"), "{error}");
}

#[test]
fn a_number_of_views_that_does_not_suit_is_refused_with_the_reason() {
    for (name, wrong, right) in [
        ("clip", 1, 0),
        ("siglip", 2, 0),
        ("nclip", 1, 0),
        ("xclip", 1, 0),
        ("swalip-v1", 2, 0),
        ("slip", 1, 2),
        ("slip", 3, 2),
        ("swalip", 1, 2),
        ("swalip", 3, 2),
        ("clip-rocket", 0, 1),
        ("siamlip", 0, 2),
        ("byolip", 0, 3),
        ("barlip", 0, 1),
        ("dino", 0, 1),
        ("dino", 2, 1),
        ("moco-v3", 2, 1),
        ("swav", 0, 1),
    ] {
        let config = AnyMethodConfig::named(name).unwrap();
        config.check(right).unwrap();
        let error = config.check(wrong).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name} needs ")), "{error}");
        assert!(error.contains(&format!("views.strong is {wrong}: ")), "{error}");
    }
    let shared = ClipRocketConfig { strong_head: None, ..ClipRocketConfig::default() };
    AnyMethodConfig::ClipRocket(shared).check(0).expect("without heads for strong views none is needed");
    let smoothed = read(r#"{"name": "swalip", "rocket": {"loss": {"label_smoothing": 0.1}}}"#);
    assert_eq!(smoothed.check(2), Err(MethodError::Smoothing(0.1)));
}

#[test]
fn unknown_names_and_keys_are_refused_by_name() {
    let error = AnyMethodConfig::named("siam-lip").unwrap_err().to_string();
    assert!(error.contains("`siam-lip`") && error.contains("byolip"), "{error}");
    for text in [
        r#"{"name": "siamlip", "embed_dim": 8}"#,
        r#"{"name": "swalip", "rocket": {"embeddim": 8}}"#,
        r#"{"name": "clip-rockets"}"#,
        r#"{"embed_dim": 8}"#,
    ] {
        let error = serde_json::from_str::<AnyMethodConfig>(text).unwrap_err().to_string();
        let key = ["embed_dim", "embeddim", "clip-rockets", "name"].into_iter().find(|key| error.contains(key));
        assert!(key.is_some(), "{text}: {error}");
    }
    for name in AnyMethodConfig::NAMES {
        let config = AnyMethodConfig::named(name).unwrap();
        assert_eq!(config.name(), name);
        assert_eq!(read(&serde_json::to_string(&config).unwrap()), config, "{name} as data");
    }
}

#[test]
fn a_renamed_method_keeps_what_both_have() {
    let rocket = read(r#"{"name": "clip-rocket", "embed_dim": 96, "strong_head": {"kind": "mlp", "hidden": 24}}"#);
    for name in AnyMethodConfig::NAMES {
        let other = rocket.renamed(name).unwrap();
        let data = serde_json::to_value(&other).unwrap();
        let kept = match name {
            "siamlip" | "barlip" | "swalip" => &data["rocket"]["strong_head"]["hidden"],
            "byolip" => &data["siamlip"]["rocket"]["strong_head"]["hidden"],
            "clip-rocket" => &data["strong_head"]["hidden"],
            "swalip-v1" => &data["clip"]["embed_dim"],
            "clip" | "slip" | "xclip" => &data["embed_dim"],
            _ => continue,
        };
        assert!(kept == 24 || kept == 96, "{name}: {data}");
        other.check(other.strong_views().nearest(2)).unwrap();
    }
    assert_eq!(rocket.renamed("clip-rocket").unwrap(), rocket);
    assert_eq!(rocket.renamed("siamlip").unwrap().renamed("clip-rocket").unwrap(), rocket);
    assert!(rocket.renamed("clap").is_err());
}

/// Runs a method on a number of strong views that a recipe would have refused.
fn step(config: &str, views: usize) {
    let device = Device::flex().autodiff();
    let method = read(config).init(Pixels::new(4, &device), Words::new(4, &device), &device).unwrap();
    let ctx = StepContext::new(0, 0, 1);
    method.objective(method.encode(batch(4, views, &device), &ctx), &ctx);
}

#[test]
#[should_panic(expected = "SLIP compares two strong views of the image, 1 were given")]
fn slip_says_how_many_views_it_needs() {
    step(r#"{"name": "slip", "embed_dim": 4, "ssl_head": {"widths": [4]}}"#, 1);
}

#[test]
#[should_panic(expected = "SwALIP swaps two strong views per modality, 3 were given")]
fn swalip_says_how_many_views_it_needs() {
    step(r#"{"name": "swalip", "rocket": {"embed_dim": 4, "strong_head": null, "loss": {"label_smoothing": 0.0}}}"#, 3);
}

#[test]
#[should_panic(
    expected = "MoCo v3 reads two global views, the weak one and one strong view; 2 strong views were given"
)]
fn moco_v3_says_how_many_views_it_needs() {
    step(r#"{"name": "moco-v3", "projector": {"widths": [4], "last_norm": "plain"}, "predictor": {"widths": [4]}}"#, 2);
}
