use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Precision, TextEncoder, TextMode};

use crate::layers::{linear, over_rows, uniform_fan_in};
use crate::{Activation, Bert, BertConfig, EncoderError};

/// What lies behind a [`Bert`]'s pooled vector (open_clip's `hf_proj_type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BertProjection {
    /// Nothing: the vector is as long as the pictures' already.
    None,
    /// One matrix without bias.
    Linear,
    /// Two matrices without bias and GELU between; the hidden width is the mean of both ends, rounded down.
    #[default]
    Mlp,
}

/// Configuration of a [`BertTower`]; the default is the text tower of open_clip's `roberta-ViT-B-32`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BertTowerConfig {
    /// The encoder.
    pub bert: BertConfig,
    /// What follows its pooling.
    pub projection: BertProjection,
    /// Length of the vectors that come out.
    pub output: usize,
}

impl Default for BertTowerConfig {
    fn default() -> Self {
        BertTowerConfig { bert: BertConfig::default(), projection: BertProjection::Mlp, output: 512 }
    }
}

/// A [`Bert`] with open_clip's projection behind it: the text tower of models that name one of Hugging Face's. It needs no head.
#[derive(Module, Debug)]
pub struct BertTower {
    /// The encoder.
    pub bert: Bert,
    /// The projection, none to two layers with GELU between.
    pub projection: Vec<Linear>,
}

impl BertTowerConfig {
    /// Builds the tower.
    ///
    /// # Errors
    /// As [`BertConfig::init`], and when nothing projects vectors of another length than `output`.
    pub fn init(&self, device: &Device) -> Result<BertTower, EncoderError> {
        let (width, output) = (self.bert.width, self.output);
        let widths = match self.projection {
            BertProjection::None if width == output => vec![],
            BertProjection::None => {
                let problem = format!("vectors of {width} elements cannot become {output} without a projection");
                return Err(EncoderError::config("bert tower", problem));
            }
            BertProjection::Linear => vec![width, output],
            BertProjection::Mlp => vec![width, (width + output) / 2, output],
        };
        if output == 0 {
            return Err(EncoderError::config("bert tower", "output must be at least 1".to_owned()));
        }
        let layer = |pair: &[usize]| linear([pair[0], pair[1]], uniform_fan_in(pair[0]), None, device);
        Ok(BertTower { bert: self.bert.init(device)?, projection: widths.windows(2).map(layer).collect() })
    }
}

impl BertTower {
    /// The same tower with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        BertTower { bert: self.bert.with_precision(precision), ..self }
    }
}

impl TextEncoder for BertTower {
    fn width(&self) -> usize {
        self.projection.last().map_or(self.bert.width(), |layer| layer.weight.dims()[1])
    }

    fn encode(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2> {
        let pooled = self.bert.encode(tokens, mode);
        self.projection.iter().enumerate().fold(pooled, |x, (index, layer)| {
            let x = if index > 0 { Activation::Gelu.forward(x) } else { x };
            over_rows(layer, x)
        })
    }
}
