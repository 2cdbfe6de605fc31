//! Batches from main memory onto a device, and the loader as a [`BatchSource`] of the trainer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use vlp_augment::Normalization;
use vlp_core::{BatchSource, PairBatch, SourceError, View};

use crate::{Cursor, DamageKind, HostBatch, HostImages, HostTokens, HostView, Loader, apply_photometric};

impl HostImages {
    /// Uploads the bytes and normalises them on the device.
    ///
    /// # Shapes
    /// - result: `[batch, 3, height, width]`, f32
    pub fn into_tensor(self, device: &Device, normalization: &Normalization) -> Tensor<4> {
        normalize(self.upload(device), normalization, 3).permute([0, 3, 1, 2])
    }

    /// The bytes as numbers, `[batch, height, width, 3]`.
    fn upload(self, device: &Device) -> Tensor<4> {
        let data = TensorData::new(self.pixels, [self.batch, self.height, self.width, 3]);
        // As bytes: a quarter of the traffic.
        Tensor::<4, Int>::from_data(data, (device, DType::U8)).cast(FloatDType::F32)
    }

    /// [`HostImages::into_tensor`] of a copy.
    pub fn to_tensor(&self, device: &Device, normalization: &Normalization) -> Tensor<4> {
        self.clone().into_tensor(device, normalization)
    }
}

/// The affine map from bytes to what an encoder reads; `dim` is that of the channels.
fn normalize(bytes: Tensor<4>, normalization: &Normalization, dim: usize) -> Tensor<4> {
    let device = bytes.device();
    let (scale, shift) = normalization.affine();
    let mut shape = [1; 4];
    shape[dim] = 3;
    let channel =
        |values: [f32; 3]| Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), (&device, DType::F32));
    bytes * channel(scale) + channel(shift)
}

impl HostTokens {
    /// Uploads the ids.
    ///
    /// # Shapes
    /// - result: `[batch, context]`, i32
    pub fn into_tensor(self, device: &Device) -> Tensor<2, Int> {
        let data = TensorData::new(self.ids, [self.batch, self.context]);
        Tensor::from_data(data, (device, DType::I32))
    }

    /// [`HostTokens::into_tensor`] of a copy.
    pub fn to_tensor(&self, device: &Device) -> Tensor<2, Int> {
        self.clone().into_tensor(device)
    }
}

impl HostView {
    /// Uploads pictures and captions, and does on the device what was left to it.
    ///
    /// # Panics
    /// When something is left to be done, but there are not as many lists as pictures.
    pub fn into_device(self, device: &Device, normalization: &Normalization) -> View {
        let images = if self.photometric.iter().all(Vec::is_empty) {
            self.images.into_tensor(device, normalization)
        } else {
            let bytes = self.images.upload(device).permute([0, 3, 1, 2]);
            normalize(apply_photometric(bytes, &self.photometric), normalization, 1)
        };
        View { images, tokens: self.tokens.into_tensor(device) }
    }
}

impl HostBatch {
    /// Uploads all views and local crops.
    pub fn into_device(self, device: &Device, normalization: &Normalization) -> PairBatch {
        let upload = |view: HostView| view.into_device(device, normalization);
        PairBatch {
            weak: upload(self.weak),
            strong: self.strong.into_iter().map(upload).collect(),
            local: self.local.into_iter().map(|crops| crops.into_tensor(device, normalization)).collect(),
        }
    }
}

/// What the names of tallies begin with.
const SKIPPED: &str = "skipped_";

/// A loader whose batches go to a device: what a trainer reads from.
#[derive(Debug)]
pub struct PairSource {
    loader: Loader,
    normalization: Normalization,
}

impl PairSource {
    /// Batches of `loader`, normalised on the device.
    pub fn new(loader: Loader, normalization: Normalization) -> Self {
        Self { loader, normalization }
    }

    /// The loader, for its tallies and waiting time.
    pub fn loader(&self) -> &Loader {
        &self.loader
    }
}

impl BatchSource for PairSource {
    type Batch = PairBatch;

    fn next_batch(&mut self, device: &Device) -> Result<PairBatch, SourceError> {
        Ok(self.loader.next_batch()?.into_device(device, &self.normalization))
    }

    fn position(&self) -> serde_json::Value {
        // Plain numbers: this cannot fail, and a null would be refused by `seek`.
        serde_json::to_value(self.loader.cursor()).unwrap_or_default()
    }

    fn seek(&mut self, position: &serde_json::Value) -> Result<(), SourceError> {
        let cursor: Cursor = serde_json::from_value(position.clone())?;
        Ok(self.loader.seek(&cursor)?)
    }

    fn interrupt_by(&mut self, stop: Arc<AtomicBool>) {
        self.loader.interrupt_by(stop);
    }

    fn restore_tallies(&mut self, tallies: &[(String, u64)]) {
        let counts = tallies
            .iter()
            .filter_map(|(name, count)| Some((DamageKind::from_name(name.strip_prefix(SKIPPED)?)?, *count)));
        self.loader.restore_tally(counts.collect());
    }

    fn tallies(&self) -> Vec<(String, u64)> {
        self.loader.tally().iter().map(|(kind, count)| (format!("{SKIPPED}{}", kind.name()), count)).collect()
    }
}
