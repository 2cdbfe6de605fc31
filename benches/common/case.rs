//! Inputs that this library and its peers can both make, and one run of a case.

use std::hint::black_box;

use burn::tensor::{Device, FloatDType, Gradients, Int, Tensor, TensorData};
use vlp::core::StepContext;

/// Named sizes of a case, as they stand in its name.
pub(crate) type Sizes = [(&'static str, usize)];
/// What is computed of fixed inputs: a loss, or all numbers of an output.
pub(crate) type Objective = Box<dyn Fn(&StepContext<'_>) -> Tensor<1>>;

/// Reads one tensor's gradient.
type ReadGradient = Box<dyn Fn(&Gradients) -> Option<Vec<f32>>>;

/// One loss or operation and the sizes at which it is measured.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) build: fn(&Sizes, &mut Inputs) -> Objective,
    /// Small sizes, at which value and gradients are compared with the peer's.
    pub(crate) check: &'static Sizes,
    pub(crate) sizes: &'static [&'static Sizes],
}

/// `batch=1024,dim=512`.
pub(crate) fn label(sizes: &Sizes) -> String {
    sizes.iter().map(|(name, size)| format!("{name}={size}")).collect::<Vec<_>>().join(",")
}

pub(crate) fn size(sizes: &Sizes, name: &str) -> usize {
    sizes.iter().find(|(named, _)| *named == name).unwrap_or_else(|| panic!("{} lacks {name}", label(sizes))).1
}

/// What inputs are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the benchmarks measure f32")]
pub(crate) enum Precision {
    F32,
    Bf16,
    /// f32 that have passed through bf16: what computing in bf16 is compared with.
    RoundedF32,
}

/// Makes inputs by hashing their positions, so that the peer makes the same, and remembers those that learn.
pub(crate) struct Inputs {
    device: Device,
    precision: Precision,
    stream: u32,
    learned: Vec<ReadGradient>,
}

#[allow(dead_code, reason = "each benchmark makes the inputs that it needs")]
impl Inputs {
    fn new(device: &Device, precision: Precision) -> Self {
        Inputs { device: device.clone(), precision, stream: 0, learned: Vec::new() }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Numbers in `-1..1` that do not learn.
    pub(crate) fn constant<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        self.stream += 1;
        let (offset, number) = (self.stream.wrapping_mul(0x9e37_79b9), shape.iter().product::<usize>() as u32);
        let values = (0..number).map(|at| (mixed(at.wrapping_add(offset)) >> 8) as f32 / (1 << 23) as f32 - 1.0);
        let made = Tensor::from_data(TensorData::new(values.collect(), shape), &self.device);
        match self.precision {
            Precision::F32 => made,
            Precision::Bf16 => made.cast(FloatDType::BF16),
            Precision::RoundedF32 => made.cast(FloatDType::BF16).cast(FloatDType::F32),
        }
    }

    /// Numbers in `-1..1` that learn.
    pub(crate) fn vectors<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let made = self.constant(shape);
        self.learned(made)
    }

    /// CLIP's first inverse temperature, which learns. In f32, as every model holds it.
    pub(crate) fn scale(&mut self) -> Tensor<1> {
        self.learned(Tensor::full([1], 1.0 / 0.07, &self.device))
    }

    fn learned<const D: usize>(&mut self, made: Tensor<D>) -> Tensor<D> {
        let made = if self.device.is_autodiff() { made.require_grad() } else { made };
        self.learning(&made);
        made
    }

    /// Counts in another module's parameter; parameters learn in the order in which they are named here.
    pub(crate) fn learning<const D: usize>(&mut self, parameter: &Tensor<D>) {
        let parameter = parameter.clone();
        self.learned.push(Box::new(move |gradients| {
            Some(parameter.grad(gradients)?.into_data().convert::<f32>().try_into_vec().expect("just converted"))
        }));
    }

    /// Texts of lengths from half of `length` to all of it: tokens in `1..vocabulary`, then zeros.
    pub(crate) fn tokens(&self, [rows, length]: [usize; 2], vocabulary: usize) -> Tensor<2, Int> {
        let token = |row: usize, at: usize| {
            let hash = mixed((row * length + at) as u32) as usize;
            if at < length / 2 + row % (length / 2 + 1) { 1 + hash % (vocabulary - 1) } else { 0 }
        };
        let tokens = (0..rows).flat_map(|row| (0..length).map(move |at| token(row, at) as i64));
        Tensor::from_data(TensorData::new(tokens.collect(), [rows, length]), &self.device)
    }
}

/// A bijection of u32 without visible order ("lowbias32").
fn mixed(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// One case at one size, ready to run.
pub(crate) struct Run {
    device: Device,
    inputs: Inputs,
    objective: Objective,
}

impl Run {
    /// With gradients, as in training, or without, as in evaluation.
    pub(crate) fn new(case: &Case, sizes: &Sizes, device: &Device, precision: Precision, backward: bool) -> Self {
        let device = if backward { device.clone().autodiff() } else { device.clone() };
        let mut inputs = Inputs::new(&device, precision);
        let objective = (case.build)(sizes, &mut inputs);
        Run { device, inputs, objective }
    }

    /// One pass, to its end on the device.
    #[allow(dead_code, reason = "the device check queues several")]
    pub(crate) fn once(&self) {
        black_box(self.queue());
        self.device.sync().expect("the device computes");
    }

    /// One pass, which the device may still have to compute, and its results.
    pub(crate) fn queue(&self) -> (Tensor<1>, Option<Gradients>) {
        let values = (self.objective)(&StepContext::new(0, 0, 1));
        // From ones, where there are several.
        let gradients = self.device.is_autodiff().then(|| values.backward());
        (values, gradients)
    }

    /// The values, and the gradient of everything that learns: of the loss, or of the sum of the values against constants.
    pub(crate) fn numbers(mut self) -> (Vec<f32>, Vec<Vec<f32>>) {
        let values = (self.objective)(&StepContext::new(0, 0, 1)).cast(FloatDType::F32);
        let gradients = match values.dims() {
            [1] => values.backward(),
            several => (values.clone() * self.inputs.constant(several).cast(FloatDType::F32)).sum().backward(),
        };
        let of = self.inputs.learned.iter().map(|read| read(&gradients).expect("every input learns")).collect();
        (values.into_data().try_into_vec().expect("losses and outputs are in f32"), of)
    }
}
