use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

/// Layer normalisation over the last axis with the parameters of `burn::nn::LayerNorm`, computed by [`vlp_ops::layer_norm`]: one pass
/// each way instead of a chain of operations.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Scale, `[width]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[width]`.
    pub beta: Option<Param<Tensor<1>>>,
    epsilon: f64,
}

impl LayerNorm {
    /// Scale one and shift zero; `epsilon` is added to the variance.
    pub fn new(width: usize, epsilon: f64, device: &Device) -> Self {
        LayerNorm {
            gamma: Initializer::Ones.init([width], device),
            beta: Some(Initializer::Zeros.init([width], device)),
            epsilon,
        }
    }

    /// Normalises the last dimension.
    ///
    /// # Shapes
    /// - x and result: `[..., width]`
    ///
    /// # Panics
    /// When the last axis has another length.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        vlp_ops::layer_norm(x, self.gamma.val(), self.beta.as_ref().map(Param::val), self.epsilon)
    }
}
