//! Which losses score one pair of batches, by the name that combinators know them by.

use burn::tensor::Tensor;
use vlp_core::{PairLoss, StepContext};

use crate::{BarlowTwins, ClipLoss, CyClipLoss, Dcl, InfoLoob, NegativeCosine, NtXent, Sigmoid, VicReg};

impl PairLoss for ClipLoss {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx).loss()
    }

    fn after_update(self) -> Self {
        self.clamped()
    }
}

impl PairLoss for CyClipLoss {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx).loss
    }

    fn after_update(self) -> Self {
        self.clamped()
    }
}

/// The paper's loss has no clamp, so nothing happens after an update; clamp [`Sigmoid::scale`] yourself for open_clip's.
impl PairLoss for Sigmoid {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx)
    }
}

impl PairLoss for NtXent {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx)
    }
}

impl PairLoss for Dcl {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx)
    }
}

impl PairLoss for InfoLoob {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx)
    }
}

/// `a` predicts, `b` is the target.
impl PairLoss for NegativeCosine {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, _ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b)
    }
}

impl PairLoss for BarlowTwins {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx)
    }
}

impl PairLoss for VicReg {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        self.forward(a, b, ctx).loss
    }
}
