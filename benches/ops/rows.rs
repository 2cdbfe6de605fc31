//! Layer normalisation, unit rows and cross-entropy.

use burn::tensor::{Int, Tensor};
use vlp::ops::{l2_normalize, layer_norm, softmax_cross_entropy};

use crate::common::{Case, Inputs, Objective, Sizes, size};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "layer_norm",
        build: build_layer_norm,
        check: &[("batch", 7), ("width", 70)],
        // The ViT of the benchmark `step`, ViT-B/32 and ViT-B/16 with 32 and 16 pictures.
        sizes: &[
            &[("batch", 4096), ("width", 192)],
            &[("batch", 1600), ("width", 768)],
            &[("batch", 3152), ("width", 768)],
        ],
    },
    Case {
        name: "l2_normalize",
        build: build_l2_normalize,
        check: &[("batch", 7), ("dim", 70)],
        sizes: &[&[("batch", 256), ("dim", 256)], &[("batch", 1024), ("dim", 512)], &[("batch", 4096), ("dim", 512)]],
    },
    Case {
        name: "cross_entropy",
        build: |sizes, inputs| build_cross_entropy(sizes, inputs, 0.0),
        check: &[("batch", 7), ("classes", 70)],
        sizes: &[&[("batch", 1024), ("classes", 1024)], &[("batch", 616), ("classes", 49408)]],
    },
    Case {
        name: "cross_entropy_smoothed",
        build: |sizes, inputs| build_cross_entropy(sizes, inputs, 0.1),
        check: &[("batch", 7), ("classes", 70)],
        sizes: &[&[("batch", 1024), ("classes", 1024)]],
    },
];

fn build_layer_norm(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [batch, width] = ["batch", "width"].map(|name| size(sizes, name));
    let x: Tensor<2> = inputs.vectors([batch, width]);
    let (gamma, beta) = (inputs.vectors([width]), inputs.vectors([width]));
    Box::new(move |_| layer_norm(x.clone(), gamma.clone(), Some(beta.clone()), 1e-5).reshape([-1]))
}

fn build_l2_normalize(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let x = inputs.vectors([size(sizes, "batch"), size(sizes, "dim")]);
    Box::new(move |_| l2_normalize(x.clone()).reshape([-1]))
}

fn build_cross_entropy(sizes: &Sizes, inputs: &mut Inputs, smoothing: f64) -> Objective {
    let [batch, classes] = ["batch", "classes"].map(|name| size(sizes, name));
    let x: Tensor<2> = inputs.vectors([batch, classes]);
    let targets = Tensor::<1, Int>::arange(0..batch as i64, inputs.device()).remainder_scalar(classes as i64);
    Box::new(move |_| softmax_cross_entropy(x.clone(), targets.clone(), smoothing))
}
