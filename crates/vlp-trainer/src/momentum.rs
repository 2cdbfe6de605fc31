use burn::optim::{RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

use crate::TrainError;

/// Momentum as PyTorch's SGD has it, on what [`sgd`](crate::sgd) and [`lars`](crate::lars) would subtract without it.
///
/// ```text
/// v ← d at the first step, then μ v + (1 - δ) d      direction: v, or d + μ v (Nesterov)
/// ```
#[derive(Debug, Clone, Copy)]
pub(crate) struct Momentum {
    /// μ.
    pub(crate) momentum: f64,
    /// δ.
    pub(crate) dampening: f64,
    pub(crate) nesterov: bool,
}

impl Momentum {
    /// The direction and the next velocity; none without momentum.
    pub(crate) fn direction<const D: usize, const ADAPTED: bool>(
        self,
        change: Tensor<D>,
        velocity: Option<Velocity<D, ADAPTED>>,
    ) -> (Tensor<D>, Option<Velocity<D, ADAPTED>>) {
        let Momentum { momentum, dampening, nesterov } = self;
        if momentum == 0.0 {
            return (change, None);
        }
        let velocity = match velocity {
            None => change.clone(),
            Some(Velocity(velocity)) if dampening == 0.0 => velocity * momentum + change.clone(),
            Some(Velocity(velocity)) => velocity * momentum + change.clone() * (1.0 - dampening),
        };
        let direction = if nesterov { velocity.clone() * momentum + change } else { velocity.clone() };
        (direction, Some(Velocity(velocity)))
    }

    /// What PyTorch refuses is refused.
    pub(crate) fn check(self) -> Result<(), TrainError> {
        let Momentum { momentum, dampening, nesterov } = self;
        TrainError::check_option("momentum", momentum, (0.0..1.0).contains(&(momentum as f32)), "in [0, 1)")?;
        TrainError::check_option("dampening", dampening, (0.0..=1.0).contains(&dampening), "in [0, 1]")?;
        let plain = "above 0 for Nesterov's variant";
        TrainError::check_option("momentum", momentum, !nesterov || momentum > 0.0, plain)?;
        TrainError::check_option("dampening", dampening, !nesterov || dampening == 0.0, "0 for Nesterov's variant")
    }
}

/// v of one parameter. Records tell LARS's, whose changes are `ADAPTED`, from SGD's, and both from what burn's optimizers keep.
#[derive(Clone)]
pub(crate) struct Velocity<const D: usize, const ADAPTED: bool>(Tensor<D>);

impl<const D: usize, const ADAPTED: bool> Velocity<D, ADAPTED> {
    const NAME: &str = if ADAPTED { "adapted_velocity" } else { "velocity" };

    pub(crate) fn moved_to(self, device: &Device) -> Self {
        Velocity(self.0.to_device(device))
    }
}

// burn's derive is for its own crate: it names what it needs by paths within it.
impl<const D: usize, const ADAPTED: bool> RecordState for Velocity<D, ADAPTED> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, Self::NAME, self.0.clone().into_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        Some(Velocity(Tensor::from_data(source.take_tensor(prefix, Self::NAME)?, device)))
    }
}
