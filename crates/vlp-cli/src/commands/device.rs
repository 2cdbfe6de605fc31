//! `vlp device`: where this program can compute.

use std::io::{self, Write};

use serde::Serialize;
use vlp::core::Precision;
use vlp::device::{DeviceError, DeviceName, check_precision};

use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Tries devices with a small computation each; all kinds when none is named.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan; refused when it cannot be used
    device: Option<String>,
}

impl Args {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let devices = match &self.device {
            Some(name) => {
                let name: DeviceName = name.parse().asked()?;
                name.open().asked()?;
                vec![tried(name)]
            }
            None => {
                let every = [
                    DeviceName::Flex,
                    DeviceName::Cuda(0),
                    DeviceName::LibTorch(None),
                    DeviceName::LibTorch(Some(0)),
                    DeviceName::Wgpu,
                    DeviceName::Vulkan,
                ];
                every.into_iter().map(tried).collect()
            }
        };
        screen.show(&Devices { version: env!("CARGO_PKG_VERSION"), threads, devices })
    }
}

#[derive(Serialize)]
struct Devices {
    version: &'static str,
    threads: usize,
    devices: Vec<Tried>,
}

#[derive(Serialize)]
struct Tried {
    device: String,
    feature: &'static str,
    built: bool,
    usable: bool,
    /// What a recipe's `precision` may be.
    precisions: Vec<Precision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

fn tried(name: DeviceName) -> Tried {
    let mut tried = Tried {
        device: name.to_string(),
        feature: name.feature(),
        built: true,
        usable: false,
        precisions: Vec::new(),
        why_not: None,
    };
    match name.open() {
        Ok(device) => {
            tried.usable = true;
            let computes = |precision: &Precision| check_precision(&device, *precision).is_ok();
            tried.precisions = [Precision::F32, Precision::Bf16].into_iter().filter(computes).collect();
        }
        Err(error) => {
            tried.built = !matches!(error, DeviceError::NotBuilt { .. });
            tried.why_not = Some(error.to_string());
        }
    }
    tried
}

impl Answer for Devices {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["device", "usable", "precisions", "why not"]);
        for tried in &self.devices {
            let precisions: Vec<_> = tried.precisions.iter().map(ToString::to_string).collect();
            let why = tried.why_not.clone().unwrap_or_default();
            table.row([tried.device.as_str(), if tried.usable { "yes" } else { "no" }, &precisions.join(", "), &why]);
        }
        table.write(out)?;
        writeln!(out, "\n{} threads, version {}", self.threads, self.version)
    }
}
