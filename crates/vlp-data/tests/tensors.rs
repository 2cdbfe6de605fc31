//! Batches on a device, and the loader as a trainer's source.

mod common;

use burn::tensor::Device;
use tempfile::tempdir;
use vlp_augment::Normalization;
use vlp_core::BatchSource;
use vlp_data::{HostImages, HostTokens, LoaderConfig, PairSource};
use vlp_testkit::shards::{broken_png, shard};

#[test]
fn uploaded_pictures_are_normalised_channel_planes() {
    // Two pictures of 2 x 3 pixels, every byte different.
    let pixels: Vec<u8> = (0..36).map(|v| v * 7).collect();
    let images = HostImages { batch: 2, height: 2, width: 3, pixels: pixels.clone() };
    let statistics = Normalization::CLIP;
    let tensor = images.to_tensor(&Device::flex(), &statistics);
    assert_eq!(tensor.dims(), [2, 3, 2, 3]);
    let values: Vec<f32> = tensor.into_data().try_to_vec().unwrap();
    for batch in 0..2 {
        for channel in 0..3 {
            for at in 0..6 {
                let byte = f32::from(pixels[batch * 18 + at * 3 + channel]);
                let expected = (byte / 255.0 - statistics.mean[channel]) / statistics.std[channel];
                let value = values[batch * 18 + channel * 6 + at];
                // f32 rounding of values up to 3.
                assert!((value - expected).abs() < 1e-6, "{value} instead of {expected}");
            }
        }
    }
}

#[test]
fn uploaded_tokens_keep_their_ids() {
    let tokens = HostTokens::encode(&common::Bytes, ["ab", "a caption longer than the context"]);
    assert_eq!((tokens.batch, tokens.truncated), (2, 1));
    let tensor = tokens.to_tensor(&Device::flex());
    assert_eq!(tensor.dims(), [2, common::CONTEXT]);
    let values: Vec<i32> = tensor.into_data().try_to_vec().unwrap();
    assert_eq!(values, tokens.ids);
    assert_eq!(values[..4], [97, 98, 256, 0]);
}

#[test]
fn a_source_continues_from_its_position() {
    let directory = tempdir().unwrap();
    let set = shard(0, 20, 20).sample("broken", &broken_png(0), "a caption", "x");
    set.write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    let source = || {
        let loader = common::loader(&dataset, LoaderConfig { workers: 1, ..LoaderConfig::new(6, 1) });
        PairSource::new(loader, Normalization::HALF)
    };
    let device = &Device::flex();
    let mut whole = source();
    whole.next_batch(device).unwrap();
    let position = whole.position();
    let mut resumed = source();
    resumed.seek(&position).unwrap();
    for _ in 0..5 {
        let (a, b) = (whole.next_batch(device).unwrap(), resumed.next_batch(device).unwrap());
        assert_eq!((a.len(), a.strong.len()), (6, 2));
        a.weak.images.into_data().assert_eq(&b.weak.images.into_data(), true);
        a.strong[1].tokens.clone().into_data().assert_eq(&b.strong[1].tokens.clone().into_data(), true);
    }
    assert!(whole.loader().tally().total() > 1);
    assert_eq!(whole.position(), resumed.position(), "the damage of before counts");
    assert!(resumed.seek(&serde_json::Value::Null).is_err());
    assert!(
        resumed.seek(&serde_json::json!({"seed": 2, "samples": 21, "epoch": 0, "taken": 0, "deferred": []})).is_err()
    );
}
