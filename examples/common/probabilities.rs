//! From cosines to probabilities.

use super::model::Model;

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
