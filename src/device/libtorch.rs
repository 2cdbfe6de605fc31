//! All that is special about LibTorch. burn has deprecated this backend, so nothing else names it but the tests' choice in `vlp-testkit`.

use burn::tensor::Device;

use super::{DeviceError, DeviceName};

#[cfg(feature = "tch")]
#[allow(deprecated)]
pub(super) fn open(name: DeviceName, gpu: Option<usize>) -> Result<Device, DeviceError> {
    match gpu {
        Some(index) => name.tried(move || Device::libtorch_cuda(index)),
        None => name.tried(Device::libtorch),
    }
}

#[cfg(not(feature = "tch"))]
pub(super) fn open(name: DeviceName, _gpu: Option<usize>) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { device: name, feature: name.feature() })
}

pub(super) fn needs(gpu: Option<usize>) -> &'static str {
    match gpu {
        None => "LibTorch's libraries on LD_LIBRARY_PATH",
        // The linker leaves libtorch_cuda out since no symbol of it is used; loading it registers CUDA.
        Some(_) => {
            "an NVIDIA GPU of this number, a LibTorch with CUDA on LD_LIBRARY_PATH and LD_PRELOAD=libtorch_cuda.so"
        }
    }
}
