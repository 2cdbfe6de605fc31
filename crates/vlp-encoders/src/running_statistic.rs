use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param, ParamId,
};
use burn::tensor::{Device, Tensor};

/// A vector that a training pass updates without gradient: a mean or variance of batch normalisation. Visitors, mappers and
/// records see it as a float parameter that asks for no gradient.
///
/// It stands in for burn's `RunningState`, which its clones share, whose id no mapper can change, and which shows visitors,
/// and so records, the value before the newest update. Here a clone has a value of its own and every reader sees the newest.
#[derive(Debug)]
pub struct RunningStatistic {
    id: ParamId,
    value: Mutex<Tensor<1>>,
}

impl RunningStatistic {
    pub(crate) fn new(value: Tensor<1>) -> Self {
        RunningStatistic { id: ParamId::new(), value: Mutex::new(value) }
    }

    /// The newest value.
    pub fn value(&self) -> Tensor<1> {
        self.lock().clone()
    }

    /// Moves the value towards `batch` by `momentum`: `(1 - momentum) value + momentum batch`.
    pub(crate) fn follow(&self, batch: Tensor<1>, momentum: f64) {
        let mut value = self.lock();
        *value = (value.clone() * (1.0 - momentum) + batch.detach() * momentum).detach();
    }

    fn lock(&self) -> MutexGuard<'_, Tensor<1>> {
        // A tensor handle is replaced whole, so a panic elsewhere leaves no half-written value.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(self, change: impl FnOnce(Tensor<1>) -> Tensor<1>) -> Self {
        let value = change(self.value());
        RunningStatistic { id: self.id, value: Mutex::new(value) }
    }
}

impl Clone for RunningStatistic {
    fn clone(&self) -> Self {
        RunningStatistic { id: self.id, value: Mutex::new(self.value()) }
    }
}

impl Module for RunningStatistic {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.value()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let (id, value, _) = mapper.map_float(Param::initialized(self.id, self.value())).consume();
        // A mapper may change the value and the id, but a statistic never asks for a gradient.
        RunningStatistic { id, value: Mutex::new(value.set_require_grad(false)) }
    }

    fn to_device(self, device: &Device) -> Self {
        self.with(|value| value.to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.lock().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone().with(Tensor::without_autodiff)
    }

    fn train(self) -> Self {
        self.with(Tensor::from_inner)
    }
}

impl std::fmt::Display for RunningStatistic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunningStatistic(id={})", self.id)
    }
}

impl ModuleDisplayDefault for RunningStatistic {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&"RunningStatistic".to_string()).optional()
    }
}

impl ModuleDisplay for RunningStatistic {}
