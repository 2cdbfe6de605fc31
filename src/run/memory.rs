//! Whether a training step can fit into the machine, asked before anything is allocated.

use burn::tensor::Device;
use vlp_core::Precision;
use vlp_encoders::{ImageEncoderConfig, physical_memory};
use vlp_methods::MethodConfig;

use super::RunError;
use crate::recipe::Recipe;

/// Refuses a batch that the CPU's memory cannot hold. What is counted is less than what a step takes: pictures of all views in f32, and
/// for each sample what one pass of each encoder that learns keeps for the backward pass.
pub(super) fn check<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    device: &Device,
) -> Result<(), RunError> {
    match physical_memory() {
        // What a GPU holds is not known here.
        Some(memory) if crate::device::is_cpu(device) => within(least_bytes(recipe), memory),
        _ => Ok(()),
    }
}

fn within(needed: f64, memory: f64) -> Result<(), RunError> {
    const GIB: f64 = (1u64 << 30) as f64;
    if needed <= memory {
        return Ok(());
    }
    let (needed, memory) = (needed / GIB, memory / GIB);
    let problem = format!(
        "a step on so many samples takes more than {needed:.0} GiB, and this machine has {memory:.0} GiB: make batches, pictures, \
         texts or encoders smaller"
    );
    Err(RunError::Key { key: "batch_size", problem })
}

fn least_bytes<M: MethodConfig, I: ImageEncoderConfig>(recipe: &Recipe<M, I>) -> f64 {
    let views = &recipe.views;
    let picture = |side: usize| 3.0 * side as f64 * side as f64;
    let local = if recipe.method.reads_local_crops() { views.local } else { 0 };
    let pictures = picture(views.size)
        + views.strong as f64 * picture(views.strong_size.unwrap_or(views.size))
        + local as f64 * picture(views.local_size);
    // A tower of which a part is locked, or that only adapters learn in, may keep less.
    let learns = |locked: bool, adapted: bool| !locked && !adapted;
    let (lock, lora) = (recipe.lock.as_ref(), recipe.lora.as_ref());
    let image = learns(lock.is_some_and(|lock| lock.image.is_some()), lora.is_some_and(|lora| lora.image.is_some()));
    let text = learns(lock.is_some_and(|lock| lock.text.is_some()), lora.is_some_and(|lora| lora.text.is_some()));
    let mut kept = 0.0;
    if image {
        kept += recipe.image.least_activations(views.size);
    }
    if text && recipe.method.reads_texts() {
        kept += recipe.text.least_activations();
    }
    let bytes = if recipe.precision == Precision::F32 { 4.0 } else { 2.0 };
    recipe.batch_size as f64 * (4.0 * pictures + bytes * kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{LockRecipe, Recipe};

    fn bytes(settings: &[&str]) -> f64 {
        least_bytes(&Recipe::quickstart().set(settings).unwrap())
    }

    #[test]
    fn a_step_is_counted_from_below() {
        // Two views of 32 x 32, a stem of 32, 64 and 128 channels, 16 tokens in 4 blocks, 24 tokens in 2 blocks.
        let pictures = 2 * 3 * 32 * 32;
        let stem = 32 * 16 * 16 + 64 * 8 * 8 + 128 * 4 * 4;
        let kept = stem + 16 * 4 * 160 * 10 + 24 * 2 * 128 * 10;
        let expected = f64::from(4 * 256 * (pictures + kept));
        assert_eq!(bytes(&[]), expected);
        assert_eq!(bytes(&["batch_size=512"]), 2.0 * expected);
        let locked =
            Recipe { lock: Some(LockRecipe { image: Some(0), ..LockRecipe::default() }), ..Recipe::quickstart() };
        assert_eq!(least_bytes(&locked), f64::from(4 * 256 * (pictures + 24 * 2 * 128 * 10)));
        assert!(bytes(&["precision=bf16"]) < expected);
        // Published recipes count as what they are: gibibytes.
        let published = least_bytes(&Recipe::builtin("clip-vitb16-cc3m").unwrap());
        assert!((1e10..1e12).contains(&published), "{published}");
    }

    #[test]
    fn every_image_encoder_counts() {
        for (kind, least, most) in [("resnet", 1e6, 2e7), ("modified-resnet", 1e6, 2e7), ("convnext", 1e6, 2e7)] {
            let recipe =
                Recipe::quickstart().set(&[format!("image.kind={kind}"), "views.size=224".to_owned()]).unwrap();
            let kept = recipe.image.least_activations(224);
            // Millions of numbers a picture of 224 x 224, as published.
            assert!((least..most).contains(&kept), "{kind}: {kept}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_sizes() {
        let gib = f64::from(1 << 30);
        within(16.0 * gib, 16.0 * gib).unwrap();
        let error = within(20.0 * gib, 16.0 * gib).unwrap_err().to_string();
        assert!(error.contains("batch_size") && error.contains("20 GiB") && error.contains("16 GiB"), "{error}");
    }
}
