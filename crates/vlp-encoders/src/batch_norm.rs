use burn::module::{Flag, Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, module};
use vlp_core::Precision;

use crate::RunningStatistic;

/// Batch normalisation over all axes but the second, with PyTorch's running statistics.
///
/// While the device tracks gradients and the module is not frozen, each channel is normalised by the batch's own mean and
/// (biased) variance and the running statistics move by `momentum`; otherwise the running statistics are used. burn's own
/// layer feeds the running variance the biased estimate, PyTorch the unbiased one (`n / (n - 1)`), which is what trained
/// weights expect.
///
/// A clone has running statistics of its own, unlike with burn's layer.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale per channel; none: 1.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Shift per channel; none: 0.
    pub beta: Option<Param<Tensor<1>>>,
    /// Mean that evaluation uses.
    pub running_mean: RunningStatistic,
    /// Variance that evaluation uses.
    pub running_var: RunningStatistic,
    /// Cleared by freezing the module: then the running statistics are used and stay.
    pub training: Param<Flag>,
    channels: usize,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    /// PyTorch's defaults: scale 1, shift 0, momentum 0.1, epsilon 1e-5.
    pub fn new(channels: usize, device: &Device) -> Self {
        BatchNorm {
            gamma: Some(Initializer::Ones.init([channels], device)),
            beta: Some(Initializer::Zeros.init([channels], device)),
            ..BatchNorm::plain(channels, device)
        }
    }

    /// Without scale and shift (PyTorch's `affine=False`).
    pub fn plain(channels: usize, device: &Device) -> Self {
        BatchNorm {
            gamma: None,
            beta: None,
            running_mean: RunningStatistic::new(Tensor::zeros([channels], device)),
            running_var: RunningStatistic::new(Tensor::ones([channels], device)),
            training: Param::from_bool(true),
            channels,
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }

    /// With a scale that starts at zero, for the last normalisation of a residual branch.
    pub(crate) fn zero(channels: usize, device: &Device) -> Self {
        let gamma = Some(Initializer::Zeros.init([channels], device));
        BatchNorm { gamma, ..BatchNorm::new(channels, device) }
    }

    /// Half precision is normalised in f32 and returned in its own type.
    ///
    /// # Shapes
    /// - x and result: `[batch, channels, ...]`
    ///
    /// # Panics
    /// While training, when there are fewer than two values a channel: a single value has no variance.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let dtype = x.dtype();
        self.normalised(Precision::widened(x)).cast(dtype)
    }

    fn normalised<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let device = x.device();
        let gamma = self.gamma.as_ref().map_or_else(|| Tensor::ones([self.channels], &device), Param::val);
        let beta = self.beta.as_ref().map_or_else(|| Tensor::zeros([self.channels], &device), Param::val);
        if !device.is_autodiff() || !self.training.is_enabled() {
            let (mean, var) = (self.running_mean.value(), self.running_var.value());
            return module::batch_norm(x, gamma, beta, mean, var, self.epsilon);
        }
        let values = x.shape().num_elements() / self.channels;
        assert!(values > 1, "batch normalisation needs at least 2 rows while training, got {values}");
        let output = module::batch_norm_train(x, gamma, beta, self.epsilon);
        let unbiased = output.variance.detach() * (values as f64 / (values - 1) as f64);
        self.running_mean.follow(output.mean, self.momentum);
        self.running_var.follow(unbiased, self.momentum);
        output.output
    }
}
