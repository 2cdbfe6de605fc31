//! Positions: resized as PyTorch does, sines and cosines as open_clip and MoCo v3 have them.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor};
use serde_json::Value;
use vlp_core::ImageEncoder;
use vlp_encoders::{ImagePooling, Positions, StemConfig, VitConfig, resize_grid_positions, resize_sequence_positions};
use vlp_testkit::device::under_test;
use vlp_testkit::golden;

fn file() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/positions.json")["positions"].clone()
}

/// The formula of the golden file's inputs.
fn values(count: usize) -> Vec<f32> {
    (1..=count).map(|i| (0.7 * i as f64).sin() as f32).collect()
}

fn assert_equal(what: &str, actual: &[f32], expected: &Value) {
    let expected = golden::numbers(expected);
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (actual, expected) in actual.iter().zip(expected) {
        // Both are computed in f64; f32 holds 7 digits.
        assert!((f64::from(*actual) - expected).abs() < 1e-6, "{what}: {actual} is not {expected}");
    }
}

fn pair(value: &Value) -> [usize; 2] {
    golden::numbers(value).iter().map(|&n| n as usize).collect::<Vec<_>>().try_into().expect("two sizes")
}

#[test]
fn grids_are_resized_as_by_pytorchs_antialiased_bicubic_interpolation() {
    for case in file()["grids"].as_array().unwrap() {
        let (from, to, width) = (pair(&case["from"]), pair(&case["to"]), case["width"].as_u64().unwrap() as usize);
        let resized = resize_grid_positions(&values(from[0] * from[1] * width), width, from, to);
        assert_equal(&format!("{from:?} to {to:?}"), &resized, &case["output"]);
    }
}

#[test]
fn sequences_are_resized_as_by_pytorchs_linear_interpolation() {
    for case in file()["texts"].as_array().unwrap() {
        let [from, to, width] = ["from", "to", "width"].map(|key| case[key].as_u64().unwrap() as usize);
        let resized = resize_sequence_positions(&values(from * width), width, from, to);
        assert_equal(&format!("{from} to {to}"), &resized, &case["output"]);
    }
}

#[test]
#[should_panic(expected = "a grid of 2 x 2 vectors of length 3 has another number of values than 11")]
fn a_grid_with_values_missing_is_refused() {
    resize_grid_positions(&[0.0; 11], 3, [2, 2], [4, 4]);
}

fn fixed(positions: Positions, pooling: ImagePooling) -> VitConfig {
    let stem = StemConfig::Patch { size: 8 };
    VitConfig { image_size: 24, stem, width: 8, depth: 1, heads: 2, positions, pooling, ..VitConfig::default() }
}

#[test]
fn fixed_positions_are_those_of_open_clip_and_moco_and_do_not_learn() {
    let device = under_test().autodiff();
    let file = file();
    let read = |config: VitConfig| {
        let vit = config.init(&device).unwrap();
        let features = vit.encode(Tensor::random([2, 3, 24, 24], Distribution::Default, &device));
        let gradients = features.powi_scalar(2).slice([0..2, 0..3]).sum().backward();
        assert!(vit.positions.val().grad(&gradients).is_none());
        assert!(!vit.valid().train().positions.val().is_require_grad(), "evaluation between steps frees nothing");
        vit.positions.val().into_data().try_into_vec_as::<f32>().unwrap()
    };
    let open_clip = read(fixed(Positions::SinCos, ImagePooling::Class));
    assert_equal("open_clip", &open_clip, &file["sin_cos"]["open_clip"]);
    let moco = read(fixed(Positions::MocoSinCos, ImagePooling::Mean));
    assert_equal("moco", &moco, &file["sin_cos"]["moco"]);
    let with_class = read(fixed(Positions::MocoSinCos, ImagePooling::Class));
    assert_eq!(with_class[..8], [0.0; 8], "the class token has no place");
    assert_eq!(with_class[8..], moco[..]);
}

#[test]
fn a_width_that_four_does_not_divide_is_refused() {
    let config = VitConfig { width: 6, ..fixed(Positions::SinCos, ImagePooling::Class) };
    assert!(config.init(&under_test()).unwrap_err().to_string().contains("divisible by 4, got 6"));
}

#[test]
fn pictures_of_another_size_see_positions_as_they_would_be_resized_to() {
    let device = under_test();
    for (pooling, prefix_positions) in
        [(ImagePooling::Class, true), (ImagePooling::Class, false), (ImagePooling::Mean, true)]
    {
        let config = VitConfig { dynamic_size: true, prefix_positions, ..fixed(Positions::Learned, pooling) };
        let vit = config.init(&device).unwrap().materialize();
        let placed = usize::from(pooling == ImagePooling::Class && prefix_positions);
        let learned: Vec<f32> = vit.positions.val().into_data().try_into_vec_as().unwrap();
        let (prefix, grid) = learned.split_at(placed * 8);
        for [height, width] in [[16, 32], [40, 24], [8, 8]] {
            let images = Tensor::<4>::random([2, 3, height, width], Distribution::Normal(0.0, 1.0), &device);
            let ours: Vec<f32> = vit.encode(images.clone()).into_data().try_into_vec_as().unwrap();

            // Embedded by hand: the same blocks on patches with resized positions.
            let resized = resize_grid_positions(grid, 8, [3, 3], [height / 8, width / 8]);
            let all: Vec<f32> = prefix.iter().copied().chain(resized).collect();
            let length = all.len() / 8;
            let positions = Tensor::<3>::from_data(burn::tensor::TensorData::new(all, [1, length, 8]), &device);
            let patches = vit.stem.forward(images);
            let class = vit.class_token.as_ref().map(|token| token.val().expand([2, 1, 8]));
            let tokens = match (class, prefix_positions) {
                (Some(class), true) => Tensor::cat(vec![class, patches], 1) + positions,
                (Some(class), false) => Tensor::cat(vec![class, patches + positions], 1),
                (None, _) => patches + positions,
            };
            let x = vit.transformer.forward(tokens, false, true);
            let x =
                if pooling == ImagePooling::Class { x.slice([0..2, 0..1]) } else { vit.norm.forward(x).mean_dim(1) };
            let x = x.reshape([2, 8]);
            let x = if pooling == ImagePooling::Class { vit.norm.forward(x) } else { x };
            let theirs: Vec<f32> = x.into_data().try_into_vec_as().unwrap();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                // The same sums in f32, once as a matrix product and once in f64 on the host.
                assert!((ours - theirs).abs() < 1e-5, "{height} x {width}: {ours} is not {theirs}");
            }
        }
    }
}

#[test]
fn interpolated_positions_learn() {
    let device = under_test().autodiff();
    let config = VitConfig { dynamic_size: true, ..fixed(Positions::Learned, ImagePooling::Class) };
    let vit = config.init(&device).unwrap().materialize();
    let images = Tensor::<4>::random([2, 3, 16, 16], Distribution::Normal(0.0, 1.0), &device);
    let gradients = vit.encode(images).powi_scalar(2).slice([0..2, 0..3]).sum().backward();
    let gradient = vit.positions.val().grad(&gradients).expect("positions take part");
    let smallest = gradient.abs().sum_dim(2).min().into_scalar::<f32>();
    assert!(smallest > 0.0, "every position of the grid has a share in every other grid");
}

#[test]
#[should_panic(expected = "this encoder takes 3 channels and sides that 8 divides, got 3 x 20 x 16")]
fn a_size_that_patches_do_not_fill_is_refused() {
    let device = under_test();
    let config = VitConfig { dynamic_size: true, ..fixed(Positions::Learned, ImagePooling::Class) };
    config.init(&device).unwrap().encode(Tensor::zeros([1, 3, 20, 16], &device));
}

#[test]
#[should_panic(expected = "this encoder takes 3 x 24 x 24 pictures, got 3 x 16 x 16")]
fn another_size_is_refused_unless_it_was_asked_for() {
    let device = under_test();
    fixed(Positions::Learned, ImagePooling::Class)
        .init(&device)
        .unwrap()
        .encode(Tensor::zeros([1, 3, 16, 16], &device));
}
