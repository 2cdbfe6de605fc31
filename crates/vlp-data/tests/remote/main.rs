//! Shards behind HTTP, and in stores that speak it: the same samples in the same order as from disk, whatever the network does.

#[path = "../common/mod.rs"]
mod common;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{batches, loader};
use server::{Fault, Server};
use tempfile::{TempDir, tempdir};
use vlp_data::{DataError, Dataset, HostBatch, Limits, Loader, LoaderConfig, RemoteOptions, Sampling};
use vlp_testkit::shards::{broken_png, shard};

/// Four shards of 20 to 23 samples, the last of each broken; on disk and on a server.
fn shards() -> (TempDir, Server) {
    let (directory, server) = (tempdir().unwrap(), Server::start());
    for number in 0..4 {
        let samples = shard(100 * number, 19 + number, 9).sample("broken", &broken_png(0), "a caption", "label 0");
        let bytes = samples.bytes();
        server.put(&format!("data/train-{number}.tar"), &bytes);
        fs::write(directory.path().join(format!("train-{number}.tar")), bytes).unwrap();
    }
    (directory, server)
}

/// Quick to give up, in a cache of its own.
fn options(cache: &Path) -> RemoteOptions {
    RemoteOptions { cache: cache.to_owned(), retries: 2, backoff: 0.01, ..RemoteOptions::default() }
}

fn open(server: &Server, options: &RemoteOptions) -> Result<Arc<Dataset>, DataError> {
    Dataset::remote_tars(&server.url("data/train-{0..3}.tar"), options, Limits::default()).map(Arc::new)
}

fn local(directory: &TempDir) -> Arc<Dataset> {
    let pattern = directory.path().join("train-{0..3}.tar").display().to_string();
    Arc::new(Dataset::tars(&pattern, Limits::default()).unwrap())
}

fn files(cache: &Path, kind: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == kind)).collect()
}

/// Bytes of whole shards and of those being fetched.
fn taken(cache: &Path) -> u64 {
    let sizes =
        |kind| files(cache, kind).into_iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum::<u64>();
    // What is whole first: a part that becomes a shard meanwhile would be counted twice.
    let whole = sizes("shard");
    whole + sizes("part")
}

fn largest(directory: &TempDir) -> u64 {
    fs::metadata(directory.path().join("train-3.tar")).unwrap().len()
}

/// All but the names of skipped samples, which are URLs here and paths there.
fn comparable(batches: &[HostBatch]) -> Vec<HostBatch> {
    let strip = |batch: &HostBatch| {
        let mut batch = batch.clone();
        batch.skipped.iter_mut().for_each(|(name, _)| *name = name.rsplit('/').next().unwrap().to_owned());
        batch
    };
    batches.iter().map(strip).collect()
}

#[test]
fn batches_are_those_of_the_same_shards_on_disk_and_resume_anywhere() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let (near, far) = (local(&directory), open(&server, &options(cache.path())).unwrap());
    assert_eq!(far.len(), near.len());
    assert_eq!(far.name(0), format!("{}:000000", server.url("data/train-0.tar")));
    for sampling in [Sampling::Shuffled, Sampling::InOrder, Sampling::Resampled, Sampling::Windows { shards: 2 }] {
        let config = |workers| LoaderConfig { workers, sampling, ..LoaderConfig::new(8, 3) };
        let wanted = comparable(&batches(&mut loader(&near, config(1)), 24));
        for workers in [1, 3] {
            assert_eq!(comparable(&batches(&mut loader(&far, config(workers)), 24)), wanted, "{sampling:?}, {workers}");
        }
        let mut resumed = loader(&far, config(2));
        resumed.seek(&wanted[12].cursor).unwrap();
        assert_eq!(comparable(&batches(&mut resumed, 11)), wanted[13..], "{sampling:?}");
    }
    assert_eq!(server.log().len(), 4, "each shard is fetched once");
}

#[test]
fn paths_and_urls_stand_beside_one_another_with_weights() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let path = |number: usize| directory.path().join(format!("train-{number}.tar")).display().to_string();
    let patterns = format!("{}::{}::{}", path(2), server.url("data/train-{3,0}.tar"), path(1));
    let mixed = Dataset::remote_tars(&patterns, &options(cache.path()), Limits::default()).unwrap();
    let near = Dataset::from_shards([2, 3, 0, 1].map(|number| path(number).into()), Limits::default()).unwrap();
    assert_eq!(mixed.len(), near.len());
    for index in 0..near.len() {
        assert_eq!(mixed.sample(index), near.sample(index), "sample {index}");
    }
}

#[test]
fn the_cache_stays_within_its_bound_while_windows_of_shards_pass() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let bound = 2 * largest(&directory);
    let bounded = RemoteOptions { cache_bytes: bound, ..options(cache.path()) };
    let far = open(&server, &bounded).unwrap();
    let error = |sampling| {
        let config = LoaderConfig { sampling, ..LoaderConfig::new(8, 3) };
        let views = common::views();
        Loader::new(Arc::clone(&far), Arc::new(common::Bytes), views, config).unwrap_err().to_string()
    };
    for sampling in [Sampling::Shuffled, Sampling::Resampled, Sampling::Windows { shards: 2 }] {
        let error = error(sampling);
        assert!(error.contains("`Sampling::Windows { shards: 1 }` fits, or raise"), "{error}");
    }
    // Two datasets in a cache that has room for either of them.
    let roomy = RemoteOptions { cache_bytes: 3 * bound, ..options(cache.path()) };
    let half = |pattern| Dataset::remote_tars(&server.url(pattern), &roomy, Limits::default()).unwrap();
    let halves = [half("data/train-{0..3}.tar"), half("data/train-{0..3}.tar")].map(|dataset| (dataset, 1.0));
    let config = LoaderConfig::new(8, 3);
    let one = Loader::new(open(&server, &roomy).unwrap(), Arc::new(common::Bytes), common::views(), config.clone());
    assert!(one.is_ok());
    let both = Arc::new(Dataset::mix(halves).unwrap());
    let both = Loader::new(both, Arc::new(common::Bytes), common::views(), config);
    assert!(matches!(both.unwrap_err(), DataError::CacheTooSmall { .. }));
    files(cache.path(), "shard").into_iter().for_each(|path| fs::remove_file(path).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let (watched, directory_of_cache) = (Arc::clone(&done), cache.path().to_owned());
    let watcher = thread::spawn(move || {
        let mut most = 0;
        while !watched.load(Ordering::SeqCst) {
            most = taken(&directory_of_cache).max(most);
            thread::sleep(Duration::from_micros(200));
        }
        most
    });
    for sampling in [Sampling::Windows { shards: 1 }, Sampling::InOrder] {
        let config = LoaderConfig { workers: 3, sampling, ..LoaderConfig::new(8, 3) };
        let wanted = comparable(&batches(&mut loader(&local(&directory), config.clone()), 30));
        assert_eq!(comparable(&batches(&mut loader(&far, config), 30)), wanted);
    }
    done.store(true, Ordering::SeqCst);
    let most = watcher.join().unwrap();
    assert!(most <= bound && most > bound / 2, "{most} of {bound}");
    let small = RemoteOptions { cache_bytes: 1000, ..options(tempdir().unwrap().path()) };
    let error = open(&server, &small).unwrap_err().to_string();
    assert!(error.contains("find no room in a cache of 1000. Raise `RemoteOptions::cache_bytes`"), "{error}");
}

#[test]
fn the_next_shard_is_fetched_before_it_is_read() {
    let (_directory, server) = shards();
    let cache = tempdir().unwrap();
    let far = open(&server, &options(cache.path())).unwrap();
    files(cache.path(), "shard").into_iter().for_each(|path| fs::remove_file(path).unwrap());
    server.log();
    let sampling = Sampling::InOrder;
    // Two samples, and two that wait for their turn: far from the end of the first shard.
    let mut loader = loader(&far, LoaderConfig { workers: 1, prefetch: 1, sampling, ..LoaderConfig::new(2, 3) });
    loader.next_batch().unwrap();
    let start = Instant::now();
    let mut log = server.log();
    while log.len() < 2 && start.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
        log.extend(server.log());
    }
    log.sort();
    assert_eq!(log, ["data/train-0.tar", "data/train-1.tar"]);
}

#[test]
fn a_cut_connection_goes_on_where_it_was_cut() {
    for etags in [true, false] {
        let (directory, server) = shards();
        let cache = tempdir().unwrap();
        if !etags {
            server.without_etags();
        }
        server.fail("data/train-1.tar", [Fault::Cut(5000), Fault::Cut(3000), Fault::Cut(9000)]);
        let far = open(&server, &options(cache.path())).unwrap();
        let near = local(&directory);
        (0..near.len()).for_each(|index| assert_eq!(far.sample(index), near.sample(index), "sample {index}"));
        let log: Vec<_> = server.log().into_iter().filter(|line| line.contains("train-1")).collect();
        let ranges = log.iter().filter(|line| line.contains(' ')).count();
        // Without a mark of the version the rest could be another file's: it begins anew.
        assert_eq!((log.len(), ranges), if etags { (4, 3) } else { (4, 0) }, "{log:?}");
    }
}

#[test]
fn errors_name_url_status_and_what_to_do() {
    let (_directory, server) = shards();
    let failing = |faults: Vec<Fault>| {
        let cache = tempdir().unwrap();
        server.fail("data/train-2.tar", faults);
        let quick = RemoteOptions { read_timeout: 0.3, ..options(cache.path()) };
        let error = open(&server, &quick).map(|_| "it opened".to_owned()).unwrap_or_else(|error| error.to_string());
        assert!(files(cache.path(), "part").is_empty(), "{error}");
        assert!(
            files(cache.path(), "shard").iter().all(|path| !path.display().to_string().contains("train-2")),
            "{error}"
        );
        error
    };
    let url = server.url("data/train-2.tar");
    for (faults, wanted) in [
        (vec![Fault::Status(404)], "status 404 Not Found"),
        (vec![Fault::Status(403)], "status 403 Forbidden"),
        (vec![Fault::Status(401)], "status 401 Unauthorized"),
        (vec![Fault::Status(500); 99], "500 Internal Server Error"),
        (vec![Fault::Longer(100); 99], "without headway"),
        (vec![Fault::Silence(600); 99], "timed out"),
    ] {
        let error = failing(faults.clone());
        assert!(error.starts_with(&url) && error.contains(wanted), "{faults:?}: {error}");
        assert!(error.contains(". Check") || error.contains("credentials"), "{faults:?}: {error}");
        assert_eq!(error.matches("headway").count(), usize::from(wanted == "without headway"), "{error}");
    }
    let cache = tempdir().unwrap();
    server.fail("data/train-2.tar", [Fault::Status(500), Fault::Status(503)]);
    assert!(open(&server, &options(cache.path())).is_ok());
}

#[test]
fn urls_that_cannot_be_read_are_refused_without_their_secrets() {
    let cache = tempdir().unwrap();
    for (url, wanted) in [
        ("http://user:geheim@127.0.0.1/a.tar", "http://127.0.0.1/a.tar: a URL with a user"),
        ("https://127.0.0.1/a.tar?signature=geheim", "https://127.0.0.1/a.tar: a URL with a user, a query"),
        ("ftp://127.0.0.1/a.tar", "not read from `ftp`. Use s3, gs, http or https"),
        ("s3://bucket", "names no file"),
        ("pipe:curl http://127.0.0.1/a.tar", "commands are never run"),
    ] {
        let error = Dataset::remote_tars(url, &options(cache.path()), Limits::default()).unwrap_err();
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(shown.contains(wanted), "{shown}");
        assert!(!shown.contains("geheim") && !debug.contains("geheim"), "{debug}");
    }
}

#[test]
fn two_loaders_share_one_cache_and_fetch_each_shard_once() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let config = LoaderConfig { workers: 2, ..LoaderConfig::new(8, 3) };
    let wanted = comparable(&batches(&mut loader(&local(&directory), config.clone()), 20));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let far = open(&server, &options(cache.path())).unwrap();
                assert_eq!(comparable(&batches(&mut loader(&far, config.clone()), 20)), wanted);
            });
        }
    });
    assert_eq!(server.log().len(), 4);
}

#[test]
fn a_full_cache_needs_no_network_and_an_outage_costs_no_sample() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let config = LoaderConfig { workers: 2, ..LoaderConfig::new(8, 3) };
    let wanted = comparable(&batches(&mut loader(&local(&directory), config.clone()), 20));
    open(&server, &options(cache.path())).unwrap();
    server.down(true);
    let far = open(&server, &options(cache.path())).unwrap();
    let mut stream = loader(&far, config);
    let mut seen = batches(&mut stream, 10);
    files(cache.path(), "shard").into_iter().for_each(|path| fs::remove_file(path).unwrap());
    // What the workers have ready still comes; then the outage is an error, again and again, and no sample is skipped.
    let mut failures = 0;
    while failures < 3 {
        match stream.next_batch() {
            Ok(batch) => seen.push(batch),
            Err(DataError::Unreachable(error)) => {
                assert!(error.url.starts_with("http://127.0.0.1"), "{error}");
                failures += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    server.down(false);
    seen.extend(batches(&mut stream, 20 - seen.len()));
    assert_eq!(comparable(&seen), wanted);
}

#[test]
fn a_shard_that_changed_since_it_was_indexed_is_an_error() {
    let (_directory, server) = shards();
    let cache = tempdir().unwrap();
    open(&server, &options(cache.path())).unwrap();
    files(cache.path(), "shard").into_iter().for_each(|path| fs::remove_file(path).unwrap());
    server.put("data/train-0.tar", &shard(0, 30, 9).bytes());
    let far = open(&server, &options(cache.path())).unwrap();
    let error = far.sample(0).unwrap_err().to_string();
    assert!(error.contains("it has changed since it was indexed") && error.contains(".index"), "{error}");
    assert!(files(cache.path(), "shard").is_empty() && files(cache.path(), "part").is_empty());
}

#[test]
fn what_a_crash_left_never_passes_for_a_shard() {
    let (directory, server) = shards();
    let cache = tempdir().unwrap();
    let far = open(&server, &options(cache.path())).unwrap();
    let whole = files(cache.path(), "shard");
    // Half a transfer, a shard without its index, one cut short, and half an index.
    fs::write(whole[0].with_extension("part"), vec![0; 1 << 20]).unwrap();
    fs::remove_file(whole[0].with_extension("index")).unwrap();
    fs::write(&whole[0], b"not this").unwrap();
    fs::OpenOptions::new().write(true).open(&whole[1]).unwrap().set_len(1000).unwrap();
    let index = whole[2].with_extension("index");
    let text = fs::read(&index).unwrap();
    fs::write(&index, &text[..text.len() / 2]).unwrap();
    fs::write(cache.path().join("0123456789abcdef-gone.tar.part"), vec![0; 1 << 20]).unwrap();
    server.log();
    let again = open(&server, &options(cache.path())).unwrap();
    let near = local(&directory);
    for index in 0..near.len() {
        assert_eq!(again.sample(index), near.sample(index), "sample {index}");
        assert_eq!(far.sample(index), near.sample(index), "sample {index}");
    }
    assert_eq!(server.log().len(), 3);
    assert!(files(cache.path(), "part").is_empty());
}

/// Runs one of the tests below with these variables: settings of stores come from the environment.
fn child(name: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture"]).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn s3_and_google_take_their_settings_from_the_environment() {
    let (directory, server) = shards();
    let bytes = fs::read(directory.path().join("train-1.tar")).unwrap();
    // Google's store is asked for names with all but letters and digits escaped.
    for name in ["bucket/a/b/train-1.tar", "bucket/a%2Fb%2Ftrain%2D1%2Etar"] {
        server.put(name, &bytes);
    }
    server.fail("bucket/refused.tar", vec![Fault::Status(403); 99]);
    let cache = tempdir().unwrap();
    let endpoint = server.url("").trim_end_matches('/').to_owned();
    let account = format!(
        r#"{{"gcs_base_url": "{endpoint}", "disable_oauth": true, "client_email": "", "private_key": "geheim", "private_key_id": ""}}"#
    );
    child(
        "reads_from_a_store",
        &[
            ("VLP_CACHE", cache.path().to_str().unwrap()),
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "nowhere-1"),
            ("AWS_ACCESS_KEY_ID", "AKIA0"),
            ("AWS_SECRET_ACCESS_KEY", "geheim"),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", &account),
            ("GOOGLE_ALLOW_HTTP", "true"),
        ],
    );
    let mut log = server.log();
    log.sort();
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[2], "bucket/refused.tar");
}

#[test]
#[ignore = "needs credentials in its environment: scripts/test-features.sh runs it, through s3_and_google_take_their_settings_from_the_environment"]
fn reads_from_a_store() {
    for url in ["s3://bucket/a/b/train-1.tar", "gs://bucket/a/b/train-1.tar"] {
        let dataset = Dataset::tars(url, Limits::default()).unwrap();
        assert_eq!(dataset.len(), 21);
        assert_eq!(dataset.sample(0).unwrap().annotation.key, "000100");
    }
    let error = Dataset::tars("s3://bucket/refused.tar", Limits::default()).unwrap_err();
    println!("{error} {error:?}");
    assert!(error.to_string().contains("status 403 Forbidden") && error.to_string().contains("AWS_ACCESS_KEY_ID"));
}
