//! Gates, linear layers and tables of vectors.

use burn::tensor::Tensor;
use vlp::ops::{embedding, gelu, gelu_tanh, linear, quick_gelu};

use crate::common::{Case, Inputs, Objective, Sizes, size};

const SMALL: &Sizes = &[("batch", 7), ("width", 70)];
/// Hidden units of the ViT of the benchmark `step`, of ViT-B/32 with 32 pictures.
const HIDDEN: &[&Sizes] = &[&[("batch", 4096), ("width", 768)], &[("batch", 1600), ("width", 3072)]];

pub(crate) const CASES: &[Case] = &[
    Case { name: "gelu", build: |sizes, inputs| gate(sizes, inputs, gelu), check: SMALL, sizes: HIDDEN },
    Case { name: "gelu_tanh", build: |sizes, inputs| gate(sizes, inputs, gelu_tanh), check: SMALL, sizes: HIDDEN },
    Case { name: "quick_gelu", build: |sizes, inputs| gate(sizes, inputs, quick_gelu), check: SMALL, sizes: HIDDEN },
    Case {
        name: "linear",
        build: build_linear,
        check: &[("batch", 7), ("inputs", 5), ("outputs", 6)],
        sizes: &[
            &[("batch", 4096), ("inputs", 192), ("outputs", 768)],
            &[("batch", 4096), ("inputs", 768), ("outputs", 192)],
            &[("batch", 1600), ("inputs", 768), ("outputs", 3072)],
        ],
    },
    Case {
        name: "embedding",
        build: build_embedding,
        check: &[("batch", 4), ("length", 6), ("vocabulary", 11), ("width", 8)],
        sizes: &[
            // The quickstart's captions, CLIP's.
            &[("batch", 256), ("length", 24), ("vocabulary", 3200), ("width", 128)],
            &[("batch", 64), ("length", 77), ("vocabulary", 49408), ("width", 512)],
        ],
    },
];

fn gate(sizes: &Sizes, inputs: &mut Inputs, function: fn(Tensor<2>) -> Tensor<2>) -> Objective {
    let x = inputs.vectors([size(sizes, "batch"), size(sizes, "width")]);
    Box::new(move |_| function(x.clone()).reshape([-1]))
}

fn build_linear(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [batch, from, to] = ["batch", "inputs", "outputs"].map(|name| size(sizes, name));
    let x: Tensor<2> = inputs.vectors([batch, from]);
    let (weight, bias) = (inputs.vectors([from, to]), inputs.vectors([to]));
    Box::new(move |_| linear(x.clone(), weight.clone(), Some(bias.clone())).reshape([-1]))
}

fn build_embedding(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [batch, length, vocabulary, width] = ["batch", "length", "vocabulary", "width"].map(|name| size(sizes, name));
    let table = inputs.vectors([vocabulary, width]);
    let ids = inputs.tokens([batch, length], vocabulary);
    Box::new(move |_| embedding(table.clone(), ids.clone()).reshape([-1]))
}
