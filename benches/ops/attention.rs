//! Attention from the fused projection of its tokens to the rows before the output projection.

use burn::tensor::Tensor;
use vlp::ops::{AttentionOptions, self_attention};

use crate::common::{Case, Inputs, Objective, Sizes, size};

const SMALL: &Sizes = &[("batch", 3), ("tokens", 19), ("heads", 3), ("dim", 16)];

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "attention",
        build: |sizes, inputs| build(sizes, inputs, false),
        check: SMALL,
        sizes: &[
            // The quickstart's pictures, a training step of the benchmark `step`, ViT-B/32, ViT-B/16.
            &[("batch", 256), ("tokens", 16), ("heads", 5), ("dim", 32)],
            &[("batch", 64), ("tokens", 65), ("heads", 3), ("dim", 64)],
            &[("batch", 32), ("tokens", 50), ("heads", 12), ("dim", 64)],
            &[("batch", 8), ("tokens", 197), ("heads", 12), ("dim", 64)],
        ],
    },
    Case {
        name: "attention_causal",
        build: |sizes, inputs| build(sizes, inputs, true),
        check: SMALL,
        sizes: &[
            // The quickstart's captions, CLIP's text tower.
            &[("batch", 256), ("tokens", 24), ("heads", 4), ("dim", 32)],
            &[("batch", 32), ("tokens", 77), ("heads", 8), ("dim", 64)],
        ],
    },
];

fn build(sizes: &Sizes, inputs: &mut Inputs, causal: bool) -> Objective {
    let [batch, tokens, heads, dim] = ["batch", "tokens", "heads", "dim"].map(|name| size(sizes, name));
    let options = AttentionOptions::new(heads).with_causal(causal);
    let qkv: Tensor<3> = inputs.vectors([batch, tokens, 3 * heads * dim]);
    Box::new(move |_| self_attention(qkv.clone(), options).reshape([-1]))
}
