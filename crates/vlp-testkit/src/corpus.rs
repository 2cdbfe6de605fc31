//! Picture files that must be refused, each with the reason, and odd ones that must not.

use image::{DynamicImage, GrayImage, ImageFormat, RgbaImage};

use crate::shards::{broken_png, encode, picture};

/// A file and what reading it must end in.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Name of the kind of damage; none for a good file.
    pub damage: Option<&'static str>,
}

fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, damage: Option<&'static str>) -> Case {
    Case { name: name.into(), bytes: bytes.into(), damage }
}

/// Bad and good files; `jpeg` is a whole baseline JPEG file, which nothing here can write.
pub fn pictures(jpeg: &[u8]) -> Vec<Case> {
    let colours = picture(40, 30, 1);
    let (png, webp) = (encode(&colours, ImageFormat::Png), encode(&colours, ImageFormat::WebP));
    let dynamic = DynamicImage::ImageRgb8(colours);
    let encoded = |image: DynamicImage| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).expect("writing to memory");
        bytes.into_inner()
    };
    let mut cases = vec![
        case("empty file", [], Some("format")),
        case("web page", *b"<!DOCTYPE html><html><body>404</body></html>", Some("format")),
        case("GIF of no known version", *b"GIF88a\x01\0\x01\0\0\0\0;", Some("format")),
        case("BMP", *b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0", Some("format")),
        case("zip", *b"PK\x03\x04\x14\0\0\0\0\0", Some("format")),
        case("git LFS pointer", *b"version https://git-lfs.github.com/spec/v1\n", Some("format")),
        case("PNG signature alone", &png[..8], Some("pixels")),
        case("JPEG start alone", [0xff, 0xd8, 0xff], Some("pixels")),
        case("WebP container alone", &webp[..12], Some("pixels")),
        case("PNG with a flipped byte", broken_png(1), Some("pixels")),
        case("PNG of no width", with_png_size(&png, 0, 30), Some("pixels")),
        case("PNG that declares 50,000 x 50,000", with_png_size(&png, 50_000, 50_000), Some("dimensions")),
        case("PNG that declares 2 x 2^31 - 1", with_png_size(&png, 2, i32::MAX as u32), Some("dimensions")),
        case("JPEG that declares 12,000 x 12,000", with_jpeg_size(jpeg, 12_000, 12_000), Some("dimensions")),
        case("JPEG that declares 65,500 x 65,500", with_jpeg_size(jpeg, 65_500, 65_500), Some("dimensions")),
        case("WebP whose lossy frame is larger than its canvas", with_webp_frame(b"VP8 ", &LOSSY), Some("dimensions")),
        case("WebP whose lossless frame is larger", with_webp_frame(b"VP8L", &LOSSLESS), Some("dimensions")),
        case("WebP animation with such a frame", animation(with_webp_frame(b"VP8 ", &LOSSY)), Some("dimensions")),
        case("JPEG of no height", with_jpeg_size(jpeg, 40, 0), Some("pixels")),
        case("RGB PNG", png.clone(), None),
        case("JPEG", jpeg, None),
        case("lossless WebP", webp.clone(), None),
        case("grey PNG", encoded(DynamicImage::ImageLuma8(GrayImage::new(5, 4))), None),
        case("RGBA PNG", encoded(DynamicImage::ImageRgba8(RgbaImage::new(5, 4))), None),
        case("16-bit PNG", encoded(DynamicImage::ImageRgb16(dynamic.to_rgb16())), None),
        case("16-bit grey PNG with alpha", encoded(DynamicImage::ImageLumaA16(dynamic.to_luma_alpha16())), None),
        case("PNG of one pixel", encoded(DynamicImage::ImageLuma8(GrayImage::new(1, 1))), None),
        case("PNG with bytes behind its end", [&png[..], b"behind"].concat(), None),
        case("JPEG with zeros behind its end", [jpeg, &[0; 9]].concat(), None),
    ];
    for (name, whole) in [("PNG", &png[..]), ("JPEG", jpeg), ("WebP", &webp)] {
        for percent in [99, 90, 50, 20] {
            let cut = &whole[..whole.len() * percent / 100];
            cases.push(case(format!("{name} cut to {percent} %"), cut, Some("pixels")));
        }
    }
    cases
}

/// Begin of a lossy frame: key frame, start code, 16,383 x 16,383.
const LOSSY: [u8; 14] = [0x10, 2, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0, 0];
/// Begin of a lossless frame: signature, 16,384 x 16,384, version 0.
const LOSSLESS: [u8; 8] = [0x2f, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0];

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [name.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat()
}

fn webp(chunks: &[u8]) -> Vec<u8> {
    chunk(b"RIFF", &[b"WEBP", chunks].concat())
}

/// A canvas of 40 x 30 pixels with this frame.
fn with_webp_frame(name: &[u8; 4], frame: &[u8]) -> Vec<u8> {
    webp(&[chunk(b"VP8X", &[0, 0, 0, 0, 39, 0, 0, 29, 0, 0]), chunk(name, frame)].concat())
}

/// The same with its frame inside that of an animation.
fn animation(still: Vec<u8>) -> Vec<u8> {
    let head = [0, 0, 0, 0, 0, 0, 39, 0, 0, 29, 0, 0, 100, 0, 0, 0];
    let frame = chunk(b"ANMF", &[&head, &still[30..]].concat());
    webp(&[chunk(b"VP8X", &[2, 0, 0, 0, 39, 0, 0, 29, 0, 0]), chunk(b"ANIM", &[0; 6]), frame].concat())
}

/// The file with other sides in its header, whose checksum is made right.
fn with_png_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = !bytes[12..29].iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The file with other sides in its frame header.
fn with_jpeg_size(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg.to_vec();
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a baseline JPEG");
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}
