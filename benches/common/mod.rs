//! What the benchmark of the losses and its PyTorch peer share: inputs that both can make, and one run of a loss.

pub(crate) mod cases;
mod device;
pub(crate) mod peer;

use std::hint::black_box;

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use vlp::core::StepContext;

pub(crate) use device::device;

/// Named sizes of a case, as they stand in its name.
pub(crate) type Sizes = [(&'static str, usize)];
/// The loss of fixed inputs.
pub(crate) type Objective = Box<dyn Fn(&StepContext<'_>) -> Tensor<1>>;

/// Reads one tensor's gradient.
type ReadGradient = Box<dyn Fn(&Gradients) -> Option<Vec<f32>>>;

/// One loss and the sizes at which it is measured.
pub(crate) struct Loss {
    pub(crate) name: &'static str,
    pub(crate) build: fn(&Sizes, &mut Inputs) -> Objective,
    /// A small case, at which value and gradients are compared with the peer's.
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

/// Makes inputs by hashing their positions, so that the peer makes the same, and remembers those that learn.
pub(crate) struct Inputs {
    device: Device,
    stream: u32,
    learned: Vec<ReadGradient>,
}

impl Inputs {
    pub(crate) fn new(device: &Device) -> Self {
        Inputs { device: device.clone(), stream: 0, learned: Vec::new() }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Numbers in `-1..1` that do not learn.
    pub(crate) fn constant<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        self.stream += 1;
        let (offset, number) = (self.stream.wrapping_mul(0x9e37_79b9), shape.iter().product::<usize>() as u32);
        let values = (0..number).map(|at| (mixed(at.wrapping_add(offset)) >> 8) as f32 / (1 << 23) as f32 - 1.0);
        Tensor::from_data(TensorData::new(values.collect(), shape), &self.device)
    }

    /// Numbers in `-1..1` that learn.
    pub(crate) fn vectors<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let made = self.constant(shape);
        self.learned(made)
    }

    /// CLIP's first inverse temperature, which learns.
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

/// One loss at one size, ready to run.
pub(crate) struct Run {
    device: Device,
    inputs: Inputs,
    objective: Objective,
}

impl Run {
    /// With gradients, as in training, or without, as in evaluation.
    pub(crate) fn new(loss: &Loss, sizes: &Sizes, device: &Device, backward: bool) -> Self {
        let device = if backward { device.clone().autodiff() } else { device.clone() };
        let mut inputs = Inputs::new(&device);
        let objective = (loss.build)(sizes, &mut inputs);
        Run { device, inputs, objective }
    }

    /// One pass, to its end on the device.
    pub(crate) fn once(&self) {
        let loss = (self.objective)(&StepContext::new(0, 0, 1));
        if self.device.is_autodiff() {
            black_box(loss.backward());
        } else {
            black_box(loss);
        }
        self.device.sync().expect("the device computes");
    }

    /// The loss and the gradient of everything that learns.
    pub(crate) fn numbers(&self) -> (f32, Vec<Vec<f32>>) {
        let loss = (self.objective)(&StepContext::new(0, 0, 1));
        let gradients = loss.backward();
        let of = self.inputs.learned.iter().map(|read| read(&gradients).expect("every input learns"));
        (loss.into_scalar(), of.collect())
    }
}
