//! The training loop of vlp. It knows what a [`Method`](vlp_core::Method) and a [`BatchSource`](vlp_core::BatchSource)
//! are and nothing else: whoever brings their own gets gates, clipping, hooks, checkpoints and exact resuming.
//!
//! | item | role |
//! |---|---|
//! | [`Trainer`] | the loop: `new`, `with_…`, `resume`, `fit` |
//! | [`clip_global_norm`], [`gate`], [`check_rate`], [`adamw`], [`settle`], [`Buffers`] | its pieces, for loops written by hand |
//! | [`sgd`], [`lars`], [`lamb`], [`lion`], [`AnyOptimizerOptions`] | other optimizers, and any of them by one word |
//! | [`RateFactors`] | learning rates that differ between parameters |
//! | [`Stepper`] | one step of training as one call, for loops written by hand |
//! | [`Optimizer`], [`adamw_with_decay`] | an optimizer with its weight decay, which may change from step to step |
//! | [`Checkpoints`], [`Checkpoint`] | when to save and what to keep; reading one |
//! | [`RunFolder`] | the directory of a run, held by one process, and what lies in it |
//! | [`Hook`], [`Event`] | looking on; [`JsonLines`] writes metrics, `ProgressBar` (feature `progress`) draws |
//! | [`Stop`] | ending a run in order; from signals with feature `signals` |
//! | [`TrainError`] | why a run ended, grouped by whose fault it is |
//!
//! ```no_run
//! # use vlp_trainer::*;
//! # fn run<M, S>(method: M, source: S, device: burn::tensor::Device) -> Result<(), Box<dyn std::error::Error>>
//! # where M: vlp_core::Method + 'static, S: vlp_core::BatchSource<Batch = M::Batch> {
//! # let lr = |_: u64| 1e-3;
//! let trained = Trainer::new(
//!     method,
//!     source,
//!     |method| adamw(method, AdamWOptions::default()),
//!     lr,
//!     TrainerOptions::new(&device, 3000).with_seed(7).with_max_norm(1.0),
//! )
//! .with_checkpoints(Checkpoints::new("runs/first", serde_json::json!({"lr": 1e-3})).every_steps(500))
//! .with_hook(JsonLines::new("runs/first/metrics.jsonl"))
//! .fit()?;
//! # Ok(()) }
//! ```
//!
//! The same by hand, a call a step:
//!
//! ```no_run
//! # use vlp_core::{BatchSource, Method};
//! # use vlp_schedulers::Schedule;
//! # use vlp_trainer::*;
//! # fn run<M: Method, S: BatchSource<Batch = M::Batch>>(
//! #     method: M, mut source: S, schedule: impl Schedule + 'static, device: burn::tensor::Device, total: u64,
//! # ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let optimizer = |method: &M| adamw(method, AdamWOptions::default());
//! let mut stepper = Stepper::new(method, optimizer, schedule, TrainerOptions::new(&device, total));
//! while !stepper.is_finished() {
//!     let report = stepper.step(source.next_batch(&device)?)?;
//!     println!("step {} loss {}", report.step + 1, report.numbers.loss);
//! }
//! # Ok(()) }
//! ```
//!
//! What [`Stepper::step`] does, with nothing hidden:
//!
//! ```no_run
//! # use burn::optim::GradientsParams;
//! # use vlp_core::{BatchSource, Method, StepContext};
//! # use vlp_schedulers::Schedule;
//! # use vlp_trainer::*;
//! # fn run<M: Method, S: BatchSource<Batch = M::Batch>>(
//! #     mut method: M, mut source: S, schedule: impl Schedule, device: burn::tensor::Device, seed: u64, total: u64,
//! # ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! settle(&method);
//! let mut optimizer = Optimizer::from(adamw(&method, AdamWOptions::default()));
//! for step in 0..total {
//!     let ctx = StepContext::new(seed, step, total);
//!     let batch = source.next_batch(&device)?;
//!     ctx.seed_device(&device);
//!     let out = method.objective(method.encode(batch, &ctx), &ctx);
//!     let mut grads = GradientsParams::from_grads(out.loss.backward(), &method);
//!     if let Some(norm) = clip_global_norm(&method, &mut grads, 1.0) {
//!         gate(step, &StepNumbers::read(&out, norm)?)?;
//!     }
//!     let lr = check_rate(step, "learning rate", schedule.at(step))?;
//!     method = optimizer.step(step, lr, method, grads).after_update(&ctx);
//! }
//! # Ok(()) }
//! ```

mod adamw;
mod any_optimizer;
mod buffers;
mod checkpoint;
mod checkpoints;
mod clip;
mod decayed;
mod ema;
mod error;
mod finite;
mod gate;
mod hook;
mod json_lines;
mod lamb;
mod lars;
mod lion;
mod manifest;
mod momentum;
mod optimizer;
mod options;
mod params;
#[cfg(feature = "progress")]
mod progress;
mod publish;
mod rate_factors;
mod record;
mod report;
mod run;
mod run_folder;
mod sgd;
mod step;
mod stepper;
mod stop;
mod trainer;
mod weight_decay;

pub use adamw::{AdamWOptions, adamw, adamw_with_decay, decays};
pub use any_optimizer::AnyOptimizerOptions;
pub use buffers::{Buffers, settle};
pub use checkpoint::Checkpoint;
pub use checkpoints::Checkpoints;
pub use clip::clip_global_norm;
pub use error::TrainError;
pub use gate::{NonFinite, StepNumbers, check_rate, gate};
pub use hook::{Control, Event, Hook, HookError};
pub use json_lines::JsonLines;
pub use lamb::{LambOptions, lamb, lamb_with_decay};
pub use lars::{LarsOptions, lars, lars_with_decay};
pub use lion::{LionOptions, lion, lion_with_decay};
pub use manifest::differences as config_differences;
pub use optimizer::Optimizer;
pub use options::TrainerOptions;
#[cfg(feature = "progress")]
pub use progress::ProgressBar;
pub use rate_factors::RateFactors;
pub use report::{Pace, StepReport};
pub use run_folder::{RunContents, RunFolder};
pub use sgd::{SgdOptions, sgd, sgd_with_decay};
pub use stepper::Stepper;
pub use stop::Stop;
pub use trainer::{Outcome, Trained, Trainer};
