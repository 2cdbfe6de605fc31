use std::fmt;

use burn::tensor::{DType, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

/// What the layers of an encoder compute in. Parameters, their gradients and the optimizer's state are f32 in either case, and
/// so is what an encoder returns: heads, losses and methods see no difference.
///
/// An encoder [`narrow`](Self::narrow)s once, at its entrance; from there the type travels with the activations, every layer casts
/// its parameters to the type of its input, and [`widened`](Self::widened) gives f32 back before sums over tokens or positions and
/// at the exit. The casts are part of the graph, so gradients arrive in f32 at the parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision throughout.
    #[default]
    F32,
    /// bfloat16: the range of f32 with 8 significant bits, so that losses need no scaling.
    Bf16,
}

impl Precision {
    /// Activations in the type that layers shall compute in; f32 leaves them as they are.
    pub fn narrow<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Precision::F32 => x,
            Precision::Bf16 => x.cast(FloatDType::BF16),
        }
    }

    /// Half-precision numbers as f32, wider ones as they are.
    pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
        match x.dtype() {
            DType::F16 | DType::BF16 => x.cast(FloatDType::F32),
            _ => x,
        }
    }
}

/// As in a recipe.
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        })
    }
}
