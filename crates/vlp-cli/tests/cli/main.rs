//! The command as a user calls it: what it prints, what it leaves on the disk, what it says to those who ask for what cannot be.

mod data;
mod models;
mod plot;
mod recipes;
mod train;
mod words;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The program with these arguments in a folder.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vlp"));
    command.current_dir(folder).args(arguments);
    command
}

fn call(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

/// Standard output of a call that succeeds.
fn out(folder: &Path, arguments: &[&str]) -> String {
    let output = call(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same with `--json`, which must be one document.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = out(folder, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {text}"))
}

/// One sentence on standard error, exit code 2, and not a file more or less than before.
fn refused(folder: &Path, arguments: &[&str], words: &str) {
    let before = files(folder);
    let output = call(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.starts_with("error: ") && said.contains(words), "{arguments:?} should say {words}: {said}");
    assert!(!said.contains("panicked") && output.stdout.is_empty(), "{arguments:?}: {said}");
    assert_eq!(files(folder), before, "{arguments:?} must write nothing");
}

/// Everything below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A place in the repository.
fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join(path).to_str().unwrap().to_owned()
}

fn is_png(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("png")) && std::fs::read(path).unwrap().starts_with(b"\x89PNG")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
