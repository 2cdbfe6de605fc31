use std::fmt::Debug;

use burn::tensor::{Device, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vlp_core::{Embedder, ImageEncoder, Method, PairBatch, TextEncoder};
use vlp_encoders::ProjectionHead;

use crate::{MethodError, StrongViews};

/// The encoders inside a method and the heads that stand directly on them.
#[derive(Debug)]
pub struct Towers<'a, I, T> {
    /// Image encoder.
    pub image: &'a I,
    /// Text encoder; none in a method that reads pictures only.
    pub text: Option<&'a T>,
    /// The head on image vectors, where the method has a single one.
    pub image_head: Option<&'a ProjectionHead>,
    /// The head on text vectors, where the method has a single one.
    pub text_head: Option<&'a ProjectionHead>,
}

/// The settings of a method, as the table `[method]` of a recipe holds them.
///
/// [`AnyMethodConfig`](crate::AnyMethodConfig) is the menu of this crate. A type of your own that implements the trait
/// makes recipes, runs and the command line train your own method: `Recipe<MyMethodConfig>`. For a loss of your own on
/// two encoders, [`PairMethodConfig`](crate::PairMethodConfig) implements it already.
pub trait MethodConfig: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The value of the key `name` of its table; none for a type that reads the key itself, as a menu of several methods does.
    const NAME: Option<&'static str>;

    /// The method, generic over its encoders.
    type Method<I: ImageEncoder, T: TextEncoder>: Method<Batch = PairBatch> + Embedder;

    /// The method's name, as messages and folders of runs use it: [`NAME`](Self::NAME) where there is one.
    fn name(&self) -> &'static str {
        Self::NAME.unwrap_or("unnamed")
    }

    /// How many strong views the method reads beside the weak one.
    fn strong_views(&self) -> StrongViews;

    /// Whether the method reads captions. One that learns from pictures alone drops the text encoder.
    fn reads_texts(&self) -> bool {
        true
    }

    /// Whether the method reads local crops, which an encoder of one picture size cannot take.
    fn reads_local_crops(&self) -> bool {
        false
    }

    /// Joins two encoders into the method.
    ///
    /// # Errors
    /// When a part cannot be built from the configuration.
    fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<Self::Method<I, T>, MethodError>;

    /// Checks the settings and the number of strong views before anything is built.
    ///
    /// # Errors
    /// [`MethodError::StrongViews`], and whatever the method's own settings may be wrong in.
    fn check(&self, strong_views: usize) -> Result<(), MethodError> {
        let needed = self.strong_views();
        if needed.allow(strong_views) {
            return Ok(());
        }
        let reason = "its features are made of that many views";
        Err(MethodError::StrongViews { method: self.name(), given: strong_views, needed, reason })
    }

    /// The factor that turns the cosines of evaluation into logits, `[1]`; none where the method learns none.
    fn scale<I: ImageEncoder, T: TextEncoder>(_method: &Self::Method<I, T>) -> Option<Tensor<1>> {
        None
    }

    /// What is added to scaled cosines, `[1]`; a method that has it was trained with a sigmoid.
    fn bias<I: ImageEncoder, T: TextEncoder>(_method: &Self::Method<I, T>) -> Option<Tensor<1>> {
        None
    }

    /// The encoders inside the method that learn; locking and learning rates by depth need them. None when it does not say.
    fn towers<I: ImageEncoder, T: TextEncoder>(_method: &Self::Method<I, T>) -> Option<Towers<'_, I, T>> {
        None
    }
}
