//! The learnable scale: where it starts, where it stops, what it refuses.

use approx::assert_relative_eq;
use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::Device;
use vlp_losses::{LogitScaleConfig, LossError};

#[test]
fn the_scale_starts_at_the_inverse_temperature() {
    let scale = LogitScaleConfig::default().init(&Device::flex()).unwrap();
    assert_relative_eq!(scale.scale().into_scalar::<f32>(), 1.0 / 0.07, max_relative = 1e-6);
    assert_relative_eq!(scale.log_scale.val().into_scalar::<f32>(), 2.659_26, max_relative = 1e-6);
}

#[test]
fn the_clamp_holds_the_scale_between_1_and_100_and_it_still_learns() {
    let device = Device::flex().autodiff();
    for (temperature, lr, bound) in [(0.0101, 1e3, 100.0), (0.99, -1e3, 1.0)] {
        let mut scale = LogitScaleConfig { temperature }.init(&device).unwrap();
        let mut optimizer = SgdConfig::new().init();
        for _ in 0..2 {
            let gradients = scale.scale().neg().backward();
            let gradients = GradientsParams::from_grads(gradients, &scale);
            assert_eq!(gradients.len(), 1, "the clamped scale must stay trainable");
            scale = optimizer.step(lr, scale, gradients).clamped();
            assert_relative_eq!(scale.scale().into_scalar::<f32>(), bound, max_relative = 1e-5);
        }
        assert!(!scale.valid().clamped().log_scale.val().is_require_grad());
    }
}

#[test]
fn a_temperature_that_is_not_positive_is_refused() {
    for temperature in [0.0, -0.1, f64::INFINITY, f64::NAN, 1e300, 1e-60] {
        let error = LogitScaleConfig { temperature }.init(&Device::flex()).unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)), "{error}");
    }
}
