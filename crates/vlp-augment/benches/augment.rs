//! Time of one view: 64 x 64 to 32 x 32, as the quickstart has it, and 256 x 256 to 224 x 224.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use vlp_augment::image_ops::{
    adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, gaussian_blur, grayscale, horizontal_flip,
    resize,
};
use vlp_augment::{Filter, Image, ImageTransform, SampleRng, recipes};

fn picture(side: usize) -> Image {
    let mut rng = SampleRng::new(0, 0, 0, 0);
    let pixels = (0..side * side * 3).map(|_| rng.bits() as u8).collect();
    Image::new(side, side, pixels).expect("three bytes a pixel")
}

fn views(c: &mut Criterion) {
    for (from, to) in [(64, 32), (256, 224)] {
        let image = picture(from);
        let recipes = [
            ("weak", recipes::clip_rocket_weak(to)),
            ("strong", recipes::clip_rocket_strong(to)),
            ("eval", recipes::eval(to)),
        ];
        for (name, recipe) in recipes {
            let mut index = 0;
            c.bench_function(&format!("view/{name}/{to}"), |b| {
                b.iter(|| {
                    index += 1;
                    let rng = &mut SampleRng::new(0, 0, index, 0);
                    recipe.apply(black_box(&image).clone(), rng)
                });
            });
        }
    }
}

fn operations(c: &mut Criterion) {
    type Op = fn(Image) -> Image;
    let operations: [(&str, Op); 8] = [
        ("resize_7_8", |i| {
            let side = i.width() * 7 / 8;
            resize(&i, side, side, Filter::Bicubic)
        }),
        ("flip", horizontal_flip),
        ("brightness", |i| adjust_brightness(i, 1.2)),
        ("contrast", |i| adjust_contrast(i, 1.2)),
        ("saturation", |i| adjust_saturation(i, 1.2)),
        ("hue", |i| adjust_hue(i, 0.05)),
        ("grayscale", grayscale),
        ("blur", |i| gaussian_blur(i, 1.0)),
    ];
    for side in [32, 224] {
        let image = picture(side);
        for (name, operation) in operations {
            c.bench_function(&format!("op/{name}/{side}"), |b| {
                b.iter(|| operation(black_box(&image).clone()));
            });
        }
    }
}

criterion_group!(benches, views, operations);
criterion_main!(benches);
