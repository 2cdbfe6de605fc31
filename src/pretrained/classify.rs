use std::path::Path;

use vlp_eval::{Embeddings, class_embeddings, prompts};

use super::{Model, PretrainedError, Templates};

/// A class, and how probable it is for a picture.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Classified {
    /// Its name.
    pub name: String,
    /// Its share among the classes, or, from a model trained with a sigmoid, the probability of this class alone.
    pub probability: f32,
}

/// Classes given by name, ready for any number of pictures.
#[derive(Debug, Clone)]
pub struct Classifier {
    names: Vec<String>,
    classes: Embeddings,
    scale: f32,
    bias: Option<f32>,
}

impl Model {
    /// The mean direction of each class's sentences.
    ///
    /// # Errors
    /// When there is no class, or the model has no tokenizer.
    pub fn class_embeddings(
        &self,
        names: &[impl AsRef<str>],
        templates: &Templates,
    ) -> Result<Embeddings, PretrainedError> {
        if names.is_empty() {
            return Err(PretrainedError::Nothing { what: "class" });
        }
        let (texts, class_of) = prompts(names, templates.sentences())?;
        Ok(class_embeddings(&self.embed_texts(&texts)?, &class_of)?)
    }

    /// Classes to sort pictures by.
    ///
    /// # Errors
    /// As [`class_embeddings`](Self::class_embeddings).
    pub fn classifier(&self, names: &[impl AsRef<str>], templates: &Templates) -> Result<Classifier, PretrainedError> {
        let classes = self.class_embeddings(names, templates)?;
        let names = names.iter().map(|name| name.as_ref().to_string()).collect();
        Ok(Classifier { names, classes, scale: self.scale(), bias: self.bias() })
    }

    /// All classes with their probability for each picture, the most probable first.
    ///
    /// # Errors
    /// As [`classifier`](Self::classifier) and [`embed_images`](Self::embed_images).
    pub fn classify(
        &self,
        images: &[impl AsRef<Path>],
        names: &[impl AsRef<str>],
        templates: &Templates,
    ) -> Result<Vec<Vec<Classified>>, PretrainedError> {
        self.classifier(names, templates)?.rank(&self.embed_images(images)?, names.len())
    }
}

impl Classifier {
    /// The names of the classes, in the order given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The vectors of the classes.
    pub fn classes(&self) -> &Embeddings {
        &self.classes
    }

    /// The `top` most probable classes of each picture, the most probable first, the earlier one where two are equal.
    ///
    /// # Errors
    /// When the pictures' vectors are of another model's length.
    pub fn rank(&self, images: &Embeddings, top: usize) -> Result<Vec<Vec<Classified>>, PretrainedError> {
        let cosines = images.similarity(&self.classes)?;
        let ranked = cosines.rows().into_iter().map(|row| {
            let logits: Vec<f32> = row.iter().map(|&cosine| self.scale * cosine + self.bias.unwrap_or(0.0)).collect();
            let shares = probabilities(&logits, self.bias.is_some());
            let mut order: Vec<usize> = (0..logits.len()).collect();
            // Stable, and by logits: far apart ones have shares of 0 alike.
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            let classified = |class: usize| Classified { name: self.names[class].clone(), probability: shares[class] };
            order.into_iter().take(top).map(classified).collect()
        });
        Ok(ranked.collect())
    }
}

/// A sigmoid of each, or a softmax over all; summed in f64.
pub(super) fn probabilities(logits: &[f32], sigmoid: bool) -> Vec<f32> {
    let logits = logits.iter().map(|&logit| f64::from(logit));
    if sigmoid {
        return logits.map(|logit| (1.0 / (1.0 + (-logit).exp())) as f32).collect();
    }
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}
