use std::sync::{Mutex, PoisonError};

use burn::optim::GradientsParams;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::tensor::{Device, Tensor};
use vlp_core::{Features, Method, StepContext, StepOutput};

use crate::finite::{Which, first_fault, health};
use crate::{Buffers, Optimizer, StepNumbers, TrainError, clip_global_norm, gate};

/// Held while a step draws: a device's generator is one for the whole process, and two runs may share it if each seeds it
/// and draws before the other does.
static DRAWS: Mutex<()> = Mutex::new(());

/// What a step computed.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) numbers: StepNumbers,
    pub(crate) samples: usize,
    /// Why the gate did not let the update pass, if it did not.
    pub(crate) rejected: Option<Rejected>,
}

/// What is wrong with a step that leaves no trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rejected {
    /// Something in the batch that no input can be.
    Input { largest: f32, at_most: f32 },
    /// Loss or gradients.
    Numbers,
    /// A buffer that the forward pass has made infinite or NaN.
    Buffer(String),
}

/// What a step is taken with besides method and batch.
pub(crate) struct StepSettings<'a> {
    pub(crate) rates: ModuleLearningRate,
    pub(crate) max_norm: Option<f64>,
    pub(crate) max_input: f32,
    /// Whether the method is looked through after the update, which costs a pass over it.
    pub(crate) check_update: bool,
    pub(crate) device: &'a Device,
}

/// One training step of a method on a batch.
pub(crate) fn take_step<M: Method>(
    method: M,
    optimizer: &mut Optimizer,
    batch: M::Batch,
    ctx: &StepContext<'_>,
    settings: StepSettings<'_>,
) -> (M, Result<Taken, TrainError>) {
    let input = M::largest_input(&batch);
    take_step_with(method, optimizer, input, ctx, settings, |method| {
        let tensors = method.encode(batch, ctx).into_tensors();
        let samples = tensors.first().map_or(0, |rows| rows.dims()[0]);
        (method.objective(M::Features::from_tensors(tensors), ctx), samples)
    })
}

/// One training step: forward, backward, clip, gate, update. The open loop of the crate's front page is the same calls in
/// the same order. `input` is the largest number of the batch, where that is known.
///
/// The method always comes back: updated, or exactly as it went in.
pub(crate) fn take_step_with<M: Method>(
    method: M,
    optimizer: &mut Optimizer,
    input: Option<Tensor<1>>,
    ctx: &StepContext<'_>,
    settings: StepSettings<'_>,
    forward: impl FnOnce(&M) -> (StepOutput, usize),
) -> (M, Result<Taken, TrainError>) {
    let buffers = Buffers::of(&method);
    let (output, samples) = drawing(ctx, settings.device, || forward(&method));
    let mut grads = GradientsParams::from_grads(output.loss.backward(), &method);
    let max_norm = settings.max_norm.unwrap_or(f64::INFINITY);
    let verdict = match clip_global_norm(&method, &mut grads, max_norm) {
        Some(norm) => judge(&method, &output, norm, input, (ctx.step, &settings)),
        None => Err(TrainError::NothingToTrain),
    };
    let (numbers, rejected) = match verdict {
        Ok(verdict) => verdict,
        Err(error) => return (buffers.restore(method), Err(error)),
    };
    if rejected.is_some() {
        return (buffers.restore(method), Ok(Taken { numbers, samples, rejected }));
    }
    let before = settings.check_update.then(|| method.clone());
    let method = optimizer.step(ctx.step, settings.rates, method, grads).after_update(ctx);
    if let Some(before) = before {
        let fault = first_fault(&method, Which::All).and_then(|fault| match fault {
            Some(name) => Err(TrainError::Update { step: ctx.step, name }),
            None => Ok(()),
        });
        if let Err(error) = fault {
            return (buffers.restore(before), Err(error));
        }
    }
    (method, Ok(Taken { numbers, samples, rejected: None }))
}

/// A forward pass whose draws are a function of seed and step.
fn drawing<T>(ctx: &StepContext<'_>, device: &Device, forward: impl FnOnce() -> T) -> T {
    // Ranks that are threads of one process wait for one another inside, and must not wait for the lock as well.
    let alone = ctx.collective.world() == 1;
    let _draws = alone.then(|| DRAWS.lock().unwrap_or_else(PoisonError::into_inner));
    ctx.seed_device(device);
    forward()
}

/// The numbers of a step, all in one transfer, and what is wrong with it.
fn judge<M: Method>(
    method: &M,
    output: &StepOutput,
    norm: Tensor<1>,
    input: Option<Tensor<1>>,
    (step, settings): (u64, &StepSettings<'_>),
) -> Result<(StepNumbers, Option<Rejected>), TrainError> {
    let (inputs, buffers) = (usize::from(input.is_some()), health(method, Which::Buffers));
    let more: Vec<Tensor<1>> = input.into_iter().chain(buffers).collect();
    let (numbers, more) = StepNumbers::read_with(output, norm, more)?;
    let (input, buffers) = more.split_at(inputs);
    let at_most = settings.max_input;
    if let Some(&largest) = input.first().filter(|&&largest| largest > at_most) {
        return Ok((numbers, Some(Rejected::Input { largest, at_most })));
    }
    // Optimizers keep squares of what is left after clipping.
    let clipped = numbers.grad_norm.min(settings.max_norm.unwrap_or(f64::INFINITY) as f32);
    if gate(step, &numbers).is_err() || !(clipped * clipped).is_finite() {
        return Ok((numbers, Some(Rejected::Numbers)));
    }
    if buffers.iter().all(|health| health.is_finite()) {
        return Ok((numbers, None));
    }
    let name = first_fault(method, Which::Buffers)?.unwrap_or_default();
    Ok((numbers, Some(Rejected::Buffer(name))))
}
