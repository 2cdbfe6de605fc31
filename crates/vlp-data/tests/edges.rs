//! Storage that hangs, files that are none or become others, too many of them, and counts that outlive a process.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use common::{Bytes, batches, loader, open};
use tempfile::tempdir;
use vlp_augment::{Identity, Image, ImageTransform, SampleRng, recipes};
use vlp_data::{
    Annotation, Cursor, Damage, DamageKind, DataError, Dataset, Limits, Loader, LoaderConfig, Metadata, Picture,
    Source, Tally, View, Views,
};
use vlp_testkit::shards::{broken_png, shard};

/// Samples of one colour, of which some never arrive.
#[derive(Debug)]
struct Hanging {
    from: usize,
    tally: Tally,
}

impl Source for Hanging {
    fn len(&self) -> usize {
        1000
    }

    fn name(&self, index: usize) -> String {
        format!("far/away:{index}")
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let (key, caption) = (format!("{index}"), "a caption".to_owned());
        Ok(Annotation { key, caption, other_captions: Vec::new(), metadata: Metadata::default() })
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        if index >= self.from {
            // As long as the test process lives.
            thread::sleep(Duration::from_secs(3600));
        }
        Ok(Picture::Decoded(Image::new(8, 8, vec![7; 8 * 8 * 3]).unwrap()))
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &[]
    }
}

fn hanging(from: usize) -> Arc<Dataset> {
    Arc::new(Dataset::new(Hanging { from, tally: Tally::default() }, Limits::default()).unwrap())
}

fn in_order(workers: usize) -> LoaderConfig {
    LoaderConfig { sampling: vlp_data::Sampling::InOrder, workers, ..LoaderConfig::new(4, 3) }
}

/// Runs what must end by itself, and fails when it does not.
fn within<T: Send + 'static>(seconds: u64, what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(what()));
    receiver.recv_timeout(Duration::from_secs(seconds)).expect("it ends in time, and without a panic")
}

#[test]
fn a_read_that_no_batch_needs_keeps_nobody_waiting() {
    within(30, || {
        let mut loader = loader(&hanging(9), in_order(2));
        // Two batches are there; a worker hangs with what comes behind them.
        assert_eq!(batches(&mut loader, 2).len(), 2);
        thread::sleep(Duration::from_millis(300));
        let start = Cursor { taken: 0, ..loader.cursor().clone() };
        loader.seek(&start).unwrap();
        assert_eq!(batches(&mut loader, 1).len(), 1);
        thread::sleep(Duration::from_millis(300));
        drop(loader);
    });
}

#[test]
fn a_pass_over_storage_that_hangs_ends_with_the_sample() {
    let (count, last) = within(30, || {
        let pass = hanging(9).pass(recipes::eval(8), 3).unwrap().stall_after(Duration::from_secs(1));
        let mut all: Vec<_> = pass.collect();
        let last = all.pop().unwrap();
        assert!(all.iter().all(Result::is_ok));
        (all.len(), last)
    });
    assert_eq!(count, 9);
    let Err(Damage::Unreachable(unreachable)) = last else { panic!("{last:?}") };
    assert_eq!(
        (unreachable.url.as_str(), unreachable.reason.as_str()),
        ("far/away:9", "no sample was finished for 1 s")
    );
}

#[test]
fn dropping_a_pass_does_not_wait_for_storage_that_hangs() {
    within(20, || {
        let mut pass = hanging(2).pass(recipes::eval(8), 2).unwrap();
        assert!(pass.next().is_some());
        thread::sleep(Duration::from_millis(300));
        drop(pass);
    });
}

#[test]
fn a_wait_for_a_batch_ends_when_it_is_interrupted() {
    let error = within(20, || {
        let stop = Arc::new(AtomicBool::new(false));
        let mut loader = loader(&hanging(2), in_order(2));
        loader.interrupt_by(Arc::clone(&stop));
        let asker = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            stop.store(true, Ordering::SeqCst);
        });
        let (begun, error) = (Instant::now(), loader.next_batch().unwrap_err());
        assert!(begun.elapsed() >= Duration::from_millis(400));
        asker.join().unwrap();
        error
    });
    assert!(matches!(error, DataError::Interrupted), "{error}");
}

struct Explode;

impl ImageTransform for Explode {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        assert!(image.width() != 8, "this transform explodes");
        image
    }
}

#[test]
fn a_panic_names_the_sample() {
    let dataset = hanging(1000);
    let views = Views::weak(View::new(Explode, Identity));
    let mut loader = Loader::new(Arc::clone(&dataset), Arc::new(Bytes), views, in_order(1)).unwrap();
    let text = loader.next_batch().unwrap_err().to_string();
    assert!(text.contains("this transform explodes (with far/away:0)"), "{text}");
    let panic = thread::spawn(move || dataset.pass(Explode, 1).unwrap().count()).join().unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "this transform explodes (with far/away:0)");
}

#[test]
fn options_beyond_any_machine_are_refused() {
    let dataset = hanging(1000);
    for (option, config) in [
        ("workers", LoaderConfig { workers: 100_000, ..in_order(1) }),
        ("batch_size", LoaderConfig { batch_size: 1_000_000_000_000, ..in_order(1) }),
        ("prefetch", LoaderConfig { prefetch: usize::MAX, ..in_order(1) }),
    ] {
        let error = Loader::new(Arc::clone(&dataset), Arc::new(Bytes), common::views(), config).map(drop).unwrap_err();
        assert!(matches!(&error, DataError::OptionTooLarge { option: name, .. } if *name == option), "{error}");
    }
    assert!(matches!(dataset.pass(recipes::eval(8), 100_000), Err(DataError::OptionTooLarge { .. })));
}

#[test]
fn the_position_of_other_data_with_as_many_samples_is_refused() {
    let [one, two, moved] = [(); 3].map(|()| tempdir().unwrap());
    for (directory, first) in [(&one, 0), (&two, 20), (&moved, 0)] {
        shard(first, 20, 20).write(directory.path(), "train-000.tar");
    }
    let cursor = loader(&open(one.path()), in_order(1)).next_batch().unwrap().cursor;
    let cursor: Cursor = serde_json::from_str(&serde_json::to_string(&cursor).unwrap()).unwrap();
    let error = loader(&open(two.path()), in_order(1)).seek(&cursor).unwrap_err();
    assert!(matches!(error, DataError::OtherData { samples: 20, .. }), "{error}");
    // The same data elsewhere are the same, and a cursor of before fingerprints is taken as it is.
    loader(&open(moved.path()), in_order(1)).seek(&cursor).unwrap();
    let mut old = serde_json::to_value(&cursor).unwrap();
    old.as_object_mut().unwrap().remove("data").unwrap();
    loader(&open(two.path()), in_order(1)).seek(&serde_json::from_value(old).unwrap()).unwrap();
}

#[test]
fn a_fingerprint_follows_the_index() {
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    shard(0, 10, 10).write(directory.path(), "a.tar");
    shard(10, 10, 10).write(directory.path(), "b.tar");
    shard(0, 10, 10).write(directory.path(), "c.tar");
    let set = |names: &[&str]| Dataset::from_shards(names.iter().map(|name| path(name)), Limits::default()).unwrap();
    let of = |names: &[&str]| set(names).fingerprint();
    assert_eq!(of(&["a.tar", "b.tar"]), of(&["a.tar", "b.tar"]));
    let different = [of(&["a.tar"]), of(&["b.tar"]), of(&["c.tar"]), of(&["a.tar", "b.tar"]), of(&["b.tar", "a.tar"])];
    assert_eq!(different.iter().collect::<std::collections::HashSet<_>>().len(), different.len());
    let mixed = |weight| Dataset::mix([(set(&["a.tar"]), weight), (set(&["b.tar"]), 1.0)]).unwrap().fingerprint();
    assert_ne!(mixed(1.0), mixed(2.0));
    // Tables by paths and captions; their own place does not count.
    let table = |caption: &str| {
        let folder = tempdir().unwrap();
        let text = format!("filepath\ttitle\n1.png\t{caption}\n2.png\ttwo\n");
        std::fs::write(folder.path().join("t.tsv"), text).unwrap();
        Dataset::from_path(folder.path().join("t.tsv").to_str().unwrap(), Limits::default()).unwrap().fingerprint()
    };
    assert_eq!(table("one"), table("one"));
    assert_ne!(table("one"), table("eins"));
}

#[test]
fn counts_of_damage_go_on_from_a_tally() {
    let directory = tempdir().unwrap();
    shard(0, 19, 20).sample("broken", &broken_png(0), "a caption", "x").write(directory.path(), "train-000.tar");
    let dataset = open(directory.path());
    let mut first = loader(&dataset, in_order(1));
    batches(&mut first, 5);
    assert_eq!(first.tally().count(DamageKind::Pixels), 1);
    let mut second = loader(&dataset, in_order(1));
    second.seek(first.cursor()).unwrap();
    second.restore_tally(first.tally().clone());
    batches(&mut second, 5);
    assert_eq!(second.tally().count(DamageKind::Pixels), 2);
    for (kind, _) in second.tally().iter() {
        assert_eq!(DamageKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(DamageKind::from_name("tired"), None);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_file_for_any_reader() {
    let directory = tempdir().unwrap();
    for name in ["train-000.tar", "t.csv", "t.tsv", "t.jsonl", "vocab.gz", "pictures.idx", "t.npy", "t.pickle"] {
        let made = std::process::Command::new("mkfifo").arg(directory.path().join(name)).status().unwrap();
        assert!(made.success());
    }
    let path = directory.path().to_owned();
    let messages = within(20, move || {
        let at = |name: &str| path.join(name).to_str().unwrap().to_owned();
        let limits = Limits::default;
        let mut messages: Vec<String> = ["train-000.tar", "t.csv", "t.tsv", "t.jsonl"]
            .into_iter()
            .map(|name| Dataset::from_path(&at(name), limits()).unwrap_err().to_string())
            .collect();
        messages.push(Dataset::open(&path, "train-", limits()).unwrap_err().to_string());
        messages.push(Dataset::idx(at("pictures.idx"), at("pictures.idx"), &["x"], limits()).unwrap_err().to_string());
        messages.push(Dataset::conceptual_captions(at("t.npy"), &path, limits()).unwrap_err().to_string());
        messages.push(Dataset::yfcc(at("t.pickle"), &path, limits()).unwrap_err().to_string());
        messages.push(vlp_data::ClipVocab::from_path(at("vocab.gz")).unwrap_err().to_string());
        messages
    });
    assert_eq!(messages.len(), 9);
    messages.iter().for_each(|text| assert!(text.contains("not a regular file"), "{text}"));
}

/// Set in a child process that may open few files.
#[cfg(target_os = "linux")]
const CHILD: &str = "VLP_TEST_FEW_FILES";

#[cfg(target_os = "linux")]
#[test]
fn several_sets_of_shards_share_what_the_process_may_open() {
    let Ok(directory) = std::env::var(CHILD) else {
        let directory = tempdir().unwrap();
        for set in 0..5 {
            let folder = directory.path().join(set.to_string());
            std::fs::create_dir(&folder).unwrap();
            (0..20).for_each(|number| {
                shard(2 * number, 2, 2).write(&folder, &format!("train-{number:03}.tar"));
            });
        }
        let child = std::process::Command::new("sh")
            // Fifty beyond what this process was started with.
            .args(["-c", "ulimit -n $(($(ls /proc/self/fd | wc -l) + 50)) && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "several_sets_of_shards_share_what_the_process_may_open", "--test-threads=1"])
            .env(CHILD, directory.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && text.contains("1 passed"), "{text}");
        return;
    };
    let sets: Vec<_> = (0..5).map(|set| open(&Path::new(&directory).join(set.to_string()))).collect();
    for set in &sets {
        let samples: Vec<_> = set.pass(recipes::eval(8), 4).unwrap().collect();
        assert_eq!(samples.len(), 40);
        samples.iter().for_each(|sample| assert!(sample.is_ok(), "{sample:?}"));
    }
    // Sets that are dropped make room again.
    let some = open(&Path::new(&directory).join("0"));
    replaced_shards_are_noticed(&Path::new(&directory).join("4"), &sets[4]);
    drop((sets, some));
}

/// Of a set whose files are not kept open, because the process has no room for them.
#[cfg(target_os = "linux")]
fn replaced_shards_are_noticed(folder: &Path, set: &Arc<Dataset>) {
    let path = folder.join("train-003.tar");
    assert!(set.sample(6).is_ok());
    let before = std::fs::read(&path).unwrap();
    // As long, at another time, and with other samples.
    shard(100, 2, 2).write(folder, "train-003.tar");
    assert_eq!(std::fs::read(&path).unwrap().len(), before.len());
    let damage = set.sample(6).unwrap_err();
    let Damage::Unreachable(unreachable) = &damage else { panic!("{damage}") };
    assert!(unreachable.url.ends_with("train-003.tar") && unreachable.reason.contains("has changed"), "{damage}");
    let mut loader = loader(set, in_order(1));
    let error = (0..20).find_map(|_| loader.next_batch().err()).expect("the fourth batch has samples of that shard");
    assert!(matches!(error, DataError::Unreachable(_)), "{error}");
}
