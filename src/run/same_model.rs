//! Whether an encoder that comes with weights computes what the recipe describes.

use serde::Serialize;
use serde_json::Value;

use super::RunError;

/// What changes how an encoder starts or trains, and no number that a trained one gives.
const IDLE: [&str; 6] = ["init", "patch_dropout", "drop_path", "dropout", "dynamic_size", "crop_border"];

/// Refuses an encoder of the weights that the recipe describes otherwise: equal shapes do not tell activations, masks, pooling or
/// numbers of heads apart, and a run would export, and resume, what it was not trained with.
///
/// # Errors
/// [`RunError::Key`] with every key that differs and what the weights have there.
pub(super) fn same_model(tower: &str, recipe: &impl Serialize, weights: &impl Serialize) -> Result<(), RunError> {
    let [recipe, weights] = [serde_json::to_value(recipe), serde_json::to_value(weights)]
        .map(|value| value.ok().and_then(|value| value.as_object().cloned()).unwrap_or_default());
    let differs =
        |key: &&String| !IDLE.contains(&key.as_str()) && !alike(key, &recipe[*key], weights.get(*key), &recipe);
    let keys: Vec<String> = recipe
        .keys()
        .filter(differs)
        .map(|key| format!("{tower}.{key} = {} (here {})", weights.get(key).unwrap_or(&Value::Null), recipe[key]))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let problem = format!("they were trained with {}: write that into the recipe", keys.join(", "));
    Err(RunError::Key { key: "init.weights", problem })
}

fn alike(key: &str, recipe: &Value, weights: Option<&Value>, all: &serde_json::Map<String, Value>) -> bool {
    let Some(weights) = weights else { return recipe.is_null() };
    match key {
        // It says where the scales start, which the weights replace.
        "layer_scale" => recipe.is_null() == weights.is_null(),
        // The shapes of the MLP are compared by themselves; a ratio is rounded.
        "mlp_ratio" => true,
        // The largest id is the last of the vocabulary.
        "pooling" => recipe == weights || [recipe, weights].iter().all(|pooling| ends_texts(pooling, all)),
        _ => recipe == weights,
    }
}

/// Whether a pooling takes the token with the largest id, by either name.
fn ends_texts(pooling: &Value, text: &serde_json::Map<String, Value>) -> bool {
    let last = text.get("vocab_size").and_then(Value::as_u64).and_then(|size| size.checked_sub(1));
    pooling == "argmax" || (last.is_some() && pooling["eot"].as_u64() == last)
}

#[cfg(test)]
mod tests {
    use vlp_encoders::{Activation, AnyImageEncoderConfig, TextPooling, TextTransformerConfig, VitConfig};

    use super::*;

    #[test]
    fn what_decides_numbers_is_compared_and_nothing_else() {
        let text =
            TextTransformerConfig { vocab_size: 100, activation: Activation::Gelu, ..TextTransformerConfig::default() };
        let other = |change: fn(&mut TextTransformerConfig)| {
            let mut other = text.clone();
            change(&mut other);
            same_model("text", &text, &other).map_err(|error| error.to_string())
        };
        assert_eq!(other(|text| text.dropout = 0.1), Ok(()));
        assert_eq!(other(|text| text.pooling = TextPooling::Eot(99)), Ok(()));
        for (change, named) in [
            (
                (|text| text.activation = Activation::QuickGelu) as fn(&mut TextTransformerConfig),
                "text.activation = \"quick-gelu\"",
            ),
            (|text| text.heads += 1, "text.heads"),
            (|text| text.causal = !text.causal, "text.causal"),
            (|text| text.norm_eps = 0.5, "text.norm_eps = 0.5"),
            (|text| text.pooling = TextPooling::Eot(98), "text.pooling"),
            (|text| text.layer_scale = Some(0.1), "text.layer_scale"),
        ] {
            let error = other(change).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let image = AnyImageEncoderConfig::Vit(VitConfig::open_clip());
        let timm =
            AnyImageEncoderConfig::Vit(VitConfig { pre_norm: false, patch_dropout: 0.5, ..VitConfig::open_clip() });
        let error = same_model("image", &image, &timm).unwrap_err().to_string();
        assert!(error.contains("image.pre_norm = false (here true)") && !error.contains("patch_dropout"), "{error}");
    }
}
