//! What holds for the program as a whole, and the commands that only talk.

use crate::{call, folder, json, out, program, refused};

#[test]
fn help_names_every_command_and_is_no_error() {
    let folder = folder();
    let text = out(folder.path(), &["--help"]);
    for command in ["train", "eval", "embed", "classify", "search", "convert", "data", "recipes", "device", "plot"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {text}");
    }
    assert!(out(folder.path(), &["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn words_that_are_none_are_refused_with_the_nearest() {
    let folder = folder();
    refused(folder.path(), &["trian"], "'train'");
    refused(folder.path(), &["recipes", "shwo"], "'show'");
    refused(folder.path(), &["recipes", "show"], "<RECIPE>");
    refused(folder.path(), &["device", "--jsn"], "--json");
    // No words at all: help, and the exit code of a mistake.
    assert_eq!(call(folder.path(), &[]).status.code(), Some(2));
}

#[test]
fn errors_are_json_where_a_program_listens() {
    let folder = folder();
    let output = call(folder.path(), &["--json", "device", "gpu"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &error["exit_code"]), (Some(2), &2.into()));
    assert!(error["error"].as_str().unwrap().contains("unknown device 'gpu'"), "{error}");
}

#[test]
fn nobody_reading_on_is_no_failure() {
    use std::process::Stdio;
    let folder = folder();
    let mut child =
        program(folder.path(), &["recipes", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn devices_are_tried_and_what_is_missing_says_how_to_get_it() {
    let folder = folder();
    let devices = json(folder.path(), &["device"]);
    let flex = devices["devices"].as_array().unwrap().iter().find(|tried| tried["device"] == "flex").unwrap();
    assert_eq!((&flex["usable"], &flex["precisions"]), (&true.into(), &serde_json::json!(["f32"])), "{devices}");
    let text = out(folder.path(), &["device"]);
    assert!(text.contains("flex") && text.contains("vulkan"), "{text}");
    if !cfg!(feature = "cuda") {
        assert!(text.contains("--features cuda"), "{text}");
        refused(folder.path(), &["device", "cuda:1"], "--features cuda");
    }
    refused(folder.path(), &["device", "gpu"], "unknown device 'gpu'");
}

#[test]
fn completions_know_the_commands() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let script = out(folder.path(), &["completions", shell]);
        assert!(script.contains("recipes") && script.contains("vlp"), "{shell}");
    }
    refused(folder.path(), &["completions", "dos"], "bash");
}
