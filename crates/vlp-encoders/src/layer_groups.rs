use std::fmt;

use burn::module::{Module, ParamGroup};

use crate::{EncoderError, ProjectionHead, parameter_count};

/// A tower's parameters in groups by depth, input first and head last, as open_clip groups them: what
/// [`LockConfig`](crate::LockConfig) freezes and what learning rates fall with.
///
/// | tower | groups |
/// |---|---|
/// | [`Vit`](crate::Vit) | `embeddings` (stem, class and register tokens, positions, norm before the blocks), `layer.i` for each block, the last with the last norm, `pool` where it pools by attention |
/// | [`TextTransformer`](crate::TextTransformer) | `embeddings` (tokens, positions), `layer.i` for each block, the last with the last norm |
/// | [`ResNet`](crate::ResNet) | `embeddings` (stem), `layer.i` for each block |
/// | [`ModifiedResNet`](crate::ModifiedResNet) | `embeddings` (stem), `layer.i` for each of the four stages, `pool` |
/// | [`ConvNext`](crate::ConvNext) | `embeddings` (stem), `layer.i` for each block, a stage's first with its downsampling, `norm` |
///
/// The projection head comes behind as `proj`. Fixed positions are in no group. Groups hold parameter ids: a loaded record
/// brings its own, so make them after loading.
#[derive(Clone, Default)]
pub struct LayerGroups {
    groups: Vec<(String, ParamGroup)>,
}

/// An encoder whose parameters can be told apart by depth.
pub trait Layered: Module {
    /// Its parameters in groups, input first.
    fn layer_groups(&self) -> LayerGroups;
}

impl LayerGroups {
    /// None yet.
    pub fn new() -> Self {
        LayerGroups::default()
    }

    /// Adds the parameters of `module` as the group nearest the output so far; none: no group.
    pub fn with<M: Module>(mut self, name: impl Into<String>, module: M) -> Self {
        if parameter_count(&module) > 0 {
            self.groups.push((name.into(), ParamGroup::ids_from_module(module)));
        }
        self
    }

    /// Adds the projection head behind the encoder, as `proj`.
    pub fn with_head(self, head: &ProjectionHead) -> Self {
        self.with("proj", head.clone())
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Names and parameters, input first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &ParamGroup)> {
        self.groups.iter().map(|(name, group)| (name.as_str(), group))
    }

    /// Factors on the learning rate that fall with the distance from the head, `decay^distance`: `--image-layer-decay` and
    /// `--text-layer-decay` of open_clip 4.2.0.dev0 (no release has them). The last group has factor 1.
    ///
    /// # Errors
    /// When `decay` is not in `(0, 1]`.
    pub fn rate_factors(&self, decay: f64) -> Result<Vec<(ParamGroup, f64)>, EncoderError> {
        if !(decay > 0.0 && decay <= 1.0) {
            return Err(EncoderError::config("layer decay", format!("{decay} is not in (0, 1]; 1 changes nothing")));
        }
        let distances = (0..self.len()).rev();
        Ok(self
            .iter()
            .zip(distances)
            .map(|((_, group), distance)| (group.clone(), decay.powi(distance as i32)))
            .collect())
    }

    /// The groups to freeze and those to leave, when the `unlocked` nearest the output stay trainable.
    pub(crate) fn split(&self, unlocked: usize) -> (Vec<&ParamGroup>, Vec<&ParamGroup>) {
        let mut frozen: Vec<_> = self.iter().map(|(_, group)| group).collect();
        let unlocked = frozen.split_off(self.len().saturating_sub(unlocked));
        (frozen, unlocked)
    }
}

impl fmt::Debug for LayerGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
