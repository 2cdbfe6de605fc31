//! What the types of a recipe cannot say: ranges, and that its parts fit one another.

use vlp_encoders::ImageEncoderConfig;
use vlp_methods::MethodConfig;

use super::{EmaRecipe, InitRecipe, LayerDecayRecipe, LockRecipe, LoraRecipe, Recipe, RecipeError};

/// Most samples of a batch: thirty times the largest that contrastive pre-training has been published with.
const MOST_SAMPLES: usize = 1 << 20;

impl<M: MethodConfig, I: ImageEncoderConfig> Recipe<M, I> {
    /// Checks what the types cannot: ranges, and that the parts fit one another. Reading a recipe has done it; do it again
    /// after changing one.
    ///
    /// # Errors
    /// [`RecipeError::Value`] with the key at fault.
    pub fn check(&self) -> Result<(), RecipeError> {
        self.check_length()?;
        if let Some(size) = self.image.image_size() {
            let refuse = |key, value: usize, must| Err(RecipeError::Value { key, value: value.to_string(), must });
            if self.views.size != size {
                return refuse("views.size", self.views.size, "equal to image.image_size");
            }
            if let Some(strong) = self.views.strong_size.filter(|strong| *strong != size) {
                let must = "left out or equal to image.image_size: this encoder takes one size";
                return refuse("views.strong_size", strong, must);
            }
            let reads_local = self.views.local > 0 && self.method.reads_local_crops();
            if reads_local && self.views.local_size != size {
                let must = "equal to image.image_size, or image.dynamic_size true: this encoder takes one size";
                return refuse("views.local_size", self.views.local_size, must);
            }
        }
        let least = self.image.least_size();
        let smallest = self.views.size.min(self.views.strong_size.unwrap_or(usize::MAX));
        if smallest < least {
            let must = "at least 32, the smallest picture that this image encoder takes";
            return Err(RecipeError::Value { key: "views.size", value: smallest.to_string(), must });
        }
        self.views.check()?;
        if let Some(augment) = &self.augment {
            self.views.check_beside(augment)?;
            augment.check(&self.views)?;
        }
        self.data.check()?;
        self.normalization.check()?;
        self.init.as_ref().map_or(Ok(()), InitRecipe::check)?;
        self.lock.as_ref().map_or(Ok(()), LockRecipe::check)?;
        self.lora.as_ref().map_or(Ok(()), LoraRecipe::check)?;
        self.layer_decay.as_ref().map_or(Ok(()), LayerDecayRecipe::check)?;
        self.ema.as_ref().map_or(Ok(()), EmaRecipe::check)?;
        self.check_texts()?;
        self.schedule.check()?;
        self.optimizer.check()?;
        self.eval.check()?;
        self.checkpoint.check()?;
        self.log.check()?;
        Ok(self.method.check(self.views.strong)?)
    }

    /// A method of images alone has no text encoder that could be locked, adapted or slowed down.
    fn check_texts(&self) -> Result<(), RecipeError> {
        if self.method.reads_texts() {
            return Ok(());
        }
        let given = [
            ("lock.text", self.lock.and_then(|lock| lock.text).map(|groups| groups.to_string())),
            ("lora.text", self.lora.as_ref().and_then(|lora| lora.text.as_ref()).map(|_| "set".to_owned())),
            ("layer_decay.text", self.layer_decay.map(|decay| decay.text).filter(|d| *d != 1.0).map(|d| d.to_string())),
        ];
        match given.into_iter().find_map(|(key, value)| Some((key, value?))) {
            Some((key, value)) => {
                Err(RecipeError::Value { key, value, must: "left out: this method has no text encoder" })
            }
            None => Ok(()),
        }
    }

    fn check_length(&self) -> Result<(), RecipeError> {
        let refuse =
            |key: &'static str, value: String, must: &'static str| Err(RecipeError::Value { key, value, must });
        match self.steps {
            Some(0) => return refuse("steps", "0".to_owned(), "at least 1"),
            Some(steps) if self.epochs != 0.0 => {
                return refuse(
                    "steps",
                    steps.to_string(),
                    "left out where epochs is set: one of them says how long a run is",
                );
            }
            None if !(self.epochs.is_finite() && self.epochs > 0.0) => {
                return refuse("epochs", self.epochs.to_string(), "a positive number, or left out beside steps");
            }
            _ => (),
        }
        if self.batch_size < 2 {
            let must = "at least 2: a contrastive loss compares samples";
            return refuse("batch_size", self.batch_size.to_string(), must);
        }
        if self.batch_size > MOST_SAMPLES {
            return refuse("batch_size", self.batch_size.to_string(), "at most 1048576");
        }
        Ok(())
    }
}
