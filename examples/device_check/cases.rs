//! What is compared and timed: the cases of the benchmarks, and what those reach only through losses.

use burn::tensor::Tensor;
use vlp::ops::{AttentionOptions, Similarities, attention, log_sum_exp, row_softmax, softplus_sum};

use crate::common::{Case, Inputs, Objective, Sizes, size};

pub(crate) fn operations() -> impl Iterator<Item = &'static Case> {
    [crate::attention::CASES, crate::layers::CASES, crate::rows::CASES, MORE].into_iter().flatten()
}

pub(crate) fn losses() -> impl Iterator<Item = &'static Case> {
    crate::losses::LOSSES.iter()
}

/// The scale of similarities is a random number times this, in the vectors' type.
const TEMPERED: f32 = 16.0;
const SIMILARITIES: &Sizes = &[("batch", 7), ("keys", 13), ("dim", 16)];
const MORE: &[Case] = &[
    Case {
        name: "cross_attention",
        build: cross_attention,
        check: &[("batch", 3), ("queries", 5), ("keys", 19), ("heads", 3), ("dim", 16)],
        // Attention pooling over the pictures of ViT-B/16.
        sizes: &[&[("batch", 32), ("queries", 1), ("keys", 196), ("heads", 12), ("dim", 64)]],
    },
    Case {
        name: "log_sum_exp",
        build: of_similarities,
        check: SIMILARITIES,
        sizes: &[&[("batch", 256), ("keys", 4096), ("dim", 512)]],
    },
    Case {
        name: "softplus_sum",
        build: of_softplus,
        check: SIMILARITIES,
        sizes: &[&[("batch", 256), ("keys", 4096), ("dim", 512)]],
    },
    Case {
        name: "row_softmax",
        build: of_rows,
        check: &[("batch", 7), ("width", 70)],
        sizes: &[&[("batch", 1024), ("width", 3072)]],
    },
];

fn cross_attention(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [batch, queries, keys, heads, dim] = ["batch", "queries", "keys", "heads", "dim"].map(|name| size(sizes, name));
    let q: Tensor<3> = inputs.vectors([batch, queries, heads * dim]);
    let [k, v]: [Tensor<3>; 2] =
        [inputs.vectors([batch, keys, heads * dim]), inputs.vectors([batch, keys, heads * dim])];
    let options = AttentionOptions::new(heads);
    Box::new(move |_| attention(q.clone(), k.clone(), v.clone(), options).reshape([-1]))
}

fn vectors(sizes: &Sizes, inputs: &mut Inputs) -> [Tensor<2>; 2] {
    let dim = size(sizes, "dim");
    [inputs.vectors([size(sizes, "batch"), dim]), inputs.vectors([size(sizes, "keys"), dim])]
}

fn of_similarities(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [a, b] = vectors(sizes, inputs);
    let scale: Tensor<1> = inputs.vectors([1]);
    Box::new(move |_| {
        let sums = log_sum_exp(
            a.clone(),
            b.clone(),
            scale.clone() * TEMPERED,
            Similarities::RowsAndColumns { without: Vec::new() },
        );
        let columns = sums.columns.expect("asked for");
        Tensor::cat(vec![sums.rows, columns], 0)
    })
}

fn of_softplus(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let [a, b] = vectors(sizes, inputs);
    let scale: Tensor<1> = inputs.vectors([1]);
    let bias = Tensor::<1>::full([1], -10.0, inputs.device()).cast(a.dtype());
    Box::new(move |_| softplus_sum(a.clone(), b.clone(), scale.clone() * TEMPERED, bias.clone(), Some(0)))
}

fn of_rows(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let x: Tensor<2> = inputs.vectors([size(sizes, "batch"), size(sizes, "width")]);
    Box::new(move |_| row_softmax(x.clone()).shares.reshape([-1]))
}
