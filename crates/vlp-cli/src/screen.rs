//! Where a command's words go: answers to standard output, everything else to standard error.

use std::io::{self, ErrorKind, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use vlp::augment::printable_lines;

use crate::failure::{Blame, Failure};

/// What a command has found out or done: the same for people as for programs.
pub(crate) trait Answer: Serialize {
    /// As text.
    fn print(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// How a command talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    json: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        Screen { json }
    }

    /// Whether a program is listening.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer. Nobody reading on is no failure: `vlp recipes list | head -3`.
    pub(crate) fn show(self, answer: &impl Answer) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = if self.json {
            let text = serde_json::to_string_pretty(answer).failed()?;
            writeln!(out, "{text}")
        } else {
            answer.print(&mut out)
        };
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// A word beside the answer.
    pub(crate) fn warn(self, text: impl std::fmt::Display) {
        // Names and texts of files may hold what drives a terminal.
        let _ = writeln!(io::stderr(), "warning: {}", printable_lines(&text.to_string()));
    }

    /// A bar over long work; there is none where standard error is no terminal.
    pub(crate) fn bar(self, length: u64, things: &str) -> ProgressBar {
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {things}, {{per_sec}}, {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(length).with_style(style)
    }

    /// The last word.
    pub(crate) fn end(self, result: Result<(), Failure>) -> u8 {
        let Err(failure) = result else { return 0 };
        let line = if self.json {
            serde_json::json!({ "error": failure.to_string(), "exit_code": failure.code() }).to_string()
        } else {
            format!("error: {}", printable_lines(&failure.to_string()))
        };
        let _ = writeln!(io::stderr(), "{line}");
        failure.code()
    }
}
