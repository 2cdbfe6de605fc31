//! Decoding by format and size, the scan of a shard, and the whole loader on the emoji shards; with
//! `--loader SHARDS WORKERS SECONDS` instead the loader alone on those shards, as `benches/peers/data.py` asks for it, and with
//! `--read SHARDS` what `benches/peers/read.py` asks for. `--decode FILES` has JPEG files decoded here and by the `image` crate in turn.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use vlp_augment::{Identity, ImageSequence, KeywordShuffle, RandomResizedCrop, recipes};
use vlp_data::{Dataset, InspectOptions, Limits, Loader, LoaderConfig, TokenIds, Tokenizer, View, Views, decode};

/// Does next to nothing.
#[derive(Debug)]
struct Lengths;

impl Tokenizer for Lengths {
    fn vocab_size(&self) -> usize {
        32
    }

    fn context_length(&self) -> usize {
        32
    }

    fn end_id(&self) -> u32 {
        31
    }

    fn encode(&self, text: &str) -> TokenIds {
        TokenIds { ids: vec![text.len() as u32 % 32; 32], truncated: false }
    }
}

/// A picture about as hard to code as a photograph: smooth colours with noise on them.
fn photo(width: u32, height: u32) -> image::RgbImage {
    let mut state = 1u32;
    image::RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 28) as f32;
        let wave = |a: f32, b: f32| ((x as f32 * a).sin() + (y as f32 * b).cos()) * 55.0 + 120.0 + noise;
        image::Rgb([wave(0.021, 0.013), wave(0.017, 0.031), wave(0.043, 0.011)].map(|v| v as u8))
    })
}

fn decoding(c: &mut Criterion) {
    for (width, height) in [(500, 375), (640, 480), (1024, 731)] {
        let picture = photo(width, height);
        let mut jpeg = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
        encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8).expect("writing to memory");
        let lossless = |format| {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).expect("writing to memory");
            bytes.into_inner()
        };
        let mut group = c.benchmark_group(format!("decode_{width}x{height}"));
        group.throughput(Throughput::Elements(1));
        for (name, bytes) in
            [("jpeg", jpeg), ("png", lossless(ImageFormat::Png)), ("webp", lossless(ImageFormat::WebP))]
        {
            group.bench_function(name, |b| b.iter(|| decode(&bytes, &Limits::default()).expect("a good picture")));
        }
    }
}

fn loading(c: &mut Criterion) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji");
    let open = || Dataset::open(&directory, "train-", Limits::default()).expect("the vendored shards");
    c.bench_function("scan_4850_samples", |b| b.iter(open));
    let dataset = Arc::new(open());
    let views = Views::weak(View::new(recipes::clip_rocket_weak(32), Identity))
        .and_strong(2, View::new(recipes::clip_rocket_strong(32), KeywordShuffle { at_least: 1 }));
    let mut group = c.benchmark_group("loader");
    group.throughput(Throughput::Elements(256));
    for workers in [1, 2] {
        let config = LoaderConfig { workers, distinct_by: Some("label".to_owned()), ..LoaderConfig::new(256, 0) };
        let mut loader = loader(&dataset, views.clone(), config);
        group.bench_function(format!("{workers}_workers"), |b| {
            b.iter(|| loader.next_batch().expect("good shards"));
        });
    }
}

fn loader(dataset: &Arc<Dataset>, views: Views, config: LoaderConfig) -> Loader {
    Loader::new(Arc::clone(dataset), Arc::new(Lengths), views, config).expect("options that work")
}

/// Samples a second of batches of 64 with open_clip's training crop at 224 pixels, after one second to warm up.
fn serve(shards: &str, workers: usize, seconds: f64) {
    let dataset = Arc::new(Dataset::tars(shards, Limits::default()).expect("good shards"));
    let crop = ImageSequence::new().then(RandomResizedCrop::new(224, (0.9, 1.0)));
    let config = LoaderConfig { workers, ..LoaderConfig::new(64, 0) };
    let mut loader = loader(&dataset, Views::weak(View::new(crop, Identity)), config);
    let mut measure = |seconds: f64| {
        let (start, mut samples) = (Instant::now(), 0);
        while start.elapsed().as_secs_f64() < seconds {
            samples += loader.next_batch().expect("good shards").len();
        }
        samples as f64 / start.elapsed().as_secs_f64()
    };
    measure(1.0);
    let rate = measure(seconds);
    eprintln!("{:?}", loader.timing());
    println!("{rate}");
}

/// Samples a second, one rate a line: indexed, inspected with 256 decoded, read one after another, and read and decoded.
fn read(shards: &str) {
    let rate = |name: &str, work: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        let samples = work();
        println!("{name} {}", samples as f64 / start.elapsed().as_secs_f64());
    };
    let open = || Dataset::tars(shards, Limits::default()).expect("good shards");
    rate("index", &mut || open().len());
    let dataset = open();
    for (name, workers) in [("inspect", None), ("inspect_by_one", Some(1))] {
        let options = InspectOptions { workers, ..InspectOptions::default() };
        rate(name, &mut || dataset.inspect(&options).expect("good shards").samples as usize);
    }
    rate("read", &mut || {
        let read = |&index: &usize| dataset.annotation(index).is_ok() && dataset.picture(index).is_ok();
        (0..dataset.len()).filter(read).count()
    });
    rate("decode", &mut || (0..dataset.len()).filter(|&index| dataset.sample(index).is_ok()).count());
}

/// Nanoseconds a pixel of this decoder and of the `image` crate's, the least of 100 turns.
fn compare(files: &[&String]) {
    println!("{:32} {:>10} {:>8} {:>8}", "file", "bits/pixel", "here", "image");
    for file in files {
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let pixels = decode(&bytes, &Limits::default()).expect("a good picture").pixels().len() as f64 / 3.0;
        let by_image = || image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).map(|image| image.into_rgb8());
        let mut least = [f64::INFINITY; 2];
        for _ in 0..100 {
            let start = Instant::now();
            black_box(decode(&bytes, &Limits::default()).expect("a good picture"));
            least[0] = least[0].min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            black_box(by_image().expect("a good picture"));
            least[1] = least[1].min(start.elapsed().as_secs_f64());
        }
        let [here, image] = least.map(|seconds| seconds * 1e9 / pixels);
        println!("{file:32} {:10.2} {here:8.2} {image:8.2}", bytes.len() as f64 * 8.0 / pixels);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--loader") {
        let number = |offset: usize| arguments.get(at + offset).and_then(|text| text.parse::<f64>().ok());
        match (arguments.get(at + 1), number(2), number(3)) {
            (Some(shards), Some(workers), Some(seconds)) => serve(shards, workers as usize, seconds),
            _ => eprintln!("--loader SHARDS WORKERS SECONDS"),
        }
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--read") {
        return arguments.get(at + 1).map_or_else(|| eprintln!("--read SHARDS"), |shards| read(shards));
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--decode") {
        // Cargo puts a word of its own at the end.
        let files: Vec<_> = arguments[at + 1..].iter().filter(|argument| !argument.starts_with("--")).collect();
        return compare(&files);
    }
    let mut criterion =
        Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).configure_from_args();
    decoding(&mut criterion);
    loading(&mut criterion);
    criterion.final_summary();
}
