//! Models of one tower as transformers 4.57.6 and 5.24.0 save them, against the vectors that they give there
//! (tests/generate/one_tower.py).

mod common;

use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use common::golden;
use vlp_augment::Image;
use vlp_core::TextMode;
use vlp_weights::{Format, Package, ReadLimits, TowersThere};

fn picture() -> Image {
    let pixel = |at: usize| {
        let (y, x) = (at / 32, at % 32);
        [5 * x + 3 * y, x * y, 2 * x + y * y].map(|value| (value % 256) as u8)
    };
    Image::new(32, 32, (0..32 * 32).flat_map(pixel).collect()).unwrap()
}

#[test]
fn a_tower_alone_gives_transformers_vectors() {
    let device = Device::flex();
    let ids: Vec<i32> = vec![18, 3, 7, 19, 19, 19, 18, 1, 2, 4, 9, 19];
    for name in
        ["clip_vision", "clip_vision_projection", "clip_text", "clip_text_projection", "siglip_vision", "siglip_text"]
    {
        for version in [4, 5] {
            let name = format!("one_tower/{name}_{version}");
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&name);
            let package =
                Package::read(&folder, &ReadLimits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let image = name.contains("vision");
            let there = if image { TowersThere::ImageOnly } else { TowersThere::TextOnly };
            assert_eq!(package.towers_there(), there, "{name}");

            let out = tempfile::tempdir().unwrap();
            for format in [Format::OpenClip, Format::HuggingFace] {
                let error = package.export(format, out.path().join("out")).unwrap_err().to_string();
                assert!(error.contains("tower alone"), "{name}: {error}");
            }
            assert_eq!(package.export(Format::Timm, out.path().join("out")).is_ok(), image, "{name}");

            let loaded = package.load(&device).unwrap();
            let found = if image {
                let pixels = TensorData::new(loaded.preprocess.apply(picture()), [1, 3, 32, 32]);
                loaded.model.embed_images(Tensor::from_data(pixels, &device))
            } else {
                let tokens = Tensor::<2, Int>::from_data(TensorData::new(ids.clone(), [2, 6]), &device);
                loaded.model.embed_texts(tokens, TextMode::Global)
            };
            let rows: Vec<Vec<f32>> = serde_json::from_str(&golden(&format!("{name}/vectors.json"))).unwrap();
            assert_eq!(found.dims(), [rows.len(), rows[0].len()], "{name}");
            let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
            // Weights of deviation 0.3 and sums in another order.
            let apart = found.iter().zip(rows.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 2e-5, "{name}: {apart}");
        }
    }
}
