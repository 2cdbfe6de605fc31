//! Values that are a function of the training step alone. Nothing to save, nothing to restore: a run that resumes at step
//! 1000 asks for step 1000.
//!
//! | type | curve |
//! |---|---|
//! | [`Constant`] | one value |
//! | [`WarmupCosine`] | linear warm-up, then half a cosine |
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
mod error;
mod schedule;
mod warmup_cosine;

pub use constant::Constant;
pub use error::ScheduleError;
pub use schedule::Schedule;
pub use warmup_cosine::{WarmupCosine, WarmupCosineConfig};
