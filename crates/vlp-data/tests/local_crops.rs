//! Local crops of multi-crop methods: small pictures beside the views.

mod common;

use std::sync::Arc;

use burn::tensor::Device;
use common::{Bytes, batches, loader, open, views};
use tempfile::tempdir;
use vlp_augment::Normalization;
use vlp_augment::pipeline::ImagePipeline;
use vlp_core::BatchSource;
use vlp_data::{Loader, LoaderConfig, PairSource, Views};
use vlp_testkit::shards::shard;

#[test]
fn local_crops_come_in_their_size_and_leave_the_views_as_they_are() {
    let directory = tempdir().unwrap();
    shard(0, 12, 12).write(directory.path(), "train-000.tar");
    let dataset = open(directory.path());
    let local = ImagePipeline::preset("swav/local").unwrap().build(6).unwrap();
    let with_local = || views().and_local(3, local.clone());
    assert_eq!((with_local().local_count(), views().local_count()), (3, 0));
    let read = |views: Views, workers| {
        let config = LoaderConfig { workers, ..LoaderConfig::new(4, 3) };
        batches(&mut Loader::new(Arc::clone(&dataset), Arc::new(Bytes), views, config).unwrap(), 6)
    };
    let plain = read(views(), 2);
    let multi = read(with_local(), 1);
    assert_eq!(read(with_local(), 3), multi);
    for (plain, multi) in plain.iter().zip(&multi) {
        assert_eq!((&plain.weak, &plain.strong), (&multi.weak, &multi.strong));
        assert!(plain.local.is_empty());
        let sizes: Vec<_> = multi.local.iter().map(|crops| (crops.batch, crops.height, crops.width)).collect();
        assert_eq!(sizes, [(4, 6, 6); 3]);
        assert_ne!(multi.local[0], multi.local[1]);
    }
    // Drawn anew in each epoch of three batches.
    let crop = |epoch: usize| {
        let batch = multi[3 * epoch..].iter().find(|batch| batch.keys.iter().any(|key| key == "000005")).unwrap();
        let row = batch.keys.iter().position(|key| key == "000005").unwrap();
        batch.local[0].pixels.chunks(6 * 6 * 3).nth(row).unwrap().to_vec()
    };
    assert_ne!(crop(0), crop(1));
}

#[test]
fn a_source_puts_local_crops_on_the_device_beside_the_views() {
    let directory = tempdir().unwrap();
    shard(0, 12, 12).write(directory.path(), "train-000.tar");
    let dataset = open(directory.path());
    let local = ImagePipeline::preset("swav/local").unwrap().build(6).unwrap();
    let config = || LoaderConfig::new(4, 3);
    let multi = || Loader::new(Arc::clone(&dataset), Arc::new(Bytes), views().and_local(3, local.clone()), config());
    let (device, normalization) = (Device::flex(), Normalization::CLIP);
    let host = batches(&mut multi().unwrap(), 2);
    let mut source = PairSource::new(multi().unwrap(), normalization);
    for host in host {
        let batch = source.next_batch(&device).unwrap();
        assert_eq!((batch.len(), batch.strong.len(), batch.local.len()), (4, 2, 3));
        for (crops, bytes) in batch.local.iter().zip(&host.local) {
            assert_eq!(crops.dims(), [4, 3, 6, 6]);
            // One picture by hand: channels first, scaled and shifted as the views are.
            let values: Vec<f32> = crops.clone().into_data().try_to_vec().unwrap();
            for (channel, plane) in values[..3 * 36].chunks(36).enumerate() {
                for (at, &value) in plane.iter().enumerate() {
                    let byte = f32::from(bytes.pixels[3 * at + channel]);
                    let expected = (byte / 255.0 - normalization.mean[channel]) / normalization.std[channel];
                    // f32 rounding of values up to 3.
                    assert!((value - expected).abs() < 1e-6, "{value} instead of {expected}");
                }
            }
            crops.to_data().assert_eq(&bytes.to_tensor(&device, &normalization).into_data(), true);
        }
    }
    let without = PairSource::new(loader(&dataset, config()), normalization).next_batch(&device).unwrap();
    assert!(without.local.is_empty());
}
