//! What the fuzz targets share: a file to read from, small limits, and a bound on memory.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use peak_alloc::PeakAlloc;
use vlp_data::{Annotation, Limits};

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// Limits that inputs of a few kilobytes can reach.
pub fn limits() -> Limits {
    Limits { entry_bytes: 1 << 20, image_side: 256, image_pixels: 1 << 14, caption_bytes: 64, metadata_bytes: 512 }
}

/// A folder of this process, in memory where the system has a place for that.
pub fn scratch() -> &'static PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let shared = PathBuf::from("/dev/shm");
        let parent = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let folder = parent.join(format!("vlp-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for scratch files");
        folder
    });
    &FOLDER
}

/// Writes the bytes to a file that the next call overwrites.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch().join(name);
    fs::write(&path, bytes).expect("writing a scratch file");
    path
}

/// Does the work, which must not take more memory than so many bytes at once.
pub fn within<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let before = PEAK.current_usage();
    PEAK.reset_peak_usage();
    let result = work();
    let peak = PEAK.peak_usage().saturating_sub(before);
    assert!(peak <= bytes, "{peak} bytes at once, {bytes} allowed");
    result
}

/// Lets panics that the code under test catches itself pass: the fuzzer's own hook would end the process. Those of the targets
/// are still told.
pub fn allow_caught_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| place.file().contains("fuzz_targets") || place.file() == file!()) {
            eprintln!("{panic}");
        }
    }));
}

/// What every reader promises of what it gives out.
pub fn check(annotation: &Annotation, limits: &Limits) {
    for caption in std::iter::once(&annotation.caption).chain(&annotation.other_captions) {
        assert!(!caption.is_empty() && caption.trim() == caption, "{caption:?}");
        assert!(caption.len() as u64 <= limits.caption_bytes, "a caption of {} bytes", caption.len());
    }
    assert!(!annotation.key.is_empty(), "no key");
}
