//! Values that are a function of the training step alone. Nothing to save, nothing to restore: a run that resumes at step
//! 1000 asks for step 1000.
//!
//! | type | curve |
//! |---|---|
//! | [`Constant`] | one value |
//! | [`WarmupCosine`] | linear warm-up, then half a cosine: CLIP-rocket's learning rate |
//! | [`Warmup`] | linear warm-up, then any other schedule: open_clip, lightly |
//! | [`Cosine`] | half a cosine up or down: momentum of a teacher, weight decay, learning rate |
//! | [`Cooldown`] | one value, then a fall at the end: open_clip's `const-cooldown` |
//! | any `Fn(u64) -> f64` | its own |
//!
//! ```
//! use vlp_schedulers::{Schedule, WarmupCosine, WarmupCosineConfig};
//!
//! let lr = WarmupCosine::new(WarmupCosineConfig {
//!     start: 1e-6,
//!     peak: 3e-3,
//!     end: 1e-5,
//!     warmup_steps: 100,
//!     total_steps: 3200,
//! })?;
//! assert_eq!(lr.at(99), 3e-3);
//! assert_eq!(lr.at(100), 3e-3);
//! # Ok::<(), vlp_schedulers::ScheduleError>(())
//! ```

mod constant;
mod cooldown;
mod cosine;
mod error;
mod schedule;
mod warmup;
mod warmup_cosine;

pub use constant::Constant;
pub use cooldown::{Cooldown, CooldownConfig};
pub use cosine::{Cosine, CosineConfig, CosineEnding};
pub use error::ScheduleError;
pub use schedule::Schedule;
pub use warmup::Warmup;
pub use warmup_cosine::{WarmupCosine, WarmupCosineConfig};
