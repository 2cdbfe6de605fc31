//! What the tests of the trainer share.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses its part")]

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use serde_json::json;
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{
    AdamWOptions, Checkpoints, Control, Event, Hook, HookError, StepReport, Trainer, TrainerOptions, adamw,
};

pub const SEED: u64 = 11;

/// Held by every test that compares bits: the generator of a device is one for all threads of a process.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn device() -> Device {
    Device::flex().autodiff()
}

pub fn toy() -> Toy {
    Toy::new(3, &device())
}

pub fn options(total: u64) -> TrainerOptions {
    TrainerOptions::new(&device(), total).with_seed(SEED).with_max_norm(0.5)
}

pub fn trainer_of(method: Toy, source: ToySource, options: TrainerOptions) -> Trainer<Toy, ToySource> {
    let decay = AdamWOptions { weight_decay: 0.2, ..AdamWOptions::default() };
    let lr = |step: u64| 0.01 / (1.0 + step as f64 / 10.0);
    Trainer::new(method, source, move |method| adamw(method, decay), lr, options)
}

pub fn trainer(total: u64) -> Trainer<Toy, ToySource> {
    trainer_of(toy(), ToySource::new(5), options(total))
}

pub fn checkpoints(dir: &Path) -> Checkpoints {
    Checkpoints::new(dir, json!({"model": {"width": 16}, "lr": 0.01}))
}

/// Every float of a module, in order, as bits.
pub fn bits<M: Module>(module: &M) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().into_data().iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    // `valid` settles running statistics, which visitors otherwise see one update late.
    let _ = module.valid();
    module.visit(&mut bits);
    bits.0
}

pub fn all_finite<M: Module>(module: &M) -> bool {
    bits(module).into_iter().all(|bits| f32::from_bits(bits).is_finite())
}

/// Remembers every step, and stops after the one it is told to.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    pub reports: Arc<Mutex<Vec<StepReport>>>,
    pub stop_after: Option<u64>,
}

impl Recorder {
    pub fn stopping_after(step: u64) -> Self {
        Recorder { stop_after: Some(step), ..Recorder::default() }
    }

    pub fn losses(&self) -> Vec<(u64, u32)> {
        self.reports.lock().unwrap().iter().map(|r| (r.step, r.numbers.loss.to_bits())).collect()
    }
}

impl<M> Hook<M> for Recorder {
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError> {
        if let Event::Step { report, .. } = event {
            self.reports.lock().unwrap().push((*report).clone());
            if self.stop_after == Some(report.step) {
                return Ok(Control::Stop);
            }
        }
        Ok(Control::Continue)
    }
}
