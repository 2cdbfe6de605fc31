//! The device that golden tests compute on.

use burn::tensor::Device;

/// burn's CPU backend, or what `VLP_TEST_DEVICE` names: `libtorch` (LibTorch on the CPU, feature `tch`) or `cubecl` (burn's GPU code compiled
/// for the CPU, feature `cubecl-cpu`).
///
/// # Panics
/// When the variable names something else, or a backend that the tests were built without.
pub fn under_test() -> Device {
    match std::env::var("VLP_TEST_DEVICE").as_deref() {
        Err(_) | Ok("flex") => Device::flex(),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn has deprecated this backend; it still serves as a second opinion")]
        Ok("libtorch") => Device::libtorch(),
        #[cfg(feature = "cubecl-cpu")]
        Ok("cubecl") => Device::cpu(),
        Ok(other) => {
            panic!("VLP_TEST_DEVICE={other}: use flex, or build with vlp-testkit's feature for libtorch or cubecl")
        }
    }
}
