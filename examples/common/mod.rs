//! What the examples about pretrained models share: the model, its tokenizer, pictures, rows of numbers.
#![allow(dead_code, reason = "each example takes its own part")]

mod checkpoint;
pub(crate) mod classes;
pub(crate) mod model;
pub(crate) mod pictures;
pub(crate) mod rows;
pub(crate) mod tokenizer;

use std::error::Error;
use std::process::ExitCode;

/// What went wrong: what was asked for, or while it was done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2.
    Asked(Box<dyn Error>),
    /// Exit code 1.
    Done(Box<dyn Error>),
}

/// Ends the program with one sentence.
pub(crate) fn exit(result: Result<(), Failure>) -> ExitCode {
    let (code, error) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Asked(error)) => (2, error),
        Err(Failure::Done(error)) => (1, error),
    };
    eprintln!("error: {error}");
    ExitCode::from(code)
}
