use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use vlp_core::{Features, Method, StepContext};

use crate::{Buffers, StepNumbers, TrainError, clip_global_norm, gate};

/// What a step computed.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) numbers: StepNumbers,
    pub(crate) samples: usize,
    /// Whether the gate let the update pass.
    pub(crate) updated: bool,
}

/// One training step: forward, backward, clip, gate, update. The hand-written loop of the crate's front page is the same
/// calls in the same order.
///
/// The method always comes back: updated, or exactly as it went in.
pub(crate) fn take_step<M: Method>(
    method: M,
    optimizer: &mut ModuleOptimizer,
    batch: M::Batch,
    ctx: &StepContext<'_>,
    (rates, max_norm): (ModuleLearningRate, Option<f64>),
    device: &Device,
) -> (M, Result<Taken, TrainError>) {
    let buffers = Buffers::of(&method);
    ctx.seed_device(device);
    let tensors = method.encode(batch, ctx).into_tensors();
    let samples = tensors.first().map_or(0, |rows| rows.dims()[0]);
    let output = method.objective(M::Features::from_tensors(tensors), ctx);
    let mut grads = GradientsParams::from_grads(output.loss.backward(), &method);

    let numbers = match clip_global_norm(&method, &mut grads, max_norm.unwrap_or(f64::INFINITY)) {
        Some(norm) => StepNumbers::read(&output, norm),
        None => Err(TrainError::NothingToTrain),
    };
    match numbers {
        Ok(numbers) if gate(ctx.step, &numbers).is_ok() => {
            let method = optimizer.step(rates, method, grads).after_update(ctx);
            (method, Ok(Taken { numbers, samples, updated: true }))
        }
        rejected => {
            let taken = rejected.map(|numbers| Taken { numbers, samples, updated: false });
            (buffers.restore(method), taken)
        }
    }
}
