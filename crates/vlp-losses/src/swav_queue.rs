use burn::module::{Module, RunningState};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::soft_cross_entropy::widened;

/// Size of a [`SwavQueue`], and when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwavQueueConfig {
    /// Global views, each with a queue of its own: 2.
    pub views: usize,
    /// Features kept of each view, over all ranks: 3840 in SwAV's runs with small batches.
    pub length: usize,
    /// Width of the features: 128.
    pub dim: usize,
    /// Step from which features are stored; SwAV starts after 15 epochs.
    pub start_step: u64,
}

impl Default for SwavQueueConfig {
    fn default() -> Self {
        SwavQueueConfig { views: 2, length: 3840, dim: 128, start_step: 0 }
    }
}

/// SwAV's queue: the newest features of each global view, which help to balance the codes of batches far smaller than the
/// number of prototypes.
///
/// Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster assignments". As in the released
/// code, features are stored from a starting step on, and used once the queue is full. What is stored are features after
/// the projection, not scores: they are scored with the prototypes of the day.
///
/// The released code has a queue of `length / world` of the own features on each rank. Here every rank stores those of all
/// ranks and uses its share: the codes are the same, every rank's module holds the same numbers, and a record of one rank
/// is the record of all.
///
/// The features are buffers of the module like the statistics of a batch normalisation: saved and restored with it, not
/// trained, put back when a trainer rejects a step. As there, a clone shares them with the original; build another queue
/// and load a record for an independent copy.
#[derive(Module, Debug)]
pub struct SwavQueue {
    /// Newest first, zeros where there is none yet, `[views, length, dim]`.
    features: RunningState<Tensor<3>>,
    /// How many rows of each view are there, `[1]`.
    stored: RunningState<Tensor<1>>,
    start_step: u64,
}

impl SwavQueueConfig {
    /// Builds an empty queue.
    ///
    /// # Errors
    /// When it has no view, length or width.
    pub fn init(&self, device: &Device) -> Result<SwavQueue, LossError> {
        let SwavQueueConfig { views, length, dim, start_step } = *self;
        if views == 0 || length == 0 || dim == 0 {
            return Err(LossError::QueueSize { views, length, dim });
        }
        Ok(SwavQueue {
            features: RunningState::new(Tensor::zeros([views, length, dim], device)),
            stored: RunningState::new(Tensor::zeros([1], device)),
            start_step,
        })
    }
}

impl SwavQueue {
    /// This rank's share of each view's features, to be scored with the prototypes; nothing until the queue is full.
    ///
    /// From the starting step on, this waits for the device, which holds the number of rows.
    ///
    /// # Shapes
    /// - result: one `[length / world, dim]` for each global view, without gradient
    pub fn features(&self, ctx: &StepContext<'_>) -> Vec<Tensor<2>> {
        let features = self.features.value_sync();
        let [views, length, dim] = features.dims();
        // Exact in f32: a queue has far fewer than 2²⁴ rows.
        let is_full = || self.stored.value_sync().into_scalar::<f32>() >= length as f32;
        if ctx.step < self.start_step || !is_full() {
            return Vec::new();
        }
        let (share, rank) = (length / ctx.collective.world(), ctx.collective.rank());
        let own = rank * share..(rank + 1) * share;
        (0..views)
            .map(|view| features.clone().slice([view..view + 1, own.clone(), 0..dim]).reshape([share, dim]))
            .collect()
    }

    /// Stores a batch's features in front, once the starting step is reached; the oldest fall out.
    ///
    /// # Shapes
    /// - features: one `[batch, dim]` for each global view, after the projection
    ///
    /// # Panics
    /// When the number of views, or a width, is not the queue's.
    pub fn push(&self, features: &[Tensor<2>], ctx: &StepContext<'_>) {
        if ctx.step < self.start_step {
            return;
        }
        let queue = self.features.value_sync();
        let [views, length, dim] = queue.dims();
        assert_eq!(features.len(), views, "this queue keeps {views} global views");
        let newest = features.iter().map(|view| {
            let width = view.dims()[1];
            assert_eq!(width, dim, "a queue of width {dim} cannot keep features of width {width}");
            ctx.collective.all_gather(widened(view.clone().detach())).unsqueeze_dim::<3>(0)
        });
        let newest = Tensor::cat(newest.collect(), 0);
        let rows = newest.dims()[1];
        let kept = Tensor::cat(vec![newest, queue], 1).slice([0..views, 0..length, 0..dim]);
        let stored = (self.stored.value_sync() + rows as f64).clamp_max(length as f64);
        replace(&self.features, kept);
        replace(&self.stored, stored);
    }
}

/// A running state keeps the newest update aside until it is read: read it, so that records see it.
fn replace<const D: usize>(state: &RunningState<Tensor<D>>, value: Tensor<D>) {
    state.update(value);
    let _ = state.value_sync();
}
