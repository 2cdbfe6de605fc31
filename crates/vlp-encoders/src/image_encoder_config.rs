use std::fmt::Debug;

use burn::tensor::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vlp_core::{ImageEncoder, Precision};

use crate::{AnyImageEncoder, AnyImageEncoderConfig, EncoderError, LayerGroups, Layered};

/// The settings of an image encoder, as the table `[image]` of a recipe holds them.
///
/// [`AnyImageEncoderConfig`] is the menu of this crate. A type of your own that implements the trait makes recipes and
/// runs train your own encoder: `Recipe<AnyMethodConfig, MyEncoderConfig>`.
pub trait ImageEncoderConfig: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The value of the key `kind` of its table; none for a type that reads the key itself, as a menu of several encoders does.
    const KIND: Option<&'static str>;

    /// The encoder.
    type Encoder: ImageEncoder;

    /// Builds the encoder.
    ///
    /// # Errors
    /// When a setting is out of range.
    fn init(&self, device: &Device) -> Result<Self::Encoder, EncoderError>;

    /// Side in pixels of the pictures that the encoder takes; none: any size.
    fn image_size(&self) -> Option<usize> {
        None
    }

    /// Smallest side in pixels that an encoder of any size takes.
    fn least_size(&self) -> usize {
        1
    }

    /// Numbers that a forward pass of one picture of `side` pixels keeps for the backward pass, at least; 0 where that is not known.
    /// A run whose batch does not fit into the machine's memory by this count is refused before anything is allocated.
    fn least_activations(&self, _side: usize) -> f64 {
        0.0
    }

    /// The same encoder with layers that compute in `precision`; none when it computes in f32 only.
    fn with_precision(encoder: Self::Encoder, precision: Precision) -> Option<Self::Encoder> {
        (precision == Precision::F32).then_some(encoder)
    }

    /// The encoder's parameters by depth, for locking and for learning rates that fall with depth; none when it has no order.
    fn layer_groups(_encoder: &Self::Encoder) -> Option<LayerGroups> {
        None
    }
}

impl ImageEncoderConfig for AnyImageEncoderConfig {
    const KIND: Option<&'static str> = None;

    type Encoder = AnyImageEncoder;

    fn init(&self, device: &Device) -> Result<AnyImageEncoder, EncoderError> {
        self.init(device)
    }

    fn image_size(&self) -> Option<usize> {
        self.image_size()
    }

    fn least_size(&self) -> usize {
        // Five halvings leave one position.
        if self.image_size().is_none() { 32 } else { 1 }
    }

    fn least_activations(&self, side: usize) -> f64 {
        self.least_activations(side)
    }

    fn with_precision(encoder: AnyImageEncoder, precision: Precision) -> Option<AnyImageEncoder> {
        Some(encoder.with_precision(precision))
    }

    fn layer_groups(encoder: &AnyImageEncoder) -> Option<LayerGroups> {
        Some(encoder.layer_groups())
    }
}
