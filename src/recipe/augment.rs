use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vlp_augment::pipeline::{ImagePipeline, TextPipeline};
use vlp_augment::{Image, ImageSequence, ImageTransform, SampleRng, Synonyms, TextSequence};
use vlp_data::{CleanCaption, View};

use super::{RecipeError, ViewsRecipe};

/// Augmentation in full, as presets or lists of operations; each part takes the place of what `views` says about it.
///
/// ```
/// let recipe = vlp::recipe::Recipe::from_toml(&format!(
///     "{}\n{}",
///     vlp::recipe::Recipe::quickstart().to_toml()?.replace("weak_scale = [0.5, 1.0]", ""),
///     r#"
///     [augment]
///     weak = "open_clip/train"
///     weak_text = [{ op = "remove-stop-words", p = 0.8 }]
///     "#,
/// ))?;
/// assert_eq!(recipe.build_views()?.strong_count(), 1);
/// # Ok::<(), vlp::recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentRecipe {
    /// Pictures of weak views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak: Option<ImagePipeline>,
    /// Pictures of strong views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong: Option<ImagePipeline>,
    /// Local crops, `views.local_size` pixels wide and high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<ImagePipeline>,
    /// Captions of weak views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_text: Option<TextPipeline>,
    /// Captions of strong views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong_text: Option<TextPipeline>,
    /// Whether captions are cleaned before anything else, as CLIP's tokenizer cleans them.
    pub clean_captions: bool,
    /// Folder of a WordNet dictionary for synonyms; the table inside the crate when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wordnet: Option<PathBuf>,
}

impl AugmentRecipe {
    /// The synonyms that the captions' operations read.
    pub(super) fn synonyms(&self) -> Result<Arc<Synonyms>, RecipeError> {
        Ok(match &self.wordnet {
            Some(folder) => Arc::new(Synonyms::from_wordnet(folder)?),
            None => Synonyms::builtin(),
        })
    }

    /// A view of these transforms, its captions cleaned first where that is asked for.
    pub(super) fn view(&self, image: ImageSequence, text: TextSequence) -> View {
        if self.clean_captions {
            View::new(image, TextSequence::new().then(CleanCaption).then(text))
        } else {
            View::new(image, text)
        }
    }

    /// Refuses pipelines whose pictures are not squares of the views' sizes: the encoder could not read them.
    pub(super) fn check(&self, views: &ViewsRecipe) -> Result<(), RecipeError> {
        let pipelines = [
            ("augment.weak", &self.weak, views.size),
            ("augment.strong", &self.strong, views.side_of_strong()),
            ("augment.local", &self.local, views.local_size),
        ];
        for (key, pipeline, size) in pipelines {
            let Some(pipeline) = pipeline else { continue };
            let transforms = pipeline.build(size)?;
            // A crop that happens only sometimes shows itself in one of a few draws.
            for index in 0..16 {
                let view = transforms.apply(Image::filled(7, 5, [0; 3]), &mut SampleRng::new(0, 0, index, 0));
                if (view.width(), view.height()) != (size, size) {
                    let value = format!("a pipeline that gives {} x {} pixels", view.width(), view.height());
                    let must = "one that always gives squares of views.size, strong_size or local_size: with random-resized-crop, or resize and center-crop";
                    return Err(RecipeError::Value { key, value, must });
                }
            }
        }
        Ok(())
    }
}
