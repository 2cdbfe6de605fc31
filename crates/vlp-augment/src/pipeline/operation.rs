use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Step;
use crate::AugmentError;

/// A set of operations that can be written as data.
pub trait Operation: Clone + Serialize + DeserializeOwned {
    /// What one is called in messages.
    const KIND: &'static str;
    /// What a preset is called in messages.
    const PRESET_KIND: &'static str;
    /// The values of `op`.
    const NAMES: &'static [&'static str];
    /// The presets.
    const PRESETS: &'static [&'static str];

    /// The steps of a preset.
    fn preset(name: &str) -> Option<Vec<Step<Self>>>;

    /// Checks the settings of the operation.
    ///
    /// # Errors
    /// [`AugmentError::Value`] when a value is out of range.
    fn check(&self) -> Result<(), AugmentError>;
}
