//! Damaged recipes by the thousand: refused in words, or a recipe that keeps its promises. A seed makes every run the same.

use vlp::recipe::Recipe;
use vlp_testkit::mutants::{mutate_text, times};

/// The quickstart, and one that names every other part of a recipe.
fn originals() -> [String; 2] {
    let quickstart = include_str!("../recipes/quickstart.toml").to_owned();
    let (head, rest) = quickstart.split_once("[views]").unwrap();
    let (_, rest) = rest.split_once("[image]").unwrap();
    let other = format!(
        r#"caption_sampling = "multi"
{head}
[augment]
weak = "clip-rocket/weak"
local = "swav/local"
strong_text = [{{ op = "remove-stop-words", p = 0.8 }}, {{ op = "random-deletion", probability = 0.1 }}]
[[augment.strong]]
op = "random-resized-crop"
scale = [0.2, 1.0]
[[augment.strong]]
op = "rand-augment"
p = 0.5
[views]
size = 32
strong = 2
local = 3
local_size = 16
[image]{rest}"#
    );
    [quickstart, other]
}

#[test]
fn both_originals_are_recipes() {
    for original in originals() {
        Recipe::from_toml(&original).unwrap().build_views().unwrap();
    }
}

#[test]
fn recipes() {
    let originals = originals();
    let mut accepted = 0;
    for seed in 0..10_000 * times() {
        let bytes = mutate_text(originals[seed as usize % originals.len()].as_bytes(), seed);
        let Ok(recipe) = Recipe::from_toml(&String::from_utf8_lossy(&bytes)) else { continue };
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe, "seed {seed}");
        let views = recipe.build_views().unwrap();
        assert_eq!((views.strong_count(), views.local_count()), (recipe.views.strong, recipe.views.local));
        let steps = recipe.total_steps(1000);
        assert!(steps >= 1, "seed {seed}");
        let decay = recipe.optimizer.weight_decay_over(steps).unwrap();
        assert!(vlp::schedulers::Schedule::at(&decay, 0) >= 0.0, "seed {seed}");
        accepted += 1;
    }
    // Neither all harmless nor all hopeless.
    assert!((500..9_500).contains(&(accepted / times())), "{accepted}");
}
