use std::sync::{Mutex, PoisonError};

use burn::tensor::Tensor;

/// Vectors that an objective leaves for what follows the update: a centre moves and a queue takes features in only then, so that
/// a step which is rejected leaves no trace and the loss of a batch is the same however often it is asked for.
///
/// No part of a record: between two steps there is nothing in it.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Vec<Tensor<2>>>);

impl Pending {
    /// Keeps these without their history, in place of what was kept before.
    pub(crate) fn put(&self, vectors: impl IntoIterator<Item = Tensor<2>>) {
        *self.lock() = vectors.into_iter().map(Tensor::detach).collect();
    }

    /// Gives out what was put; nothing the second time.
    pub(crate) fn take(&self) -> Vec<Tensor<2>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Tensor<2>>> {
        // A list is replaced whole, so a panic elsewhere leaves no half-written one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Pending {
    fn clone(&self) -> Self {
        Pending(Mutex::new(self.lock().clone()))
    }
}
