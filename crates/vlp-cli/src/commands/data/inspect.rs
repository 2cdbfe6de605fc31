//! `vlp data inspect`: what is in data.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use vlp::data::{InspectOptions, Inspection};

use super::sheet;
use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::source_arg::SourceArg;

/// Reads every sample once: counts, sizes, captions, what is damaged and what was left out, what comes more than once, what a pass takes.
///
/// The exit code is 1 where samples or pictures were left out by the source's own rules, which training would do without a word.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArg,
    /// Pictures that are decoded, evenly spread; of all others only the header is read
    #[arg(long, default_value_t = 256)]
    decode: usize,
    /// A PNG of evenly spread samples with weak and strong views as CLIP-rocket makes them
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Threads [default: one for each core]
    #[arg(long, value_parser = crate::threads)]
    workers: Option<usize>,
}

impl Args {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        let dataset = Arc::new(self.source.open()?);
        let options = InspectOptions { decode: self.decode, workers: self.workers };
        let inspection = dataset.inspect(&options).map_err(Failure::of)?;
        if let Some(path) = &self.sheet {
            sheet::draw(&dataset, path).failed()?;
        }
        let (lost, is_whole) = (inspection.left_out.lost(), inspection.is_whole());
        screen.show(&Answered { data: self.source.data, inspection, sheet: self.sheet })?;
        match is_whole {
            true => Ok(()),
            false => Err(Failure::failed(format!(
                "{lost} samples or pictures were left out by the source's own rules: see above why, and docs/data.md for options"
            ))),
        }
    }
}

#[derive(Serialize)]
struct Answered {
    data: String,
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<PathBuf>,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}: {}", self.data, self.inspection)?;
        self.sheet.iter().try_for_each(|sheet| writeln!(out, "views: {}", sheet.display()))
    }
}
