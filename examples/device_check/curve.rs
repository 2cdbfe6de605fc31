//! The first steps of the quickstart on a device and on the CPU backend, from the same weights through the same batches.

use std::error::Error;

use burn::tensor::Device;
use serde::Serialize;
use vlp::prelude::*;
use vlp::run::MethodOf;

use crate::args::Args;

/// Losses of both, step by step.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) device: Vec<f64>,
    pub(crate) flex: Vec<f64>,
    pub(crate) tolerance: f64,
}

impl Curve {
    /// The largest relative difference of a step.
    pub(crate) fn difference(&self) -> f64 {
        self.device.iter().zip(&self.flex).map(|(a, b)| (a - b).abs() / b.abs()).fold(0.0, f64::max)
    }

    pub(crate) fn passes(&self) -> bool {
        self.difference() <= self.tolerance
    }
}

pub(crate) fn compare(args: &Args, device: &Device) -> Result<Curve, Box<dyn Error>> {
    let settings: &[&str] = if args.quick { &["steps=6", "batch_size=32"] } else { &["steps=50"] };
    let data = args.data.display();
    let places = [
        format!("tokenizer={data}/tokenizer.json"),
        format!("data.train=[{{ source = '{data}/train-{{000..004}}.tar' }}]"),
    ];
    let recipe = Recipe::quickstart().set(settings)?.set(&places)?;
    let flex = Run::new(recipe.clone(), &Device::flex())?;
    // Every backend draws its own numbers, so the weights are drawn once and copied.
    let method = flex.method()?;
    vlp::trainer::settle(&method);
    let target = Run::new(recipe, device)?;
    let copy = burn::module::Module::fork(method.clone(), target.device());
    Ok(Curve { device: losses(&target, copy)?, flex: losses(&flex, method)?, tolerance: args.tolerances().curve })
}

fn losses(run: &Run, method: MethodOf) -> Result<Vec<f64>, Box<dyn Error>> {
    let (mut stepper, mut batches, mut losses) = (run.stepper_from(method)?, run.source()?, Vec::new());
    while !stepper.is_finished() {
        let batch = batches.next_batch(run.device()).map_err(|error| error as Box<dyn Error>)?;
        losses.push(f64::from(stepper.step(batch)?.numbers.loss));
    }
    Ok(losses)
}
