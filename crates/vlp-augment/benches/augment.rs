//! Time of each operation and of whole views, on pictures of common sizes. `benches/peers/augment.py` times the same with
//! torchvision and Pillow; `-- --times SECONDS FOLDER` prints ours as `name/size seconds` for it, the files `WIDTHxHEIGHT.jpg`
//! of the folder decoded included.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::time::Instant;

use criterion::Criterion;
use vlp_augment::image_ops::{
    Affine, CropBox, adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, adjust_sharpness, affine,
    autocontrast, equalize, gaussian_blur, grayscale, horizontal_flip, posterize, resize_crop, solarize,
};
use vlp_augment::pipeline::ImagePipeline;
use vlp_augment::{Filter, Image, ImageTransform, Normalization, RandAugment, SampleRng};
use zune_jpeg::JpegDecoder;

const SIZES: [(usize, usize); 3] = [(500, 375), (640, 480), (1024, 731)];
const VIEW: usize = 224;

/// A picture with slopes and edges, the same as the peer's.
fn picture(width: usize, height: usize) -> Image {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = |(x, y): (usize, usize)| [x * 255 / width, y * 255 / height, (x / 16 * 37 + y / 16 * 91) % 256];
    let bytes = pixels.flat_map(|at| rgb(at).map(|v| v as u8)).collect();
    Image::new(width, height, bytes).expect("three bytes a pixel")
}

type Op = Box<dyn Fn(Image, u64) -> Image>;

/// The operations and views by name. The number is the sample's, for what draws.
fn cases() -> Vec<(&'static str, Op)> {
    let fixed = |op: fn(Image) -> Image| -> Op { Box::new(move |image, _| op(image)) };
    let pipeline = |name| -> Op {
        let views = ImagePipeline::preset(name).and_then(|preset| preset.build(VIEW)).expect("a preset");
        Box::new(move |image, index| views.apply(image, &mut SampleRng::new(0, 0, index, 0)))
    };
    vec![
        (
            "resized_crop",
            fixed(|i| {
                let (width, height) = (i.width() * 7 / 10, i.height() * 7 / 10);
                let crop = CropBox { left: i.width() / 10, top: i.height() / 10, width, height };
                resize_crop(&i, crop, VIEW, VIEW, Filter::Bicubic)
            }),
        ),
        ("horizontal_flip", fixed(horizontal_flip)),
        ("brightness", fixed(|i| adjust_brightness(i, 1.2))),
        ("contrast", fixed(|i| adjust_contrast(i, 1.2))),
        ("saturation", fixed(|i| adjust_saturation(i, 1.2))),
        ("hue", fixed(|i| adjust_hue(i, 0.05))),
        ("grayscale", fixed(grayscale)),
        ("gaussian_blur", fixed(|i| gaussian_blur(i, 1.0))),
        ("solarize", fixed(|i| solarize(i, 128.0))),
        ("posterize", fixed(|i| posterize(i, 4))),
        ("equalize", fixed(equalize)),
        ("autocontrast", fixed(autocontrast)),
        ("sharpness", fixed(|i| adjust_sharpness(i, 1.5))),
        (
            "rotate",
            fixed(|i| {
                let map = Affine::rotate(15.0, i.width(), i.height());
                affine(&i, map, [0; 3])
            }),
        ),
        ("rand_augment", Box::new(|i, n| RandAugment::default().apply(i, &mut SampleRng::new(0, 0, n, 0)))),
        ("clip-rocket/weak", pipeline("clip-rocket/weak")),
        ("clip-rocket/strong", pipeline("clip-rocket/strong")),
        ("simclr", pipeline("simclr")),
    ]
}

/// The floats of a view; times of the operation alone.
fn normalize(image: &Image) -> Vec<f32> {
    Normalization::IMAGENET.apply(image)
}

fn benches(c: &mut Criterion) {
    for (width, height) in SIZES {
        let image = picture(width, height);
        for (name, op) in cases() {
            let mut index = 0;
            c.bench_function(&format!("{name}/{width}x{height}"), |b| {
                b.iter(|| {
                    index += 1;
                    op(black_box(&image).clone(), index)
                });
            });
        }
    }
    let view = picture(VIEW, VIEW);
    c.bench_function(&format!("normalize/{VIEW}x{VIEW}"), |b| b.iter(|| normalize(black_box(&view))));
}

/// Mean seconds of a call over about `budget` seconds, after a warm-up of a tenth of that.
fn seconds(budget: f64, mut call: impl FnMut(u64)) -> f64 {
    let mut run = |budget: f64| {
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed().as_secs_f64() < budget {
            call(calls);
            calls += 1;
        }
        start.elapsed().as_secs_f64() / calls as f64
    };
    run(budget / 10.0);
    run(budget)
}

/// A file to pixels, by the decoder that the `image` crate has: `vlp-data`, whose own decoder its bench measures, depends on this
/// crate.
fn decode(file: &[u8]) -> Image {
    let mut decoder = JpegDecoder::new(Cursor::new(file));
    let pixels = decoder.decode().expect("a JPEG file");
    let (width, height) = decoder.dimensions().expect("known after decoding");
    Image::new(width, height, pixels).expect("three bytes a pixel")
}

fn times(budget: f64, files: &Path) {
    for (width, height) in SIZES {
        let image = picture(width, height);
        for (name, op) in cases() {
            let time = seconds(budget, |index| drop(black_box(op(black_box(&image).clone(), index))));
            println!("{name}/{width}x{height} {time:e}");
        }
    }
    let strong = ImagePipeline::preset("clip-rocket/strong").and_then(|preset| preset.build(VIEW)).expect("a preset");
    for (width, height) in SIZES {
        let size = format!("{width}x{height}");
        let file = std::fs::read(files.join(format!("{size}.jpg"))).expect("a JPEG file of this size");
        let time = seconds(budget, |_| drop(black_box(decode(black_box(&file)))));
        println!("decode/{size} {time:e}");
        let view = |index| strong.apply(decode(black_box(&file)), &mut SampleRng::new(0, 0, index, 0));
        let time = seconds(budget, |index| drop(black_box(view(index))));
        println!("decode + clip-rocket/strong/{size} {time:e}");
    }
    let view = picture(VIEW, VIEW);
    let time = seconds(budget, |_| drop(black_box(normalize(black_box(&view)))));
    println!("normalize/{VIEW}x{VIEW} {time:e}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--times") {
        let budget = arguments.get(at + 1).and_then(|budget| budget.parse().ok()).expect("seconds after --times");
        times(budget, arguments.get(at + 2).expect("a folder after the seconds").as_ref());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
