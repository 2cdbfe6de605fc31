use burn::optim::GradientsParams;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::tensor::Device;
use vlp_core::{Features, Method, StepContext, StepOutput};

use crate::{Buffers, Optimizer, StepNumbers, TrainError, clip_global_norm, gate};

/// What a step computed.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) numbers: StepNumbers,
    pub(crate) samples: usize,
    /// Whether the gate let the update pass.
    pub(crate) updated: bool,
}

/// One training step of a method on a batch.
pub(crate) fn take_step<M: Method>(
    method: M,
    optimizer: &mut Optimizer,
    batch: M::Batch,
    ctx: &StepContext<'_>,
    rates: (ModuleLearningRate, Option<f64>),
    device: &Device,
) -> (M, Result<Taken, TrainError>) {
    take_step_with(method, optimizer, ctx, rates, device, |method| {
        let tensors = method.encode(batch, ctx).into_tensors();
        let samples = tensors.first().map_or(0, |rows| rows.dims()[0]);
        (method.objective(M::Features::from_tensors(tensors), ctx), samples)
    })
}

/// One training step: forward, backward, clip, gate, update. The open loop of the crate's front page is the same calls in
/// the same order.
///
/// The method always comes back: updated, or exactly as it went in.
pub(crate) fn take_step_with<M: Method>(
    method: M,
    optimizer: &mut Optimizer,
    ctx: &StepContext<'_>,
    (rates, max_norm): (ModuleLearningRate, Option<f64>),
    device: &Device,
    forward: impl FnOnce(&M) -> (StepOutput, usize),
) -> (M, Result<Taken, TrainError>) {
    let buffers = Buffers::of(&method);
    ctx.seed_device(device);
    let (output, samples) = forward(&method);
    let mut grads = GradientsParams::from_grads(output.loss.backward(), &method);

    let numbers = match clip_global_norm(&method, &mut grads, max_norm.unwrap_or(f64::INFINITY)) {
        Some(norm) => StepNumbers::read(&output, norm),
        None => Err(TrainError::NothingToTrain),
    };
    match numbers {
        Ok(numbers) if gate(ctx.step, &numbers).is_ok() => {
            let method = optimizer.step(ctx.step, rates, method, grads).after_update(ctx);
            (method, Ok(Taken { numbers, samples, updated: true }))
        }
        rejected => {
            let taken = rejected.map(|numbers| Taken { numbers, samples, updated: false });
            (buffers.restore(method), taken)
        }
    }
}
