//! What a forward pass keeps for the backward pass, counted from below: inputs of linear layers and convolutions, queries, keys and
//! values. What else a backend keeps (statistics, masks, maps of attention, copies) comes on top.

use crate::{AnyImageEncoderConfig, ResNetBlock, StemConfig, TextTransformerConfig, VitConfig};

/// Numbers of one token in a transformer: two normalised inputs, queries, keys, values, what attention gives, the MLP's units.
fn transformer(tokens: f64, depth: usize, width: usize, mlp_ratio: f64) -> f64 {
    tokens * depth as f64 * width as f64 * (6.0 + mlp_ratio)
}

/// Numbers of four stages of which the first sees the picture at a quarter of its side and each other one at half of that before.
fn stages(side: usize, blocks: [usize; 4], channels: [usize; 4], of_a_channel: f64) -> f64 {
    let stage = |(number, (blocks, channels)): (usize, (usize, usize))| {
        let side = (side / (4 << number)) as f64;
        side * side * blocks as f64 * channels as f64 * of_a_channel
    };
    blocks.into_iter().zip(channels).enumerate().map(stage).sum()
}

impl VitConfig {
    fn least_activations(&self, side: usize) -> f64 {
        let along = (side / self.stem.stride().max(1)) as f64;
        let patches = along * along;
        let stem = match &self.stem {
            // The pixels themselves.
            StemConfig::Patch { .. } => 0.0,
            // Each convolution's output, at half the side of the one before.
            StemConfig::Conv { channels } => {
                let quarters = (1..).map(|number| (side as f64 * side as f64) / 4f64.powi(number));
                channels.iter().zip(quarters).map(|(&channels, area)| channels as f64 * area).sum()
            }
        };
        let tokens = patches * (1.0 - self.patch_dropout) + self.registers as f64;
        stem + transformer(tokens, self.depth, self.width, self.mlp_ratio)
    }
}

impl AnyImageEncoderConfig {
    /// Numbers that a forward pass of one picture of `side` pixels keeps for the backward pass, at least.
    pub fn least_activations(&self, side: usize) -> f64 {
        match self {
            Self::Vit(config) => config.least_activations(side),
            Self::ResNet(config) => {
                // Inputs of two convolutions; of the bottleneck's three, the first has four times as many channels.
                let of_a_channel = match config.block {
                    ResNetBlock::Basic => 2.0,
                    ResNetBlock::Bottleneck => 6.0,
                };
                stages(side, config.layers, config.channels, of_a_channel)
            }
            Self::ModifiedResNet(config) => {
                let channels = [1, 2, 4, 8].map(|times: usize| times.saturating_mul(config.width));
                stages(side, config.layers, channels, 6.0)
            }
            // Input, normalised input, four times as many units.
            Self::ConvNext(config) => stages(side, config.layers, config.channels, 6.0),
        }
    }
}

impl TextTransformerConfig {
    /// Numbers that a forward pass of one text keeps for the backward pass, at least.
    pub fn least_activations(&self) -> f64 {
        transformer(self.context_length as f64, self.depth, self.width, self.mlp_ratio)
    }
}
