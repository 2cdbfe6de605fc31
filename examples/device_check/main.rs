//! Does a device compute what the CPU backend computes, and how fast? For a machine with a GPU, in under eight minutes, without network.
//!
//! ```text
//! cargo run --release --features cuda --example device_check -- --device cuda
//! cargo run --release --example device_check -- --quick    # tiny sizes, for machines without a GPU
//! ```
//!
//! Every operation and every loss, forward and backward, and fifty steps of the quickstart against `flex` within stated tolerances;
//! then the device's ceilings, operations and training steps against them. Leaves `device-check.json` and `device-check.md`.
//! `scripts/device-check.sh` builds binaries to take to another machine.

mod agreement;
mod args;
mod cases;
mod ceilings;
#[path = "../../benches/common/case.rs"]
mod common;
mod curve;
mod operations;
mod report;
mod steps;

#[path = "../../benches/ops/attention.rs"]
mod attention;
#[path = "../../benches/ops/layers.rs"]
mod layers;
#[path = "../../benches/losses/cases.rs"]
mod losses;
#[path = "../../benches/ops/rows.rs"]
mod rows;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use vlp::core::Precision;

use args::Args;
use report::Report;

/// Buffers of the CPU backend are freed and taken by the hundred megabytes; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    let device = match args.device.open() {
        Ok(device) => device,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if let Some(step) = &args.step {
        let precision = if args.bf16 { Precision::Bf16 } else { Precision::F32 };
        return ended(steps::measure_here(step, precision, args.batch, &device).map(|()| true));
    }
    ended(check(&args, &device))
}

/// Code 0 when all agreed, 1 otherwise.
fn ended(result: Result<bool, Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(args: &Args, device: &burn::tensor::Device) -> Result<bool, Box<dyn Error>> {
    let (begun, minutes) = (Instant::now(), Duration::from_secs_f64(60.0 * args.minutes));
    let told = |what: &str| println!("[{:>4.0} s] {what}", begun.elapsed().as_secs_f64());
    std::fs::create_dir_all(&args.out).map_err(|error| format!("--out {}: {error}", args.out.display()))?;
    told(&format!("operations and losses on {} against flex", args.device));
    let agreements = agreement::all(device, args.tolerances());
    told("the quickstart's first steps against flex");
    let curve = curve::compare(args, device)?;
    told("ceilings");
    let ceilings = ceilings::measure(device, args.quick);
    told("operations");
    let operations = operations::measure(device, args.quick, begun + minutes / 2);
    told("training steps");
    let steps = steps::measure_all(args, device, &ceilings, begun + minutes)?;
    let report =
        Report { device: args.device.to_string(), quick: args.quick, agreements, curve, ceilings, operations, steps };
    report.write(&args.out)?;
    println!("{}", report.verdict());
    told(&format!("{}: device-check.json, device-check.md", args.out.display()));
    Ok(report.agrees())
}
