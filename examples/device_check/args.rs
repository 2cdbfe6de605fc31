//! The command line.

use std::path::PathBuf;

use clap::Parser;
use vlp::device::DeviceName;

use crate::agreement::Tolerances;

/// Compares a device with the CPU backend, then measures it
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Args {
    /// What to check: cuda[:i], libtorch[:cpu|:cuda:i], wgpu, vulkan or flex
    #[arg(long, default_value = "flex")]
    pub(crate) device: DeviceName,
    /// Tiny sizes, for machines without a GPU
    #[arg(long)]
    pub(crate) quick: bool,
    /// When to stop measuring; what is left out is said
    #[arg(long, default_value_t = 7.5)]
    pub(crate) minutes: f64,
    /// Directory of the quickstart's data
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/emoji"), hide_default_value = true)]
    pub(crate) data: PathBuf,
    /// Where the report goes
    #[arg(long, default_value = "runs/device-check")]
    pub(crate) out: PathBuf,
    /// Measures one training step and prints it: what this program starts itself with, so that memory is a model's own
    #[arg(long, hide = true)]
    pub(crate) step: Option<String>,
    /// The batch of that step
    #[arg(long, hide = true, default_value_t = 1024)]
    pub(crate) batch: usize,
    /// That step in bf16
    #[arg(long, hide = true)]
    pub(crate) bf16: bool,
}

impl Args {
    /// GPUs may multiply f32 with ten bits of mantissa (TF32), CPUs do not.
    pub(crate) fn tolerances(&self) -> Tolerances {
        match self.device {
            DeviceName::Flex | DeviceName::LibTorch(None) => Tolerances::CPU,
            _ => Tolerances::GPU,
        }
    }
}
