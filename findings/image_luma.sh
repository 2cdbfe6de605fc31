#!/usr/bin/env bash
# image 0.25.10 (Rust) and pillow 13.0.0: the two libraries' greys are different pictures.
#
# Behaviour: to_luma8 and grayscale weigh red, green and blue by 0.2126, 0.7152, 0.0722 (Rec. 709); Pillow's convert("L"), which torchvision's
#   grey of a Pillow picture is made of, by 0.299, 0.587, 0.114 (Rec. 601). Besides, to_luma8 rounds and grayscale cuts off.
# Seen, red / green / blue / a brown of 200, 100, 50:
#   to_luma8  54 182 18 118
#   grayscale 54 182 18 117
#   pillow    76 150 29 124
# Expected: one grey up to rounding, and within one library one grey.
# Why it matters: up to 32 levels of 255 on saturated colours. Augmentation by grey, saturation and contrast built on it, perceptual
#   hashes for deduplication and grey test sets come out differently in Rust than in the Python that trained the model.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 || exit 2
mkdir -p "$work/grey/src"
cd "$work/grey"
cat >Cargo.toml <<'TOML'
[package]
name = "grey"
version = "0.0.0"
edition = "2021"

[dependencies]
image = { version = "=0.25.10", default-features = false }
TOML
cat >src/main.rs <<'RUST'
use image::{DynamicImage, Rgb, RgbImage};

fn main() {
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50]];
    let pictures = colours.map(|colour| DynamicImage::ImageRgb8(RgbImage::from_pixel(1, 1, Rgb(colour))));
    let show = |name: &str, grey: fn(&DynamicImage) -> u8| println!("{name} {}", pictures.each_ref().map(|p| grey(p).to_string()).join(" "));
    show("to_luma8 ", |picture| picture.to_luma8().get_pixel(0, 0)[0]);
    show("grayscale", |picture| picture.grayscale().as_luma8().unwrap().get_pixel(0, 0)[0]);
}
RUST
cargo build -q --target-dir "$work/target" || exit 2
cat >grey.py <<'PYTHON'
from PIL import Image

colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50))
print("pillow   ", *(Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)) for colour in colours))
PYTHON
{ "$work/target/debug/grey" && "$work/venv/bin/python" grey.py; } | tee seen
printf 'to_luma8  54 182 18 118\ngrayscale 54 182 18 117\npillow    76 150 29 124\n' | cmp -s - seen || { echo changed; exit 1; }
