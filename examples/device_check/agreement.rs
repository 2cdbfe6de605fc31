//! Every operation and every loss, forward and backward, against the CPU backend.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::Device;
use serde::Serialize;

use crate::cases;
use crate::common::{Case, Precision, Run};

/// The largest differences that pass, in units of the largest element of a tensor.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Tolerances {
    pub(crate) operations: f64,
    pub(crate) losses: f64,
    /// Of either in bf16, of which the CPU backend gets the inputs and computes in f32.
    pub(crate) bf16: f64,
    /// Of the loss at a step of training, relative.
    pub(crate) curve: f64,
}

impl Tolerances {
    /// Sums in another order; losses multiply differences of cosines by up to 20. bf16 holds 8 bits, and an operation rounds a few times:
    /// on the CPU backend itself softmax over rows is off by 2.3e-2.
    pub(crate) const CPU: Self = Tolerances { operations: 1e-5, losses: 2e-4, bf16: 5e-2, curve: 1e-2 };
    /// TF32 holds 11 bits of each factor, 5e-4; the temperatures of the losses multiply that too.
    pub(crate) const GPU: Self = Tolerances { operations: 3e-3, losses: 3e-2, bf16: 5e-2, curve: 5e-2 };
}

/// How far a case is from the CPU backend.
#[derive(Debug, Serialize)]
pub(crate) struct Agreement {
    pub(crate) name: &'static str,
    pub(crate) precision: &'static str,
    pub(crate) tolerance: f64,
    /// Largest differences of the values and of the gradients, or what went wrong.
    pub(crate) differences: Result<[f64; 2], String>,
}

impl Agreement {
    pub(crate) fn passes(&self) -> bool {
        matches!(self.differences, Ok(differences) if differences.iter().all(|&difference| difference <= self.tolerance))
    }
}

pub(crate) fn all(device: &Device, tolerances: Tolerances) -> Vec<Agreement> {
    let operations = cases::operations().map(|case| (case, tolerances.operations));
    let losses = cases::losses().map(|case| (case, tolerances.losses));
    let compared = operations.chain(losses).flat_map(|(case, tolerance)| {
        [
            compare(case, device, [Precision::F32, Precision::F32], "f32", tolerance),
            compare(case, device, [Precision::Bf16, Precision::RoundedF32], "bf16", tolerances.bf16),
        ]
    });
    compared.collect()
}

fn compare(
    case: &'static Case,
    device: &Device,
    [of_device, of_reference]: [Precision; 2],
    precision: &'static str,
    tolerance: f64,
) -> Agreement {
    // A backend that lacks an operation panics; the other cases are still worth knowing.
    let numbers = catch_unwind(AssertUnwindSafe(|| {
        let reference = Run::new(case, case.check, &Device::flex(), of_reference, true).numbers();
        (Run::new(case, case.check, device, of_device, true).numbers(), reference)
    }));
    let differences = numbers
        .map(|((values, gradients), (expected, slopes))| {
            // Gradients that cancel to nothing are measured by the largest of the case.
            let largest = slopes.iter().map(|slope| largest(slope)).fold(0.0, f64::max);
            let gradients = gradients.iter().zip(&slopes).map(|(a, b)| difference(a, b, 1e-2 * largest));
            [difference(&values, &expected, 0.0), gradients.fold(0.0, f64::max)]
        })
        .map_err(|panic| match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => (*text).to_string(),
            _ => "it panicked".to_string(),
        });
    Agreement { name: case.name, precision, tolerance, differences }
}

fn largest(numbers: &[f32]) -> f64 {
    numbers.iter().fold(0.0, |most: f64, &x| most.max(f64::from(x).abs()))
}

/// In units of the largest element, but at least `floor`; infinite where something is no number.
fn difference(actual: &[f32], expected: &[f32], floor: f64) -> f64 {
    let most = actual.iter().zip(expected).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
    let most = most.fold(0.0, |most: f64, next| if next.is_nan() { f64::INFINITY } else { most.max(next) });
    if actual.len() == expected.len() { most / largest(expected).max(floor).max(1e-30) } else { f64::INFINITY }
}
