//! Alone in its file: tests beside it would draw from the same generator between its draws.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::ImageEncoder;
use vlp_encoders::{LoraConfig, StemConfig, Vit, VitConfig};

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as().unwrap()
}

fn furthest<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    (a - b).abs().max().into_scalar()
}

fn vit(device: &Device, drops: bool) -> Vit {
    let rate = if drops { 0.5 } else { 0.0 };
    let stem = StemConfig::Patch { size: 8 };
    let config = VitConfig { image_size: 32, stem, width: 24, depth: 3, heads: 3, ..VitConfig::default() };
    VitConfig { patch_dropout: rate, drop_path: rate, ..config }.init(device).unwrap().materialize()
}

#[test]
fn what_is_drawn_is_a_function_of_the_seed_and_evaluation_draws_nothing() {
    let training = Device::flex().autodiff();
    training.seed(3);
    let dropping = vit(&training, true);
    let keeping = vit(&training, false).load_record(dropping.clone().into_record());
    let images = Tensor::<4>::random([4, 3, 32, 32], Distribution::Normal(0.0, 1.0), &training);
    let seeded = |seed| {
        training.seed(seed);
        dropping.encode(images.clone()).inner()
    };
    assert!(furthest(seeded(4), seeded(5)) > 1e-2);
    assert_eq!(read(seeded(4)), read(seeded(4)));

    let evaluated = dropping.valid();
    let first = evaluated.encode(images.clone().inner());
    assert_eq!(read(first.clone()), read(evaluated.encode(images.clone().inner())));
    assert!(furthest(first, keeping.valid().encode(images.inner())) < 1e-6);

    // The factors of adapters are drawn too.
    let factor = |seed| {
        training.seed(seed);
        let adapted = LoraConfig::default().apply(keeping.clone()).unwrap();
        adapted.transformer.blocks[0].fc_1.weight.adapter().unwrap().a.val().inner()
    };
    assert_eq!(read(factor(4)), read(factor(4)));
    assert_ne!(read(factor(4)), read(factor(5)));
}
