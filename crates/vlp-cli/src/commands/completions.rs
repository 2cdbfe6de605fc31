//! `vlp completions`: what a shell completes.

use std::io::{self, ErrorKind, Write};

use clap_complete::Shell;

use crate::failure::Failure;

/// Prints a script that teaches a shell this program's words.
///
/// For bash: `vlp completions bash > ~/.local/share/bash-completion/completions/vlp`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, mut program: clap::Command) -> Result<(), Failure> {
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        match io::stdout().write_all(&script) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }
}
