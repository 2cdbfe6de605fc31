//! A method small enough for tests that has what makes resuming hard: dropout, batch normalisation, weights of several
//! ranks, a term, a parameter that no gradient reaches, and data that can be poisoned.

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use vlp_core::{BatchSource, Features, Method, SourceError, StepContext, StepOutput, mix};

/// Length of the inputs and outputs.
pub const DIM: usize = 6;

/// A perceptron that learns to reverse its input.
#[derive(Module, Debug)]
pub struct Toy {
    first: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    head: Linear,
    /// A token that is added to every input, `[1, 1, DIM]` as class tokens are.
    token: Param<Tensor<3>>,
    scale: Param<Tensor<1>>,
    unused: Param<Tensor<1>>,
}

impl Toy {
    /// Weights that depend on `seed` alone.
    pub fn new(seed: u64, device: &Device) -> Self {
        Toy::with_width(seed, 16, device)
    }

    /// Another number of hidden features.
    pub fn with_width(seed: u64, width: usize, device: &Device) -> Self {
        device.seed(seed);
        let toy = Toy {
            first: LinearConfig::new(DIM, width).init(device),
            norm: BatchNormConfig::new(width).init(device),
            dropout: DropoutConfig::new(0.3).init(),
            head: LinearConfig::new(width, DIM).init(device),
            token: Param::from_data(TensorData::zeros::<f32, _>([1, 1, DIM]), device),
            scale: Param::from_data(TensorData::ones::<f32, _>([1]), device),
            unused: Param::from_data(TensorData::ones::<f32, _>([1]), device),
        };
        // burn draws weights when they are first needed; need them now, while the seed is ours.
        let _ = toy.valid();
        toy
    }

    /// Mean and variance that the normalisation would use for evaluation.
    pub fn running_statistics(&self) -> Vec<f32> {
        let statistics = [self.norm.running_mean.value_sync(), self.norm.running_var.value_sync()];
        statistics.into_iter().flat_map(|values| values.into_data().iter::<f32>().collect::<Vec<_>>()).collect()
    }
}

/// Where a batch of [`ToySource`] carries something that is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// One input value.
    Input,
    /// The loss, added after a clean forward pass.
    Loss,
    /// Only a gradient: the loss stays finite.
    Gradient,
    /// One input value of 1e30: finite, and so is the loss, but not the variance that normalisation keeps.
    Huge,
}

/// Inputs and what is wrong with them.
#[derive(Debug, Clone)]
pub struct ToyBatch {
    /// `[rows, DIM]`
    pub inputs: Tensor<2>,
    /// Handed through to the objective.
    pub poison: Option<Poison>,
}

/// Inputs, outputs, and the poison as an extra `[1, 1]` tensor: 0, 1 (loss) or 2 (gradient).
#[derive(Debug)]
pub struct ToyFeatures(Vec<Tensor<2>>);

impl Features for ToyFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.0
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        assert_eq!(tensors.len(), 3, "the toy has three features");
        ToyFeatures(tensors)
    }
}

impl Method for Toy {
    type Batch = ToyBatch;
    type Features = ToyFeatures;

    fn largest_input(batch: &ToyBatch) -> Option<Tensor<1>> {
        Some(batch.inputs.clone().without_autodiff().max_abs())
    }

    fn encode(&self, batch: ToyBatch, _ctx: &StepContext<'_>) -> ToyFeatures {
        let inputs = batch.inputs + self.token.val().reshape([1, DIM]);
        let hidden = self.dropout.forward(self.norm.forward(self.first.forward(inputs.clone())).tanh());
        let code = match batch.poison {
            Some(Poison::Loss) => 1.0,
            Some(Poison::Gradient) => 2.0,
            Some(Poison::Input | Poison::Huge) | None => 0.0,
        };
        let code = Tensor::full([1, 1], code, &inputs.device());
        ToyFeatures(vec![inputs, self.head.forward(hidden) * self.scale.val().reshape([1, 1]), code])
    }

    fn objective(&self, features: ToyFeatures, _ctx: &StepContext<'_>) -> StepOutput {
        let [inputs, outputs, code] = <[Tensor<2>; 3]>::try_from(features.0).expect("three features");
        let error = (outputs - inputs.flip([1])).square().mean_dim(1).mean();
        let loss = match code.into_scalar::<f32>() {
            1.0 => error.clone() + f32::NAN,
            // The root has value 0 and an infinite slope there, times 0.
            2.0 => error.clone() + self.scale.val().mul_scalar(0.0).sqrt(),
            _ => error.clone(),
        };
        StepOutput::new(loss).with_term("error", error)
    }
}

/// Batches that are a function of (seed, position).
#[derive(Debug, Clone)]
pub struct ToySource {
    seed: u64,
    taken: u64,
    rows: usize,
    poison: Option<(u64, u64, Poison)>,
    end: Option<u64>,
}

impl ToySource {
    /// Endless clean batches of 8 rows.
    pub fn new(seed: u64) -> Self {
        ToySource { seed, taken: 0, rows: 8, poison: None, end: None }
    }

    /// Poisons `count` batches from number `first` on.
    pub fn with_poison(self, first: u64, count: u64, poison: Poison) -> Self {
        ToySource { poison: Some((first, count, poison)), ..self }
    }

    /// Fails instead of giving batch number `end`.
    pub fn ending_at(self, end: u64) -> Self {
        ToySource { end: Some(end), ..self }
    }

    /// Another number of rows in a batch.
    pub fn with_rows(self, rows: usize) -> Self {
        ToySource { rows, ..self }
    }
}

impl BatchSource for ToySource {
    type Batch = ToyBatch;

    fn next_batch(&mut self, device: &Device) -> Result<ToyBatch, SourceError> {
        if self.end == Some(self.taken) {
            return Err(format!("the toy ends at batch {}", self.taken).into());
        }
        let number = self.taken;
        self.taken += 1;
        let value = |i: u64| (mix(mix(self.seed, number), i) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let mut values: Vec<f32> = (0..(self.rows * DIM) as u64).map(value).collect();
        let poison = self.poison.filter(|(first, count, _)| (*first..first + count).contains(&number));
        let poison = poison.map(|(_, _, poison)| poison);
        if poison == Some(Poison::Input) {
            values[DIM + 1] = f32::NAN;
        }
        if poison == Some(Poison::Huge) {
            values[DIM + 1] = 1e30;
        }
        let inputs = Tensor::from_data(TensorData::new(values, [self.rows, DIM]), device);
        Ok(ToyBatch { inputs, poison })
    }

    fn position(&self) -> serde_json::Value {
        serde_json::json!({"taken": self.taken})
    }

    fn seek(&mut self, position: &serde_json::Value) -> Result<(), SourceError> {
        self.taken = position["taken"].as_u64().ok_or_else(|| format!("{position} is no position of the toy"))?;
        Ok(())
    }

    fn tallies(&self) -> Vec<(String, u64)> {
        vec![("batches".to_string(), self.taken)]
    }
}
