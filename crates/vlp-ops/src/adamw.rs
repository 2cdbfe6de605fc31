//! One step of AdamW for one parameter in one pass.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// The numbers of a step; the betas' powers are those of the step that is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWNumbers {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the mean of gradients.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    pub beta_2: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Decoupled weight decay; a step takes `rate * weight_decay` of the parameter.
    pub weight_decay: f32,
    /// Number of the step, from 1.
    pub time: usize,
}

impl AdamWNumbers {
    /// `1 - beta_1^time`, `1 - beta_2^time`.
    pub(crate) fn corrections(&self) -> [f32; 2] {
        [self.beta_1, self.beta_2].map(|beta| 1.0 - beta.powi(self.time as i32))
    }

    /// What is left of the parameter after decay.
    pub(crate) fn left(&self) -> f64 {
        1.0 - self.rate * f64::from(self.weight_decay)
    }
}

/// AdamW without automatic differentiation.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait UpdateOps: Backend {
    /// Parameter and both means after the step.
    #[fusion(default)]
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        numbers: AdamWNumbers,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::<Self>([parameter, gradient, mean, square], numbers)
    }
}

#[cfg(feature = "cubecl")]
impl UpdateOps for burn_cubecl::CubeBackend {}

/// In the order of burn's AdamW, so that both give the same bits.
pub(crate) fn composed<B: Backend>(
    [parameter, gradient, mean, square]: [FloatTensor<B>; 4],
    numbers: AdamWNumbers,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let moving = |old, new, beta: f32| {
        let new = B::float_mul_scalar(new, (1.0 - beta).into());
        B::float_add(B::float_mul_scalar(old, beta.into()), new)
    };
    let mean = moving(mean, gradient.clone(), numbers.beta_1);
    let square = moving(square, B::float_mul(gradient.clone(), gradient), numbers.beta_2);
    let [of_mean, of_square] = numbers.corrections();
    let root = B::float_sqrt(B::float_div_scalar(square.clone(), of_square.into()));
    let direction = B::float_div(
        B::float_div_scalar(mean.clone(), of_mean.into()),
        B::float_add_scalar(root, numbers.epsilon.into()),
    );
    let decayed = if numbers.left() == 1.0 { parameter } else { B::float_mul_scalar(parameter, numbers.left().into()) };
    (B::float_sub(decayed, B::float_mul_scalar(direction, numbers.rate.into())), mean, square)
}

/// One step of AdamW (Loshchilov and Hutter 2019) for one parameter, in one pass over it.
///
/// ```text
/// m ← β₁ m + (1 - β₁) g      v ← β₂ v + (1 - β₂) g²
/// p ← (1 - η λ) p - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)
/// ```
///
/// On the CPU backend in f32 all three are written where they are, unless somebody else holds them, with the bits of burn's AdamW;
/// elsewhere these are the backend's own operations. Returns parameter, mean and square.
///
/// # Shapes
/// - parameter, gradient, mean, square: the same; none on a device that tracks gradients
///
/// # Panics
/// When their shapes differ.
pub fn adamw_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    [mean, square]: [Tensor<D>; 2],
    numbers: AdamWNumbers,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let shape = parameter.dims();
    for (name, other) in [("gradient", &gradient), ("mean", &mean), ("square", &square)] {
        assert_eq!(other.dims(), shape, "the {name} of a parameter has its shape");
    }
    let (parameter, mean, square) = <Dispatch as UpdateOps>::adamw(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        mean.into_dispatch(),
        square.into_dispatch(),
        numbers,
    );
    (Tensor::from_dispatch(parameter), [mean, square].map(Tensor::from_dispatch))
}
