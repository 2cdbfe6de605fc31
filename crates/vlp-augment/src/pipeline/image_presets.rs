//! The numbers of the papers and of the code that goes with them.

use super::image_op::{usual_ratio, whole_scale};
use super::{FilterName, ImageOp, Step};

pub(super) const NAMES: &[&str] = &[
    "clip-rocket/weak",
    "clip-rocket/strong",
    "clip-rocket/byol-1",
    "clip-rocket/byol-2",
    "clip-rocket/eval",
    "open_clip/train",
    "open_clip/eval",
    "slip/clip",
    "slip/ssl",
    "simclr",
    "byol-1",
    "byol-2",
    "swav/global",
    "swav/local",
];

type Steps = Vec<Step<ImageOp>>;

pub(super) fn steps(name: &str) -> Option<Steps> {
    use FilterName::{Bicubic, Bilinear};
    Some(match name {
        // No flip: captions say left and right.
        "clip-rocket/weak" => vec![crop([0.5, 1.0], Bicubic)],
        "clip-rocket/strong" => rocket(0.4, 0.5, None),
        // `--byol-augment`: less saturation, blur and solarize differ between the two views.
        "clip-rocket/byol-1" => rocket(0.2, 1.0, None),
        "clip-rocket/byol-2" => rocket(0.2, 0.1, Some(0.2)),
        "clip-rocket/eval" => evaluation(Bilinear),
        "open_clip/train" => vec![crop([0.9, 1.0], Bicubic)],
        "open_clip/eval" => evaluation(Bicubic),
        "slip/clip" => vec![crop([0.5, 1.0], Bilinear)],
        // SLIP's repository at commit 8ca728a: `train_transform` of main.py above, `augment` of datasets.py here.
        "slip/ssl" => {
            [vec![crop(whole_scale(), Bilinear), jitter(0.4, 0.4, 0.1)], vec![grayscale(), blur(0.5), flip()]].concat()
        }
        "simclr" => lightly(whole_scale(), (0.8, 0.8, 0.2), 0.5, None),
        "byol-1" => lightly(whole_scale(), (0.4, 0.2, 0.1), 1.0, None),
        "byol-2" => lightly(whole_scale(), (0.4, 0.2, 0.1), 0.1, Some(0.2)),
        "swav/global" => lightly([0.14, 1.0], (0.8, 0.8, 0.2), 0.5, None),
        "swav/local" => lightly([0.05, 0.14], (0.8, 0.8, 0.2), 0.5, None),
        _ => return None,
    })
}

/// CLIP-rocket's order: crop, jitter, greyscale, blur, solarize, flip.
fn rocket(saturation: f64, blur_p: f64, solarize_p: Option<f64>) -> Steps {
    let mut steps =
        vec![crop(whole_scale(), FilterName::Bicubic), jitter(0.4, saturation, 0.1), grayscale(), blur(blur_p)];
    steps.extend(solarize_p.map(solarize));
    steps.push(flip());
    steps
}

/// lightly's order: crop, flip, jitter, greyscale, blur, solarize.
fn lightly(
    scale: [f64; 2],
    (strength, saturation, hue): (f64, f64, f64),
    blur_p: f64,
    solarize_p: Option<f64>,
) -> Steps {
    let mut steps =
        vec![crop(scale, FilterName::Bilinear), flip(), jitter(strength, saturation, hue), grayscale(), blur(blur_p)];
    steps.extend(solarize_p.map(solarize));
    steps
}

fn evaluation(filter: FilterName) -> Steps {
    vec![
        Step::always(ImageOp::Resize { size: None, filter, order: Default::default() }),
        Step::always(ImageOp::CenterCrop { size: None }),
    ]
}

fn crop(scale: [f64; 2], filter: FilterName) -> Step<ImageOp> {
    Step::always(ImageOp::RandomResizedCrop {
        size: None,
        scale,
        ratio: usual_ratio(),
        filter,
        order: Default::default(),
    })
}

fn jitter(strength: f64, saturation: f64, hue: f64) -> Step<ImageOp> {
    Step::with(0.8, ImageOp::ColorJitter { brightness: strength, contrast: strength, saturation, hue })
}

fn grayscale() -> Step<ImageOp> {
    Step::with(0.2, ImageOp::Grayscale {})
}

fn blur(p: f64) -> Step<ImageOp> {
    Step::with(p, ImageOp::GaussianBlur { radius: [0.1, 2.0] })
}

fn solarize(p: f64) -> Step<ImageOp> {
    Step::with(p, ImageOp::Solarize { threshold: 128.0 })
}

fn flip() -> Step<ImageOp> {
    Step::with(0.5, ImageOp::HorizontalFlip {})
}
