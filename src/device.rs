//! Compute devices by name, as the examples' `--device` takes them.

mod libtorch;

use std::fmt;
use std::str::FromStr;

use burn::tensor::{DType, Device};
use vlp_core::Precision;

/// A device named on a command line: `flex`, `cuda[:index]`, `libtorch[:cpu | :cuda:index]`, `wgpu` or `vulkan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceName {
    /// burn's pure-Rust CPU backend.
    Flex,
    /// One NVIDIA GPU through CUDA.
    Cuda(usize),
    /// LibTorch on the CPU, or on an NVIDIA GPU.
    LibTorch(Option<usize>),
    /// The first GPU through WebGPU.
    Wgpu,
    /// The first GPU through Vulkan.
    Vulkan,
}

/// Why a device cannot be used.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Caller: a name that is none of the devices.
    #[error("unknown device '{0}': use flex, cuda, cuda:1, libtorch, libtorch:cuda:0, wgpu or vulkan")]
    Unknown(String),
    /// Environment: a backend that this program was built without.
    #[error("this program was built without {device}: build it again with `--features {feature}`")]
    NotBuilt {
        /// The device asked for.
        device: DeviceName,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// Environment: a backend whose driver or hardware is missing.
    #[error("{device} cannot be used on this machine ({reason}): it needs {}; `--device flex` runs everywhere", .device.needs())]
    NotPresent {
        /// The device asked for.
        device: DeviceName,
        /// What the backend said.
        reason: String,
    },
    /// Caller: half precision on the CPU.
    #[error(
        "precision = \"{0}\" is for GPUs: flex, the CPU backend, would convert every number there and back and be slower than in f32. \
         Leave the key out, or name another device"
    )]
    OnlyF32(Precision),
    /// Environment: a GPU or driver without this arithmetic.
    #[error("this device does not compute in {0}: leave precision = \"{0}\" out of the recipe")]
    NoArithmetic(Precision),
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for DeviceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Flex => f.write_str("flex"),
            DeviceName::Cuda(index) => write!(f, "cuda:{index}"),
            DeviceName::LibTorch(None) => f.write_str("libtorch:cpu"),
            DeviceName::LibTorch(Some(index)) => write!(f, "libtorch:cuda:{index}"),
            DeviceName::Wgpu => f.write_str("wgpu"),
            DeviceName::Vulkan => f.write_str("vulkan"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let index = |text: &str| text.parse().map_err(|_| DeviceError::Unknown(name.to_string()));
        match name.split_once(':') {
            None if name == "flex" => Ok(DeviceName::Flex),
            None if name == "cuda" => Ok(DeviceName::Cuda(0)),
            None if name == "libtorch" => Ok(DeviceName::LibTorch(None)),
            None if name == "wgpu" => Ok(DeviceName::Wgpu),
            None if name == "vulkan" => Ok(DeviceName::Vulkan),
            Some(("cuda", number)) => Ok(DeviceName::Cuda(index(number)?)),
            Some(("libtorch", "cpu")) => Ok(DeviceName::LibTorch(None)),
            Some(("libtorch", rest)) => match rest.split_once(':') {
                None if rest == "cuda" => Ok(DeviceName::LibTorch(Some(0))),
                Some(("cuda", number)) => Ok(DeviceName::LibTorch(Some(index(number)?))),
                _ => Err(DeviceError::Unknown(name.to_string())),
            },
            _ => Err(DeviceError::Unknown(name.to_string())),
        }
    }
}

/// The device of this name, as [`DeviceName::open`] gives it; a `value_parser` for command lines.
///
/// # Errors
/// When there is no such name, or the device cannot be used.
pub fn open(name: &str) -> Result<Device, DeviceError> {
    name.parse::<DeviceName>()?.open()
}

/// Refuses a precision that a device does not compute in, or has no use for.
///
/// # Errors
/// When `precision` is not f32 and the device is flex, or has no such arithmetic.
pub fn check_precision(device: &Device, precision: Precision) -> Result<(), DeviceError> {
    match precision {
        Precision::F32 => Ok(()),
        #[cfg(feature = "flex")]
        Precision::Bf16 if *device == Device::flex() => Err(DeviceError::OnlyF32(precision)),
        Precision::Bf16 if !device.supports_dtype(DType::BF16) => Err(DeviceError::NoArithmetic(precision)),
        Precision::Bf16 => Ok(()),
    }
}

/// Whether this is the CPU backend, whose memory is the machine's.
pub(crate) fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    let is_flex = [Device::flex(), Device::flex().autodiff()].contains(device);
    #[cfg(not(feature = "flex"))]
    let is_flex = false;
    is_flex
}

impl DeviceName {
    /// The device itself, without autodiff, after one small computation on it has succeeded.
    ///
    /// # Errors
    /// When the backend is not compiled in, or its driver or hardware is missing. Nothing falls back to another device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            #[cfg(feature = "flex")]
            DeviceName::Flex => self.tried(Device::flex),
            #[cfg(feature = "cuda")]
            DeviceName::Cuda(index) => self.tried(move || Device::cuda(index)),
            #[cfg(feature = "wgpu")]
            DeviceName::Wgpu => self.tried(|| Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "vulkan")]
            DeviceName::Vulkan => self.tried(|| Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            DeviceName::LibTorch(gpu) => libtorch::open(self, gpu),
            #[allow(unreachable_patterns)]
            _ => Err(DeviceError::NotBuilt { device: self, feature: self.feature() }),
        }
    }

    /// The cargo feature that compiles this device in.
    pub fn feature(self) -> &'static str {
        match self {
            DeviceName::Flex => "flex",
            DeviceName::Cuda(_) => "cuda",
            DeviceName::LibTorch(_) => "tch",
            DeviceName::Wgpu => "wgpu",
            DeviceName::Vulkan => "vulkan",
        }
    }

    /// What a machine must have beside this program.
    fn needs(self) -> &'static str {
        match self {
            DeviceName::Flex => "nothing",
            DeviceName::Cuda(_) => "an NVIDIA GPU of this number, its driver and the CUDA toolkit or its libdevice",
            DeviceName::LibTorch(gpu) => libtorch::needs(gpu),
            DeviceName::Wgpu => "a GPU with a driver for Vulkan, Metal or Direct3D 12",
            DeviceName::Vulkan => "a GPU with a driver for Vulkan",
        }
    }

    /// Backends report a missing driver by a panic at their first use, so the first use happens here.
    fn tried(self, device: impl FnOnce() -> Device + std::panic::UnwindSafe) -> Result<Device, DeviceError> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let tried = std::panic::catch_unwind(|| {
            let device = device();
            let two = burn::tensor::Tensor::<1>::ones([2], &device).sum().try_into_scalar::<f32>();
            two.map(|two| (two == 2.0).then_some(device)).map_err(|error| error.to_string())
        });
        std::panic::set_hook(hook);
        let reason = match tried {
            Ok(Ok(Some(device))) => return Ok(device),
            Ok(Ok(None)) => "it computes 1 + 1 wrong".to_string(),
            Ok(Err(text)) => cause(&text).to_string(),
            Err(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
                (Some(text), _) => cause(text).to_string(),
                (_, Some(text)) => cause(text).to_string(),
                _ => "its driver could not be started".to_string(),
            },
        };
        Err(DeviceError::NotPresent { device: self, reason })
    }
}

/// What lies deepest in an error that tells its causes one below the other.
fn cause(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let mut deepest = first;
    while lines.any(|line| line.starts_with("Caused by:")) {
        deepest = lines.next().filter(|line| !line.is_empty()).unwrap_or(deepest);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_cause_is_told() {
        assert_eq!(cause("no driver\nmore"), "no driver");
        let nested = "An error happened\nCaused by:\n  a server\nCaused by:\n  no libcuda.so\nBacktrace:\n  0: main";
        assert_eq!(cause(nested), "no libcuda.so");
        assert_eq!(cause(""), "");
    }

    #[test]
    fn every_name_reads_back_as_itself() {
        for name in ["flex", "cuda:0", "cuda:3", "libtorch:cpu", "libtorch:cuda:1", "wgpu", "vulkan"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceName>().unwrap(), DeviceName::Cuda(0));
        assert_eq!("libtorch".parse::<DeviceName>().unwrap(), DeviceName::LibTorch(None));
    }

    #[test]
    fn a_wrong_name_is_repeated_in_the_error() {
        for name in ["", "gpu", "cuda:x", "cuda:-1", "libtorch:mps", "flex:0", "libtorch:cuda:"] {
            let error = name.parse::<DeviceName>().unwrap_err();
            assert!(error.to_string().contains(&format!("'{name}'")), "{error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_is_not_built_names_its_feature() {
        let error = DeviceName::Cuda(0).open().unwrap_err();
        assert!(error.to_string().contains("--features cuda"), "{error}");
    }

    #[cfg(feature = "flex")]
    #[test]
    fn flex_opens_everywhere() {
        assert!(open("flex").is_ok());
    }

    #[test]
    fn a_device_that_is_not_there_says_what_it_needs_in_one_line() {
        let error = DeviceName::Vulkan.tried(|| panic!("no adapter\nat a long backtrace")).unwrap_err().to_string();
        assert!(error.contains("(no adapter)") && error.contains("needs a GPU") && !error.contains('\n'), "{error}");
    }
}
