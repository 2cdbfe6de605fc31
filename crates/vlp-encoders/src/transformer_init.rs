use burn::nn::Initializer;
use serde::{Deserialize, Serialize};

use crate::layers::{normal, uniform, uniform_fan_in};

/// How the weights of a transformer's blocks start. Normalisation starts at scale 1 and shift 0 in all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransformerInit {
    /// timm's ViT: every linear weight N(0, 0.02) (its cut at ±2 never bites), biases zero.
    #[default]
    Timm,
    /// OpenAI's CLIP text tower: standard deviations from width and depth, attention biases zero, MLP biases as in PyTorch.
    Clip,
    /// open_clip's image tower: PyTorch's defaults (Xavier for the fused attention projection, `U(±1/√in)` elsewhere,
    /// attention biases zero).
    OpenClip,
    /// MoCo v3's ViT: Xavier with queries, keys and values counted apart, biases zero.
    Moco,
}

/// Initialisers of one block, weight and bias of each linear layer.
pub(crate) struct BlockInit {
    pub(crate) qkv: (Initializer, Initializer),
    pub(crate) out: (Initializer, Initializer),
    pub(crate) fc_1: (Initializer, Initializer),
    pub(crate) fc_2: (Initializer, Initializer),
}

impl TransformerInit {
    pub(crate) fn block(self, width: usize, hidden: usize, depth: usize) -> BlockInit {
        let zeros = Initializer::Zeros;
        match self {
            TransformerInit::Timm => {
                let layer = (normal(0.02), zeros);
                BlockInit { qkv: layer.clone(), out: layer.clone(), fc_1: layer.clone(), fc_2: layer }
            }
            TransformerInit::Clip => {
                let attention = (width as f64).powf(-0.5);
                let projection = normal(attention * (2.0 * depth as f64).powf(-0.5));
                BlockInit {
                    qkv: (normal(attention), zeros.clone()),
                    out: (projection.clone(), zeros),
                    fc_1: (normal((2.0 * width as f64).powf(-0.5)), uniform_fan_in(width)),
                    fc_2: (projection, uniform_fan_in(hidden)),
                }
            }
            TransformerInit::OpenClip => BlockInit {
                qkv: (xavier(width, 3 * width), zeros.clone()),
                out: (uniform_fan_in(width), zeros),
                fc_1: (uniform_fan_in(width), uniform_fan_in(width)),
                fc_2: (uniform_fan_in(hidden), uniform_fan_in(hidden)),
            },
            TransformerInit::Moco => BlockInit {
                qkv: (xavier(width, width), zeros.clone()),
                out: (xavier(width, width), zeros.clone()),
                fc_1: (xavier(width, hidden), zeros.clone()),
                fc_2: (xavier(hidden, width), zeros),
            },
        }
    }
}

/// `U(±√(6 / (in + out)))`.
fn xavier(input: usize, output: usize) -> Initializer {
    uniform((6.0 / (input + output) as f64).sqrt())
}
