//! The program `vlp`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: vlp_cli::Allocator = vlp_cli::Allocator;

fn main() -> ExitCode {
    vlp_cli::main()
}
