use burn::module::{Module, Param, RunningState};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, module};

/// Batch normalisation over the rows of a matrix, with PyTorch's running statistics.
///
/// While the device tracks gradients, each column is normalised by the batch's own mean and (biased) variance and the
/// running statistics move by `momentum`; on a plain device the running statistics are used. burn's own layer feeds the
/// running variance the biased estimate, PyTorch the unbiased one (`n / (n - 1)`), which is what trained weights expect.
///
/// A clone shares its running statistics with the original until one of them is loaded from a record.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale per column.
    pub gamma: Param<Tensor<1>>,
    /// Shift per column.
    pub beta: Param<Tensor<1>>,
    /// Mean that evaluation uses.
    pub running_mean: RunningState<Tensor<1>>,
    /// Variance that evaluation uses.
    pub running_var: RunningState<Tensor<1>>,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    /// PyTorch's defaults: scale 1, shift 0, momentum 0.1, epsilon 1e-5.
    pub fn new(columns: usize, device: &Device) -> Self {
        BatchNorm {
            gamma: Initializer::Ones.init([columns], device),
            beta: Initializer::Zeros.init([columns], device),
            running_mean: RunningState::new(Tensor::zeros([columns], device)),
            running_var: RunningState::new(Tensor::ones([columns], device)),
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }

    /// # Shapes
    /// - x and result: `[rows, columns]`
    ///
    /// # Panics
    /// While training, when there are fewer than two rows: a single row has no variance.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        if !x.device().is_autodiff() {
            let (mean, var) = (self.running_mean.value(), self.running_var.value());
            return module::batch_norm(x, gamma, beta, mean, var, self.epsilon);
        }
        let rows = x.dims()[0];
        assert!(rows > 1, "batch normalisation needs at least 2 rows while training, got {rows}");
        let output = module::batch_norm_train(x, gamma, beta, self.epsilon);
        let unbiased = output.variance.detach() * (rows as f64 / (rows - 1) as f64);
        self.follow(&self.running_mean, output.mean.detach());
        self.follow(&self.running_var, unbiased);
        output.output
    }

    fn follow(&self, running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let moved = running.value_sync() * (1.0 - self.momentum) + batch * self.momentum;
        running.update(moved.detach());
    }
}
