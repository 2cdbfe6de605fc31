//! The option that says where to compute.

use burn::tensor::Device;
use vlp::device::DeviceName;

use crate::failure::{Blame, Failure};

/// `--device`.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct DeviceArg {
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex", value_name = "DEVICE")]
    device: String,
}

impl DeviceArg {
    /// The device, after a first computation on it.
    pub(crate) fn open(&self) -> Result<Device, Failure> {
        self.device.parse::<DeviceName>().asked()?.open().asked()
    }
}
