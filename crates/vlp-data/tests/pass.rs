//! The ordered pass of an evaluation.

mod common;

use tempfile::tempdir;
use vlp_augment::{Image, ImageTransform, SampleRng, recipes};
use vlp_data::DamageKind;
use vlp_testkit::shards::{broken_png, shard};

#[test]
fn a_pass_gives_every_index_once_in_order_for_any_number_of_workers() {
    let directory = tempdir().unwrap();
    shard(0, 40, 40).sample("broken", &broken_png(0), "a caption", "x").write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    let read = |workers| -> Vec<_> { dataset.pass(recipes::eval(8), workers).unwrap().collect() };
    let one = read(1);
    assert_eq!(one.len(), 41);
    for (i, sample) in one.iter().take(40).enumerate() {
        let sample = sample.as_ref().unwrap();
        assert_eq!((sample.index, sample.image.width(), sample.image.height()), (i, 8, 8));
        assert_eq!(sample.annotation.key, format!("{i:06}"));
    }
    assert_eq!(one[40].as_ref().unwrap_err().kind(), DamageKind::Pixels);
    for workers in [0, 2, 3, 8] {
        assert_eq!(read(workers), one, "{workers} workers");
    }
}

#[test]
fn a_pass_may_be_dropped_half_way() {
    let directory = tempdir().unwrap();
    shard(0, 200, 40).write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    let mut pass = dataset.pass(recipes::eval(8), 3).unwrap();
    assert!(pass.next().is_some());
    drop(pass);
    assert_eq!(std::sync::Arc::strong_count(&dataset), 1);
}

struct Explode;

impl ImageTransform for Explode {
    fn apply(&self, _image: Image, _rng: &mut SampleRng) -> Image {
        panic!("this transform explodes")
    }
}

#[test]
#[should_panic(expected = "this transform explodes")]
fn a_panic_in_the_transform_reaches_the_caller() {
    let directory = tempdir().unwrap();
    shard(0, 20, 20).write(directory.path(), "train-000.tar");
    let dataset = common::open(directory.path());
    let _ = dataset.pass(Explode, 2).unwrap().count();
}
