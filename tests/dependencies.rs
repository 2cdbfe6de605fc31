//! The crates may know each other only as `docs/architecture.md` draws it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on inside the workspace; `vlp-testkit` only in tests.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("vlp-core", &[]),
    ("vlp-schedulers", &[]),
    ("vlp-augment", &[]),
    ("vlp-report", &[]),
    ("vlp-ops", &[]),
    ("vlp-testkit", &["vlp-core"]),
    ("vlp-data", &["vlp-augment", "vlp-core"]),
    ("vlp-encoders", &["vlp-core", "vlp-ops"]),
    ("vlp-losses", &["vlp-core", "vlp-ops"]),
    ("vlp-eval", &["vlp-core"]),
    ("vlp-methods", &["vlp-core", "vlp-encoders", "vlp-losses"]),
    ("vlp-trainer", &["vlp-core", "vlp-ops", "vlp-schedulers"]),
    ("vlp-weights", &["vlp-augment", "vlp-encoders"]),
    ("vlp-cli", &["vlp"]),
    (
        "vlp",
        &[
            "vlp-augment",
            "vlp-core",
            "vlp-data",
            "vlp-encoders",
            "vlp-eval",
            "vlp-losses",
            "vlp-methods",
            "vlp-ops",
            "vlp-report",
            "vlp-schedulers",
            "vlp-trainer",
            "vlp-weights",
        ],
    ),
];
const BURN_FREE: [&str; 3] = ["vlp-schedulers", "vlp-augment", "vlp-report"];
const BACKENDS: [&str; 6] = ["flex", "cuda", "tch", "wgpu", "vulkan", "ndarray"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Name and dependencies (name, kind, features, optional) of each package.
fn packages(metadata: &Value) -> Vec<(String, Vec<&Value>)> {
    let list = metadata["packages"].as_array().expect("packages");
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    list.iter()
        .map(|package| (name(package), package["dependencies"].as_array().expect("a list").iter().collect()))
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_as_drawn() {
    let metadata = metadata();
    let packages = packages(&metadata);
    let drawn: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(there, drawn, "the crates of the workspace and of the drawing");
    for (name, dependencies) in &packages {
        let allowed = ALLOWED.iter().find(|(crate_name, _)| crate_name == name).expect("drawn").1;
        for dependency in dependencies {
            let (other, test_only) = (dependency["name"].as_str().unwrap_or_default(), dependency["kind"] == "dev");
            let fine = allowed.contains(&other) || (test_only && other != "vlp");
            assert!(fine || !other.starts_with("vlp"), "{name} must not depend on {other}");
        }
    }
}

#[test]
fn no_library_crate_picks_a_backend_and_three_do_without_burn() {
    let metadata = metadata();
    for (name, dependencies) in packages(&metadata) {
        for dependency in dependencies.iter().filter(|d| d["name"] == "burn" && d["kind"] != "dev") {
            assert!(!BURN_FREE.contains(&name.as_str()), "{name} must build without burn");
            let features = dependency["features"].as_array().expect("features");
            let backend = features.iter().find(|f| BACKENDS.contains(&f.as_str().unwrap_or_default()));
            assert!(backend.is_none(), "{name} turns on burn's {backend:?}");
            assert!(dependency["uses_default_features"] == false, "{name} takes burn's default features");
            assert_eq!(dependency["req"], "=0.22.1", "{name}");
        }
    }
}
