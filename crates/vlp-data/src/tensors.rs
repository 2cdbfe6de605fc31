//! Batches from main memory onto a device, and the loader as a [`BatchSource`] of the trainer.

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use vlp_augment::Normalization;
use vlp_core::{BatchSource, PairBatch, SourceError, View};

use crate::{Cursor, HostBatch, HostImages, HostTokens, HostView, Loader};

impl HostImages {
    /// Uploads the bytes and normalises them on the device.
    ///
    /// # Shapes
    /// - result: `[batch, 3, height, width]`, f32
    pub fn into_tensor(self, device: &Device, normalization: &Normalization) -> Tensor<4> {
        let shape = [self.batch, self.height, self.width, 3];
        let data = TensorData::new(self.pixels, shape);
        // As bytes: a quarter of the traffic.
        let bytes = Tensor::<4, Int>::from_data(data, (device, DType::U8));
        let (scale, shift) = normalization.affine();
        let channel = |values: [f32; 3]| {
            let data = TensorData::new(values.to_vec(), [1, 1, 1, 3]);
            Tensor::<4>::from_data(data, (device, DType::F32))
        };
        (bytes.cast(FloatDType::F32) * channel(scale) + channel(shift)).permute([0, 3, 1, 2])
    }

    /// [`HostImages::into_tensor`] of a copy.
    pub fn to_tensor(&self, device: &Device, normalization: &Normalization) -> Tensor<4> {
        self.clone().into_tensor(device, normalization)
    }
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
    /// Uploads pictures and captions.
    pub fn into_device(self, device: &Device, normalization: &Normalization) -> View {
        View { images: self.images.into_tensor(device, normalization), tokens: self.tokens.into_tensor(device) }
    }
}

impl HostBatch {
    /// Uploads all views.
    pub fn into_device(self, device: &Device, normalization: &Normalization) -> PairBatch {
        let upload = |view: HostView| view.into_device(device, normalization);
        PairBatch { weak: upload(self.weak), strong: self.strong.into_iter().map(upload).collect() }
    }
}

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

    fn tallies(&self) -> Vec<(String, u64)> {
        self.loader.tally().iter().map(|(kind, count)| (format!("skipped_{}", kind.name()), count)).collect()
    }
}
