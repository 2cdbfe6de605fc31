//! Ranks simulated by threads of one process, in one graph of automatic differentiation.
//!
//! One rank computes at a time, the others wait: burn's automatic differentiation loses a node when one thread records
//! it while another joins the graph it belongs to ("graph tape has already been consumed").

use std::sync::{Barrier, Condvar, Mutex};

use burn::tensor::{Device, Tensor};
use serde_json::Value;
use vlp_core::{Collective, StepContext};

use crate::golden_case::GoldenCase;
use crate::rank_case::RankCase;

/// What arrives at the other ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Tensors with their history: the backward pass sums what every rank's loss sends back.
    Full,
    /// Constants, the own share included, as with a gather that automatic differentiation does not see.
    Detached,
}

#[derive(Debug)]
struct Meeting {
    exchange: Exchange,
    slots: Mutex<Vec<Option<Tensor<2>>>>,
    barrier: Barrier,
    computing: Mutex<bool>,
    idle: Condvar,
}

impl Meeting {
    fn begin_computing(&self) {
        let computing = self.computing.lock().expect("no rank panicked");
        *self.idle.wait_while(computing, |computing| *computing).expect("no rank panicked") = true;
    }

    fn stop_computing(&self) {
        *self.computing.lock().expect("no rank panicked") = false;
        self.idle.notify_one();
    }

    fn wait_for_all(&self) {
        self.stop_computing();
        self.barrier.wait();
        self.begin_computing();
    }
}

#[derive(Debug)]
struct Rank<'a> {
    rank: usize,
    world: usize,
    meeting: &'a Meeting,
}

impl Rank<'_> {
    fn exchange(&self, x: Tensor<2>) -> Vec<Tensor<2>> {
        let x = if self.meeting.exchange == Exchange::Full { x } else { x.detach() };
        self.meeting.slots.lock().expect("no rank panicked")[self.rank] = Some(x);
        self.meeting.wait_for_all();
        let all = self.meeting.slots.lock().expect("no rank panicked").clone();
        // Nobody may fill a slot again before everyone has read.
        self.meeting.wait_for_all();
        all.into_iter().map(|x| x.expect("every rank has come")).collect()
    }
}

impl Collective for Rank<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.world
    }

    fn all_gather(&self, x: Tensor<2>) -> Tensor<2> {
        Tensor::cat(self.exchange(x), 0)
    }

    fn all_reduce_sum(&self, x: Tensor<2>) -> Tensor<2> {
        self.exchange(x).into_iter().reduce(|sum, x| sum + x).expect("at least one rank")
    }
}

/// The losses of `world` ranks, in rank order. Their mean is what data-parallel training follows.
///
/// # Panics
/// When `loss` does. Ranks that wait for one that panicked wait for ever, so shapes should be right.
pub fn losses(
    world: usize,
    exchange: Exchange,
    loss: impl Fn(usize, &StepContext<'_>) -> Tensor<1> + Sync,
) -> Vec<Tensor<1>> {
    let meeting = Meeting {
        exchange,
        slots: Mutex::new(vec![None; world]),
        barrier: Barrier::new(world),
        computing: Mutex::new(false),
        idle: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let (meeting, loss) = (&meeting, &loss);
        let ranks = (0..world).map(|rank| {
            scope.spawn(move || {
                let collective = Rank { rank, world, meeting };
                meeting.begin_computing();
                let loss = loss(rank, &StepContext::new(0, 0, 1).with_collective(&collective));
                meeting.stop_computing();
                loss
            })
        });
        let ranks: Vec<_> = ranks.collect();
        ranks.into_iter().map(|rank| rank.join().expect("a rank panicked")).collect()
    })
}

/// The mean of [`losses`] with full gradients, over equal shares of the rows of `inputs`.
///
/// # Panics
/// When the rows cannot be shared equally, or `loss` panics.
pub fn mean_loss(
    world: usize,
    inputs: &[Tensor<2>],
    loss: impl Fn(Vec<Tensor<2>>, &StepContext<'_>) -> Tensor<1> + Sync,
) -> Tensor<1> {
    let share = |input: &Tensor<2>, rank: usize| {
        let rows = input.dims()[0];
        assert_eq!(rows % world, 0, "{rows} rows do not go into {world} ranks");
        input.clone().slice([rank * rows / world..(rank + 1) * rows / world])
    };
    let run = |rank: usize, ctx: &StepContext<'_>| loss(inputs.iter().map(|input| share(input, rank)).collect(), ctx);
    let losses = losses(world, Exchange::Full, run);
    losses.into_iter().reduce(|sum, loss| sum + loss).expect("at least one rank") / world as f64
}

/// Checks a golden case of inputs `names` on each of these numbers of ranks: the mean of the losses and its gradients are
/// those of the file.
///
/// # Panics
/// When something differs, the rows cannot be shared equally, or `loss` panics.
pub fn check_case<const N: usize>(
    case: &GoldenCase,
    worlds: impl IntoIterator<Item = usize>,
    names: [&str; N],
    loss: impl Fn([Tensor<2>; N], &StepContext<'_>) -> Tensor<1> + Sync,
) {
    let inputs = names.map(|name| case.input(name));
    for world in worlds {
        case.check(mean_loss(world, &inputs, |own, ctx| loss(own.try_into().expect("as many as names"), ctx)));
    }
}

/// Compares loss and gradients of each of two ranks, whose gathers pass no gradients on, with the case's `world2`.
///
/// # Panics
/// When they differ.
pub fn check_each_of_two(
    name: &str,
    case: &Value,
    device: &Device,
    loss: impl Fn(&RankCase, &StepContext<'_>) -> Tensor<1> + Sync,
) {
    let inputs = [0..2, 2..4].map(|rows| RankCase::new(case, rows, device));
    let losses = losses(2, Exchange::Detached, |rank, ctx| loss(&inputs[rank], ctx));
    for (rank, loss) in losses.into_iter().enumerate() {
        inputs[rank].check(&format!("{name}, rank {rank}"), loss, &case["world2"][rank]);
    }
}

/// Compares the mean loss of two ranks, whose gathers pass all gradients on, and its gradients with the case's one rank.
///
/// # Panics
/// When they differ.
pub fn check_mean_of_two(
    name: &str,
    case: &Value,
    device: &Device,
    loss: impl Fn(&RankCase, &StepContext<'_>) -> Tensor<1> + Sync,
) {
    let all = RankCase::new(case, 0..4, device);
    let losses = losses(2, Exchange::Full, |rank, ctx| loss(&all.share(2 * rank..2 * rank + 2), ctx));
    let mean = losses.into_iter().reduce(|sum, loss| sum + loss).expect("two ranks") / 2.0;
    all.check(&format!("{name}, mean of ranks"), mean, &case["world1"][0]);
}
