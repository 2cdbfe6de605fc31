//! The command `vlp`: one word for each thing that is done with recipes, runs, data and models.
//!
//! | command | what it does |
//! |---|---|
//! | `train` | a recipe becomes a trained model; continues, branches off, starts anew |
//! | `eval` | what a trained model knows, as its recipe asks |
//! | `embed` | pictures or texts into a matrix |
//! | `classify` | pictures among classes given by name |
//! | `search` | a text or a picture against pictures, by an index that is kept |
//! | `convert` | models between layouts: open_clip, Hugging Face, timm |
//! | `data inspect`, `data pack`, `data index` | what is in data; tar shards of it; how many samples shards hold |
//! | `recipes list`, `recipes show`, `recipes diff` | recipes that are built in, a recipe in full, two side by side |
//! | `device` | where this program can compute |
//! | `plot` | schedules of a recipe, curves of runs |
//! | `completions` | its words for a shell |
//!
//! Answers go to standard output, as text or with `--json` as one JSON document with the same data; warnings, progress and errors go to
//! standard error. The exit code is 0 when it was done, 2 when it cannot be done as it was asked for, 1 when it went wrong on the way.
//!
//! A crate with encoders or methods of its own has all of it for them: `fn main() -> ExitCode { vlp_cli::main_with::<MyMethods, MyEncoders>() }`.

mod allocator;
mod batches;
mod commands;
mod device_arg;
mod failure;
mod model_arg;
mod recipe_arg;
mod screen;
mod source_arg;
mod table;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use vlp::encoders::{AnyImageEncoderConfig, ImageEncoderConfig};
use vlp::methods::{AnyMethodConfig, MethodConfig};

pub use allocator::Allocator;
use commands::Cli;
use failure::Failure;
use screen::Screen;

/// The whole program: reads the command line, does what it says.
pub fn main() -> ExitCode {
    main_with::<AnyMethodConfig, AnyImageEncoderConfig>()
}

/// The same with the methods that `M` describes, on the image encoders that `I` describes: recipes may name these.
///
/// ```no_run
/// use vlp::encoders::AnyImageEncoderConfig;
/// use vlp::methods::AnyMethodConfig;
///
/// #[global_allocator]
/// static ALLOCATOR: vlp_cli::Allocator = vlp_cli::Allocator;
///
/// // A program of your own names its own configurations here.
/// fn main() -> std::process::ExitCode {
///     vlp_cli::main_with::<AnyMethodConfig, AnyImageEncoderConfig>()
/// }
/// ```
pub fn main_with<M: MethodConfig, I: ImageEncoderConfig>() -> ExitCode {
    allocator::keep_pages();
    let name = std::env::args_os().next();
    let name =
        name.as_deref().map(Path::new).and_then(Path::file_stem).and_then(OsStr::to_str).unwrap_or("vlp").to_owned();
    // Once in a process, and clap wants it for good.
    let name: &'static str = name.leak();
    let command = Cli::command().name(name).bin_name(name);
    let parsed = command.clone().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let screen = Screen::new(cli.json);
            ExitCode::from(screen.end(cli.command.run::<M, I>(command, screen)))
        }
        Err(error) if error.use_stderr() && std::env::args_os().any(|word| word == "--json") => {
            let text = error.render().to_string();
            ExitCode::from(Screen::new(true).end(Err(Failure::asked(text.trim_start_matches("error: ")))))
        }
        Err(error) => {
            // Help and version are no errors: standard output, exit code 0. Nobody reading them is none either.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// A number of 1 or more, for clap.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "it must be a number of 1 or more".to_owned())
}

/// As many threads as a system has room for.
fn threads(text: &str) -> Result<usize, String> {
    let most = vlp::data::MOST_WORKERS;
    at_least_one(text)
        .ok()
        .filter(|&number| number <= most)
        .ok_or_else(|| format!("it must be a number from 1 to {most}"))
}
