//! Local crops of multi-crop methods: small pictures beside the views.

mod common;

use std::sync::Arc;

use common::{Bytes, batches, open, views};
use tempfile::tempdir;
use vlp_augment::pipeline::ImagePipeline;
use vlp_data::{Loader, LoaderConfig, Views};
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
