//! Classes given by name: their vectors, and probabilities from cosines.

use std::error::Error;

use vlp::data::HostTokens;
use vlp::eval::{Embeddings, HeadEmbeddings, class_embeddings, prompts};

use super::model::Model;
use super::tokenizer::Reader;

/// Texts that the model reads at once.
const BATCH: usize = 32;

/// The mean direction of every class's prompts.
pub(crate) fn class_vectors(
    model: &Model,
    reader: &Reader,
    classes: &[String],
    templates: &[String],
) -> Result<Embeddings, Box<dyn Error>> {
    let (texts, class_of) = prompts(classes, templates);
    let texts: Vec<_> = texts.iter().map(|text| reader.prepare(text)).collect();
    let embedded = texts.chunks(BATCH).map(|chunk| {
        let tokens = HostTokens::encode(reader.tokenizer.as_ref(), chunk.iter().map(String::as_str));
        model.embedder.embed_texts(tokens.into_tensor(&model.device))
    });
    Ok(class_embeddings(&HeadEmbeddings::gather(embedded)?.weak, &class_of)?)
}

/// CLIP was trained to choose one text: a softmax. SigLIP was trained to say yes or no to each: a sigmoid.
pub(crate) fn probabilities(cosines: &[f32], model: &Model) -> Vec<f64> {
    let logits = cosines.iter().map(|&cosine| f64::from(model.scale * cosine + model.bias.unwrap_or(0.0)));
    if model.bias.is_some() {
        return logits.map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
    }
    let logits: Vec<f64> = logits.collect();
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
