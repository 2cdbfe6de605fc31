//! Another picture size or context length than the weights were trained with.

use vlp_encoders::{resize_grid_positions, resize_sequence_positions};

use crate::config::{ImageSize, ImageTower, VitPool, VitTower, timm_name};
use crate::{HostTensor, Package, WeightError};

impl Package {
    /// The same model for square pictures of another side. Its position embeddings are resized as open_clip does it:
    /// bicubic, antialiased; the class token keeps its own. The preprocessing changes with it.
    ///
    /// # Errors
    /// When no model can have this size.
    pub fn with_image_size(self, side: usize) -> Result<Self, WeightError> {
        self.try_map(|mut weights, mut config, mut preprocess| {
            let before = config.towers()?;
            config.vision_cfg.image_size = ImageSize::Square(side);
            preprocess.size = ImageSize::Square(side);
            // A cut keeps its share of the picture.
            if let Some(from) = &mut preprocess.resize {
                let [height, width] = from.height_width();
                let was = before.image_size();
                let scaled = |length: usize| (length * side + was / 2) / was;
                *from = if height == width {
                    ImageSize::Square(scaled(height))
                } else {
                    ImageSize::HeightWidth([scaled(height), scaled(width)])
                };
            }
            if let (Some(_), ImageTower::Vit(was)) = (&config.vision_cfg.timm_model_name, &before.image) {
                // By the name for this size where timm has one: releases of open_clip up to 3.3.0 take no arguments.
                let (name, arguments) = timm_name(&VitTower { image_size: side, ..was.clone() });
                config.vision_cfg.timm_model_name = Some(name);
                config.vision_cfg.timm_model_kwargs = (!arguments.is_empty()).then_some(arguments);
            }
            let (name, prefix, from, to) = match (&before.image, &config.towers()?.image) {
                (ImageTower::Vit(was), ImageTower::Vit(is)) if was.pool == VitPool::Map => {
                    ("visual.trunk.pos_embed", 0, was.grid(), is.grid())
                }
                (ImageTower::Vit(was), ImageTower::Vit(is)) => {
                    ("visual.positional_embedding", 1, was.grid(), is.grid())
                }
                (ImageTower::ResNet(was), ImageTower::ResNet(is)) => {
                    ("visual.attnpool.positional_embedding", 1, was.image_size / 32, is.image_size / 32)
                }
                _ => unreachable!("the size of pictures does not choose the kind of tower"),
            };
            if from != to
                && let Some(old) = weights.remove(name)
            {
                let resize = |values: &[f32], width: usize| {
                    let (class, grid) = values.split_at(prefix * width);
                    [class, &resize_grid_positions(grid, width, [from; 2], [to; 2])].concat()
                };
                weights.insert(name, resized(old, prefix + to * to, resize)?);
            }
            weights.metadata.clear();
            Ok((weights, config, preprocess))
        })
    }

    /// The same model for texts of another length. Its position embeddings are resized as open_clip does it, linearly.
    ///
    /// # Errors
    /// When no model can have this length.
    pub fn with_context_length(self, length: usize) -> Result<Self, WeightError> {
        self.try_map(|mut weights, mut config, preprocess| {
            let before = config.text_cfg.context_length;
            config.text_cfg.context_length = length;
            config.towers()?;
            let name = if config.custom_text { "text.positional_embedding" } else { "positional_embedding" };
            if before != length
                && let Some(old) = weights.remove(name)
            {
                let resize = |values: &[f32], width: usize| resize_sequence_positions(values, width, before, length);
                weights.insert(name, resized(old, length, resize)?);
            }
            weights.metadata.clear();
            Ok((weights, config, preprocess))
        })
    }
}

/// Resizes the last axis but one, in 32-bit floats.
fn resized(
    old: HostTensor,
    rows: usize,
    resize: impl FnOnce(&[f32], usize) -> Vec<f32>,
) -> Result<HostTensor, WeightError> {
    let dtype = old.dtype();
    let refuse = || WeightError::Type { tensor: "positions".to_string(), dtype, action: "resized".to_string() };
    let values = old.to_f32().ok_or_else(refuse)?;
    let mut shape = old.shape().to_vec();
    let axis = shape.len().checked_sub(2).ok_or_else(refuse)?;
    let width = shape[axis + 1];
    shape[axis] = rows;
    HostTensor::from_f32(shape, &resize(&values, width)).cast(dtype).ok_or_else(refuse)
}
