//! A loss of your own, trained from a TOML file: the hardest negative of the batch must stay a margin away (VSE++, Faghri et al.
//! 2018), with a margin that learns.
//!
//! ```text
//! cargo run --release --example own_loss -- examples/own_loss.toml runs/own_loss
//! ```

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp::core::StepContext;
use vlp::encoders::AnyImageEncoderConfig;
use vlp::losses::l2_normalize;
use vlp::methods::{MethodError, PairLossConfig, PairMethodConfig};
use vlp::prelude::*;

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct HardestNegativeConfig {
    margin: f32,
}

/// `mean_i relu(m + max_{j≠i} s_ij - s_ii)` in both directions, `s` cosines. A small reward keeps the margin from vanishing.
#[derive(Module, Debug)]
struct HardestNegative {
    margin: Param<Tensor<1>>,
}

impl PairLossConfig for HardestNegativeConfig {
    type Loss = HardestNegative;
    const NAME: &'static str = "hardest-negative";

    fn init(&self, device: &Device) -> Result<HardestNegative, MethodError> {
        Ok(HardestNegative { margin: Param::from_tensor(Tensor::from_floats([self.margin], device)) })
    }
}

impl PairLoss for HardestNegative {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, _ctx: &StepContext<'_>) -> Tensor<1> {
        let (rows, margin) = (a.dims()[0], self.margin.val());
        let cosines = l2_normalize(a).matmul(l2_normalize(b).transpose());
        let own = Tensor::<2>::eye(rows, &cosines.device());
        // Cosines lie within -1 and 1: four less and a pair's own similarity is never the hardest.
        let (positive, others) = ((cosines.clone() * own.clone()).sum_dim(1), cosines - own * 4.0);
        let hardest = |others: Tensor<2>| others.max_dim(1) - positive.clone() + margin.clone().unsqueeze::<2>();
        let direction = |others| hardest(others).clamp_min(0.0).mean();
        direction(others.clone()) + direction(others.transpose()) - margin.clone() * 0.5
    }
}

fn main() -> Result<(), vlp::Error> {
    let [_, recipe, out] = std::env::args().collect::<Vec<_>>().try_into().expect("own_loss RECIPE OUT");
    let recipe = Recipe::<PairMethodConfig<HardestNegativeConfig>, AnyImageEncoderConfig>::open_as(recipe)?;
    let trained =
        Run::new(recipe, &device::open("flex")?)?.with_options(RunOptions::default().with_fresh(true)).fit(out)?;
    println!("margin {:.3}\n{}", trained.method.loss.margin.val().into_scalar::<f32>(), trained.evaluate()?);
    Ok(())
}
