//! What the quickstart says to someone who mistypes: one sentence with the value at fault, exit code 2, nothing written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `cargo test` builds the examples beside the tests.
fn quickstart() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(format!("quickstart{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: run `cargo build --workspace --examples` first", program.display());
    program
}

fn run(out: &Path, arguments: &[&str]) -> Output {
    Command::new(quickstart()).arg("--out").arg(out).args(arguments).output().unwrap()
}

/// Runs with bad arguments and gives the one sentence.
fn refused(arguments: &[&str]) -> String {
    let runs = tempfile::tempdir().unwrap();
    let output = run(&runs.path().join("run"), arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.starts_with("error: "), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    message
}

#[test]
fn bad_flags_and_paths_are_refused_with_one_sentence_and_exit_code_2() {
    for (arguments, said) in [
        (vec!["--device", "gpu"], "unknown device 'gpu'"),
        (vec!["--device", "cuda:7"], "--features cuda"),
        (vec!["--device", "libtorch"], "--features tch"),
        (vec!["--method", "clap"], "there is no method `clap`"),
        (vec!["--set", "epochs=0"], "epochs is 0"),
        (vec!["--set", "epochs=many"], "many"),
        (vec!["--set", "epoch=3"], "did you mean `epochs`?"),
        (vec!["--set", "steps=3", "--set", "epochs=2", "--set", "batch_size=100000"], "batch_size is 100000"),
        (vec!["--batch"], "--batch"),
        (vec!["--workers", "0"], "workers"),
        (vec!["--train", "no/such/folder"], "no/such/folder"),
        (vec!["--train", "no/such.csv"], "no/such.csv"),
        (vec!["--recipe", "clip-vitb16-cc3m"], "names no training data"),
        (vec!["--recipe", "clip-vitb16-cc3n"], "did you mean `clip-vitb16-cc3m`?"),
        (vec!["--recipe", "no/such.toml"], "no/such.toml"),
        (vec!["--resume"], "checkpoint"),
    ] {
        let message = refused(&arguments);
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
}

#[test]
fn half_precision_on_the_cpu_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.toml");
    let text = vlp::recipe::Recipe::quickstart().to_toml().unwrap();
    std::fs::write(&file, format!("precision = \"bf16\"\n{text}")).unwrap();
    let message = refused(&["--recipe", file.to_str().unwrap()]);
    assert!(message.contains("precision = \"bf16\" is for GPUs") && message.contains("Leave the key out"), "{message}");
}

#[test]
fn a_misspelt_key_in_a_recipe_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let text = vlp::recipe::Recipe::quickstart().to_toml().unwrap().replace("batch_size", "batchsize");
    std::fs::write(&file, text).unwrap();
    let message = refused(&["--recipe", file.to_str().unwrap()]);
    assert!(message.contains("mine.toml") && message.contains("batchsize") && message.contains("line"), "{message}");
}

#[test]
fn a_folder_whose_tokenizer_is_none_is_refused_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), b"\x89PNG not a tokenizer").unwrap();
    let message = refused(&["--set", &format!("tokenizer='{}'", folder.path().display())]);
    assert!(message.contains("tokenizer.json"), "{message}");
}

#[test]
fn a_folder_without_samples_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let message = refused(&["--train", folder.path().to_str().unwrap()]);
    assert!(message.contains(folder.path().to_str().unwrap()), "{message}");
}

#[test]
fn a_refused_start_leaves_no_folder() {
    let runs = tempfile::tempdir().unwrap();
    let out = runs.path().join("run");
    assert_eq!(run(&out, &["--set", "epochs=0"]).status.code(), Some(2));
    assert!(!out.exists());
}

#[test]
fn help_names_every_flag() {
    let output = run(Path::new("unused"), &["--help"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for flag in
        ["--method", "--short", "--resume", "--fresh", "--device", "--recipe", "--set", "--train", "--out", "--workers"]
    {
        assert!(text.contains(flag), "{flag} is missing in {text}");
    }
}
