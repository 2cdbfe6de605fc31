//! What is left for later and done later is what would have been done at once.

use proptest::prelude::*;
use vlp_augment::pipeline::{ImageOp, ImagePipeline, Operation, Step};
use vlp_augment::{Image, ImageTransform, Photometric, SampleRng};

fn image() -> impl Strategy<Value = Image> {
    (1usize..30, 1usize..30).prop_flat_map(|(width, height)| {
        proptest::collection::vec(any::<u8>(), width * height * 3)
            .prop_map(move |pixels| Image::new(width, height, pixels).unwrap())
    })
}

/// Both ways; the streams must have moved on alike.
fn both_ways(transform: &dyn ImageTransform, image: &Image, seed: u64) -> (Image, Image, Vec<Photometric>) {
    let stream = || SampleRng::new(seed, 1, 2, 3);
    let (mut at_once, mut deferred, mut later) = (stream(), stream(), Vec::new());
    let expected = transform.apply(image.clone(), &mut at_once);
    let geometric = transform.defer(image.clone(), &mut deferred, &mut later);
    assert_eq!(at_once.bits(), deferred.bits(), "both draw the same");
    (expected, Photometric::apply_all(later.clone(), geometric), later)
}

fn pipeline(steps: Vec<Step<ImageOp>>) -> vlp_augment::ImageSequence {
    ImagePipeline::new(steps).unwrap().build(9).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_preset_gives_the_same_bytes(image in image(), seed: u64) {
        for name in ImageOp::PRESETS {
            let transform = ImagePipeline::preset(name).unwrap().build(12).unwrap();
            let (expected, settled, _) = both_ways(&transform, &image, seed);
            prop_assert_eq!(expected, settled, "{}", name);
        }
    }

    /// Whatever the order: crops and operations of the host after changes of colour, flips between them.
    #[test]
    fn every_order_of_operations_gives_the_same_bytes(image in image(), seed: u64, order: u64) {
        let mut steps = vec![
            Step::with(0.7, ImageOp::ColorJitter { brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5 }),
            Step::with(0.7, ImageOp::ColorJitter { brightness: 0.0, contrast: 0.4, saturation: 0.0, hue: 0.0 }),
            Step::with(0.5, ImageOp::HorizontalFlip {}),
            Step::with(0.5, ImageOp::VerticalFlip {}),
            Step::with(0.5, ImageOp::Grayscale {}),
            Step::with(0.5, ImageOp::GaussianBlur { radius: [0.0, 12.0] }),
            Step::with(0.5, ImageOp::Solarize { threshold: 100.5 }),
            Step::with(0.5, ImageOp::Equalize {}),
            Step::with(0.5, ImageOp::CenterCrop { size: None }),
        ];
        SampleRng::new(order, 0, 0, 0).shuffle(&mut steps);
        let (expected, settled, _) = both_ways(&pipeline(steps), &image, seed);
        prop_assert_eq!(expected, settled);
    }
}

#[test]
fn a_strong_view_leaves_all_of_its_colours_for_later() {
    let transform = ImagePipeline::preset("byol-1").unwrap().build(12).unwrap();
    let image = Image::filled(20, 20, [10, 200, 90]);
    let lengths: Vec<usize> = (0..200).map(|seed| both_ways(&transform, &image, seed).2.len()).collect();
    // Jitter (four changes) with probability 0.8, greyscale with 0.2, blur always.
    assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&1), Some(&6)));
}

#[test]
fn what_only_the_host_can_do_settles_what_came_before() {
    let host = Step::always(ImageOp::Posterize { bits: 4 });
    let grey = || Step::always(ImageOp::Grayscale {});
    let image = Image::filled(9, 9, [10, 200, 90]);
    for (steps, left) in [
        (vec![grey(), host.clone()], 0),
        (vec![host.clone(), grey()], 1),
        (vec![grey(), host, grey()], 1),
        (vec![grey(), Step::always(ImageOp::GaussianBlur { radius: [20.0, 20.0] })], 0),
        (vec![grey(), Step::always(ImageOp::GaussianBlur { radius: [2.0, 2.0] })], 2),
    ] {
        assert_eq!(both_ways(&pipeline(steps), &image, 0).2.len(), left);
    }
}
