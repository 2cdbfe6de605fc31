//! The device of a benchmark.

use std::error::Error;

use burn::tensor::Device;
use vlp::device::DeviceName;

/// The device that `VLP_DEVICE` names, `flex` without it.
pub(crate) fn device() -> Result<Device, Box<dyn Error>> {
    let name = std::env::var("VLP_DEVICE").unwrap_or_else(|_| "flex".to_string());
    Ok(name.parse::<DeviceName>()?.open()?)
}
