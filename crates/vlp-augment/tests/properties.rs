//! What holds for every picture, caption and seed.

use proptest::prelude::*;
use vlp_augment::image_ops::{gaussian_blur, horizontal_flip};
use vlp_augment::{
    Identity, Image, ImageError, ImageTransform, KeywordShuffle, Normalization, OneOf, RandomDeletion, RandomSwap,
    SampleRng, TextTransform, recipes,
};

fn image() -> impl Strategy<Value = Image> {
    (1usize..40, 1usize..40).prop_flat_map(|(width, height)| {
        proptest::collection::vec(any::<u8>(), width * height * 3)
            .prop_map(move |pixels| Image::new(width, height, pixels).unwrap())
    })
}

fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_recipe_gives_its_size_for_any_picture(image in image(), seed: u64, size in 1usize..50) {
        for recipe in [recipes::clip_rocket_weak(size), recipes::clip_rocket_strong(size), recipes::eval(size)] {
            let view = recipe.apply(image.clone(), &mut SampleRng::new(seed, 0, 0, 0));
            prop_assert_eq!((view.width(), view.height()), (size, size));
        }
    }

    #[test]
    fn the_same_key_gives_the_same_view(image in image(), seed: u64, epoch: u64, index: u64) {
        let strong = recipes::clip_rocket_strong(16);
        let view = || strong.apply(image.clone(), &mut SampleRng::new(seed, epoch, index, 1));
        prop_assert_eq!(view(), view());
    }

    #[test]
    fn flipping_twice_changes_nothing(image in image()) {
        prop_assert_eq!(horizontal_flip(horizontal_flip(image.clone())), image);
    }

    #[test]
    fn blur_keeps_one_colour(colour: [u8; 3], radius in 0.0..30.0) {
        let flat = Image::filled(9, 5, colour);
        prop_assert_eq!(gaussian_blur(flat.clone(), radius), flat);
    }

    #[test]
    fn whole_numbers_stay_below_their_bound(seed: u64, n in 1usize..1_000_000) {
        prop_assert!(SampleRng::new(seed, 0, 0, 0).below(n) < n);
    }

    #[test]
    fn swap_keeps_the_words_and_moves_at_most_two(text in "[a-f]{1,3}( [a-f]{1,3}){0,6}", seed: u64) {
        let swapped = RandomSwap.apply(text.clone(), &mut SampleRng::new(seed, 0, 0, 0));
        prop_assert_eq!(words(&swapped), words(&text));
        let moved = swapped.split(' ').zip(text.split(' ')).filter(|(a, b)| a != b).count();
        prop_assert!(moved == 0 || moved == 2);
    }

    #[test]
    fn deletion_leaves_at_least_one_word_in_order(text in "[a-f]{1,3}( [a-f]{1,3}){0,6}", seed: u64, p in 0.0..1.0) {
        let shorter = RandomDeletion { probability: p }.apply(text.clone(), &mut SampleRng::new(seed, 0, 0, 0));
        prop_assert!(!shorter.is_empty());
        let mut rest = text.split(' ');
        prop_assert!(shorter.split(' ').all(|word| rest.any(|other| other == word)));
    }

    #[test]
    fn keyword_shuffle_keeps_the_label_and_invents_nothing(
        label in "[a-z]{1,5}", keywords in proptest::collection::vec("[a-z]{1,4}", 1..8), at_least in 0usize..10, seed: u64,
    ) {
        let caption = format!("{label}: {}", keywords.join(", "));
        let view = KeywordShuffle { at_least }.apply(caption, &mut SampleRng::new(seed, 0, 0, 0));
        let (kept_label, kept) = view.split_once(": ").unwrap_or((&view, ""));
        prop_assert_eq!(kept_label, &label);
        let kept: Vec<&str> = kept.split(", ").filter(|k| !k.is_empty()).collect();
        prop_assert!(kept.len() >= at_least.min(keywords.len()));
        let mut pool = keywords.clone();
        for keyword in kept {
            let at = pool.iter().position(|k| k == keyword);
            prop_assert!(at.is_some(), "{} is not left in {:?}", keyword, pool);
            pool.remove(at.unwrap());
        }
    }
}

/// The streams are part of what a run's seed promises: a new version of a dependency must not change them.
#[test]
fn streams_never_change_their_values() {
    let mut rng = SampleRng::new(1, 2, 3, 4);
    assert_eq!(
        [rng.bits(), rng.bits(), rng.bits()],
        [1_223_844_302_487_303_164, 6_368_864_477_575_460_494, 4_630_466_153_352_783_437]
    );
    let mut rng = SampleRng::new(1, 2, 3, 4);
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    rng.shuffle(&mut items);
    assert_eq!(items, [4, 6, 3, 7, 5, 1, 2, 0]);
}

#[test]
fn draws_are_spread_evenly() {
    let mut rng = SampleRng::new(0, 0, 0, 0);
    let mut counts = [0; 7];
    let mut sum = 0.0;
    for _ in 0..70_000 {
        counts[rng.below(7)] += 1;
        sum += rng.uniform();
    }
    // Five standard deviations of a binomial (about 93) and of a mean of uniforms (about 0.0011).
    assert!(counts.iter().all(|&c: &i32| (c - 10_000).abs() < 465), "{counts:?}");
    assert!((sum / 70_000.0 - 0.5).abs() < 0.0055, "{sum}");
}

#[test]
fn each_key_word_opens_another_stream() {
    let first = |s, e, i, v| SampleRng::new(s, e, i, v).bits();
    let all = [first(0, 0, 0, 0), first(1, 0, 0, 0), first(0, 1, 0, 0), first(0, 0, 1, 0), first(0, 0, 0, 1)];
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b));
    }
}

#[test]
fn one_of_follows_its_weights() {
    struct Say(&'static str);
    impl TextTransform for Say {
        fn apply(&self, _text: String, _rng: &mut SampleRng) -> String {
            self.0.to_owned()
        }
    }
    let choice = OneOf::new().or(3.0, Say("a")).or(1.0, Say("b")).or(0.0, Identity);
    let picked: Vec<String> =
        (0..4000).map(|i| choice.apply("c".to_owned(), &mut SampleRng::new(0, 0, i, 0))).collect();
    let share = picked.iter().filter(|p| *p == "a").count();
    // 3000 expected, standard deviation 27.
    assert!(share.abs_diff(3000) < 140, "{share}");
    assert!(picked.iter().all(|p| p != "c"));
}

#[test]
fn one_of_without_a_weight_leaves_the_caption() {
    for none in [OneOf::new(), OneOf::new().or(0.0, RandomSwap), OneOf::new().or(f64::NAN, RandomSwap)] {
        assert_eq!(none.apply("a b c".to_owned(), &mut SampleRng::new(0, 0, 0, 0)), "a b c");
    }
}

#[test]
fn captions_of_another_form_are_left_alone() {
    let rng = &mut SampleRng::new(0, 0, 0, 0);
    for text in ["", "word", "a photo of a cat", "10:30"] {
        assert_eq!(KeywordShuffle { at_least: 1 }.apply(text.to_owned(), rng), text);
    }
    for text in ["", "word"] {
        assert_eq!(RandomSwap.apply(text.to_owned(), rng), text);
        assert_eq!(RandomDeletion { probability: 1.0 }.apply(text.to_owned(), rng), text);
    }
}

#[test]
fn a_buffer_of_the_wrong_length_is_refused() {
    assert!(matches!(Image::new(2, 2, vec![0; 11]), Err(ImageError::Length { bytes: 11, .. })));
    assert!(matches!(Image::new(0, 2, vec![]), Err(ImageError::Empty { .. })));
    assert!(matches!(Image::new(usize::MAX, 2, vec![]), Err(ImageError::TooLarge { .. })));
    assert!(Image::new(2, 2, vec![0; 12]).is_ok());
}

#[test]
fn the_affine_map_is_the_normalisation() {
    for statistics in [Normalization::IMAGENET, Normalization::CLIP, Normalization::HALF] {
        let (scale, shift) = statistics.affine();
        for c in 0..3 {
            for v in [0.0f32, 1.0, 127.0, 255.0] {
                let expected = (v / 255.0 - statistics.mean[c]) / statistics.std[c];
                // f32 rounding of values up to 3.
                assert!((scale[c] * v + shift[c] - expected).abs() < 1e-6);
            }
        }
    }
}
