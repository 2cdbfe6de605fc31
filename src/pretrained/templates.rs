use vlp_eval::{EvalError, prompts};

use super::PretrainedError;

/// Sentences about a class, each with a place for its name: `{}` or `{c}`.
///
/// The vector of a class is the mean of its sentences' vectors.
///
/// ```
/// use vlp::pretrained::Templates;
///
/// assert_eq!(Templates::simple().fill("cat"), ["a photo of a cat."]);
/// assert_eq!(Templates::new(["{c}, seen from above"])?.fill("cat"), ["cat, seen from above"]);
/// assert!(Templates::new(["a photo"]).is_err());
/// # Ok::<(), vlp::pretrained::PretrainedError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    sentences: Vec<String>,
}

impl Templates {
    /// The sentences given.
    ///
    /// # Errors
    /// When there is none, or one has no place for the class.
    pub fn new(sentences: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, PretrainedError> {
        let sentences: Vec<String> = sentences.into_iter().map(Into::into).collect();
        if sentences.is_empty() {
            return Err(PretrainedError::Nothing { what: "template" });
        }
        prompts(&[""], &sentences).map_err(|error| match error {
            EvalError::Template { template } => PretrainedError::Template { template },
            error => error.into(),
        })?;
        Ok(Templates { sentences })
    }

    /// A sentence on each line; empty lines are passed over.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_lines(text: &str) -> Result<Self, PretrainedError> {
        Self::new(text.lines().map(str::trim).filter(|line| !line.is_empty()))
    }

    /// The 80 sentences that OpenAI's CLIP was measured on ImageNet with.
    pub fn openai() -> Self {
        Self::from_lines(include_str!("data/openai_templates.txt")).expect("data/openai_templates.txt has places")
    }

    /// The name of the class and nothing else, for models that were trained on such captions.
    pub fn plain() -> Self {
        Templates { sentences: vec!["{}".to_string()] }
    }

    /// "a photo of a {}.": the usual one.
    pub fn simple() -> Self {
        Templates { sentences: vec!["a photo of a {}.".to_string()] }
    }

    /// The sentences about one class.
    pub fn fill(&self, class: &str) -> Vec<String> {
        prompts(&[class], &self.sentences).map(|(sentences, _)| sentences).unwrap_or_default()
    }

    /// The sentences with their places.
    pub fn sentences(&self) -> &[String] {
        &self.sentences
    }
}

/// The names of ImageNet's 1,000 classes in their order, as open_clip uses them for zero-shot classification.
///
/// Two names occur twice, "missile" and "sunglasses": ImageNet has two classes for each.
pub fn imagenet_classes() -> Vec<&'static str> {
    include_str!("data/imagenet_classes.txt").lines().collect()
}
