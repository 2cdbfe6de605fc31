use burn::module::{Flag, Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Distribution, Int, Tensor};

/// Stochastic depth (Huang et al. 2016) per sample: a branch is dropped whole with probability `prob`, and what is kept is
/// divided by `1 - prob`, so that the expectation stays. Active while the device tracks gradients and the module is not
/// frozen.
#[derive(Module, Debug)]
pub struct DropPath {
    per_sample: Dropout,
}

impl DropPath {
    /// Drops a branch of a sample with probability `prob`.
    ///
    /// # Panics
    /// When `prob` is not in `[0, 1)`.
    pub fn new(prob: f64) -> Self {
        DropPath { per_sample: DropoutConfig::new(prob).init() }
    }

    /// The branch, zero for the samples that lose it and scaled up for the others.
    ///
    /// # Shapes
    /// - branch and result: `[batch, ...]`
    pub fn forward<const D: usize>(&self, branch: Tensor<D>) -> Tensor<D> {
        let device = branch.device();
        if self.per_sample.prob == 0.0 || !device.is_autodiff() || !self.per_sample.training.is_enabled() {
            return branch;
        }
        let mut shape = [1; D];
        shape[0] = branch.dims()[0];
        let ones = Tensor::ones(shape, (&device, branch.dtype()));
        branch * self.per_sample.forward(ones)
    }
}

/// The rate of block `index` of `depth`: rises linearly from 0 to `last` (timm).
pub(crate) fn drop_path_rate(last: f64, index: usize, depth: usize) -> f64 {
    if depth > 1 { last * index as f64 / (depth - 1) as f64 } else { 0.0 }
}

/// FLIP's patch dropout (Li et al. 2022) as open_clip does it: every sample keeps its own random
/// `max(1, floor(patches * (1 - rate)))` patches and all of its prefix (class and register) tokens. Active while the device
/// tracks gradients and the module is not frozen.
#[derive(Module, Debug)]
pub struct PatchDropout {
    rate: f64,
    /// Cleared by freezing the module.
    pub training: Param<Flag>,
}

impl PatchDropout {
    /// Drops this share of the patches of each sample.
    ///
    /// # Panics
    /// When `rate` is not in `[0, 1)`.
    pub fn new(rate: f64) -> Self {
        assert!((0.0..1.0).contains(&rate), "the share of dropped patches must be in [0, 1), got {rate}");
        PatchDropout { rate, training: Param::from_bool(true) }
    }

    /// The tokens that stay: the first `prefix` and a random part of the others.
    ///
    /// # Shapes
    /// - x: `[batch, prefix + patches, width]`, positions already added
    /// - returns `[batch, prefix + kept, width]`; the order of the kept patches is random
    pub fn forward(&self, x: Tensor<3>, prefix: usize) -> Tensor<3> {
        let device = x.device();
        if self.rate == 0.0 || !device.is_autodiff() || !self.training.is_enabled() {
            return x;
        }
        let [batch, length, width] = x.dims();
        let kept = self.kept(length - prefix);
        let patches = x.clone().slice([0..batch, prefix..length, 0..width]);
        let chosen = random_choice(batch, length - prefix, kept, &device);
        let patches = patches.gather(1, chosen.reshape([batch, kept, 1]).expand([batch, kept, width]));
        if prefix == 0 {
            return patches;
        }
        Tensor::cat(vec![x.slice([0..batch, 0..prefix, 0..width]), patches], 1)
    }

    fn kept(&self, patches: usize) -> usize {
        ((patches as f64 * (1.0 - self.rate)) as usize).max(1)
    }
}

/// `kept` different numbers below `total` for every sample, `[batch, kept]`.
fn random_choice(batch: usize, total: usize, kept: usize, device: &Device) -> Tensor<2, Int> {
    let keys = Tensor::<2>::random([batch, total], Distribution::Uniform(0.0, 1.0), device);
    keys.argsort_descending(1).slice([0..batch, 0..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_from_nothing_in_the_first_block_to_the_last() {
        let rates: Vec<f64> = (0..4).map(|index| drop_path_rate(0.3, index, 4)).collect();
        for (rate, expected) in rates.into_iter().zip([0.0, 0.1, 0.2, 0.3]) {
            assert!((rate - expected).abs() < 1e-12, "{rate} is not {expected}");
        }
        assert_eq!(drop_path_rate(0.3, 0, 1), 0.0);
    }

    #[test]
    fn the_number_of_kept_patches_is_open_clips() {
        let kept = |rate, patches| PatchDropout::new(rate).kept(patches);
        assert_eq!((kept(0.5, 196), kept(0.75, 49), kept(0.9, 10), kept(0.99, 4)), (98, 12, 1, 1));
    }
}
