use burn::module::Module;
use burn::tensor::Tensor;
use vlp_core::{PairLoss, StepContext};

use crate::LossError;

/// A loss times a constant.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use vlp_core::{PairLoss, StepContext};
/// use vlp_losses::{NtXentConfig, VicRegConfig, Sum, Weighted};
///
/// let half = Weighted::new(0.5, NtXentConfig::default().init()?)?;
/// let joined = Sum { first: half, second: VicRegConfig::default().init()? };
/// let [a, b] = [Tensor::eye(4, &Device::flex()), Tensor::eye(4, &Device::flex())];
/// let loss = joined.forward(a, b, &StepContext::new(0, 0, 1));
/// assert_eq!(loss.dims(), [1]);
/// # Ok::<(), vlp_losses::LossError>(())
/// ```
#[derive(Module, Debug)]
pub struct Weighted<L: PairLoss> {
    /// What is weighted.
    pub loss: L,
    weight: f64,
}

impl<L: PairLoss> Weighted<L> {
    /// `weight` times `loss`.
    ///
    /// # Errors
    /// When the weight is negative or no finite number.
    pub fn new(weight: f64, loss: L) -> Result<Self, LossError> {
        LossError::check_coefficient("weight", weight, 1.0)?;
        Ok(Weighted { loss, weight })
    }

    /// The constant.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

impl<L: PairLoss> PairLoss for Weighted<L> {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.loss.forward(a, b, ctx) * self.weight
    }

    fn after_update(self) -> Self {
        Weighted { loss: self.loss.after_update(), ..self }
    }
}

/// Two losses of the same pair, added; nest it for more.
///
/// ```
/// use vlp_losses::{ClipLossConfig, CyClipLossConfig, NegativeCosineConfig, Sum};
/// # let device = burn::tensor::Device::flex();
///
/// let (clip, cosine) = (ClipLossConfig::default().init(&device)?, NegativeCosineConfig::default().init()?);
/// let three = Sum { first: Sum { first: clip, second: cosine }, second: CyClipLossConfig::default().init(&device)? };
/// # Ok::<(), vlp_losses::LossError>(())
/// ```
#[derive(Module, Debug)]
pub struct Sum<A: PairLoss, B: PairLoss> {
    /// One summand.
    pub first: A,
    /// The other.
    pub second: B,
}

impl<A: PairLoss, B: PairLoss> PairLoss for Sum<A, B> {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.first.forward(a.clone(), b.clone(), ctx) + self.second.forward(a, b, ctx)
    }

    fn after_update(self) -> Self {
        Sum { first: self.first.after_update(), second: self.second.after_update() }
    }
}

/// The mean of a loss over all pairs of views.
///
/// ```text
/// L = 1/(M N) Σ_ij L(a_i, b_j)        i: M views of one side, j: N views of the other
/// ```
///
/// With N strong images and N strong texts this is CLIP-rocket's strong part; with several captions per image, CLIP on
/// each of them.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use vlp_core::StepContext;
/// use vlp_losses::{AllPairs, ClipLossConfig};
///
/// let device = Device::flex();
/// let clip = AllPairs { loss: ClipLossConfig::default().init(&device)? };
/// let view = || Tensor::random([4, 8], Distribution::Normal(0.0, 1.0), &device);
/// let loss = clip.forward(&[view(), view()], &[view()], &StepContext::new(0, 0, 1));
/// assert_eq!(loss.dims(), [1]);
/// # Ok::<(), vlp_losses::LossError>(())
/// ```
#[derive(Module, Debug)]
pub struct AllPairs<L: PairLoss> {
    /// What every pair of views is scored by.
    pub loss: L,
}

impl<L: PairLoss> AllPairs<L> {
    /// The mean loss over all pairs of a view of one side and one of the other.
    ///
    /// # Shapes
    /// - a, b: views of both sides, each `[batch, dim]`, not normalised
    /// - result: `[1]`
    ///
    /// # Panics
    /// When a side has no view, or the loss panics.
    pub fn forward(&self, a: &[Tensor<2>], b: &[Tensor<2>], ctx: &StepContext<'_>) -> Tensor<1> {
        let (first, second) = (a.len(), b.len());
        let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a.clone(), b.clone())));
        let sum = pairs.map(|(a, b)| self.loss.forward(a, b, ctx)).reduce(|sum, loss| sum + loss);
        let sum = sum.unwrap_or_else(|| panic!("a mean over pairs of {first} and {second} views needs one of each"));
        sum / (first * second) as f64
    }

    /// After the optimizer: put the loss's learnable parts back into their bounds.
    pub fn after_update(self) -> Self {
        AllPairs { loss: self.loss.after_update() }
    }
}
