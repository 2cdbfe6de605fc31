//! Bytes of an image file to pixels: strict, bounded, and never a panic.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbaImage};
use vlp_augment::Image;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::bytes_reader::BytesReader;
use crate::{Damage, Limits};

/// Decodes a PNG, JPEG or WebP file; what it is, its first bytes tell, not its name.
///
/// Truncated files are refused. Sizes are checked in the header, before memory is taken. Transparency is laid on white.
/// Of an animation the first frame is taken. Orientation tags are not applied, as in the usual training pipelines.
///
/// # Errors
/// The damage, when the bytes are not such a file, broken, or beyond the limits.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, Damage> {
    let format = match bytes {
        [0x89, b'P', b'N', b'G', ..] => Format::Png,
        [0xff, 0xd8, 0xff, ..] => Format::Jpeg,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Format::WebP,
        _ => return Err(Damage::Format(bytes[..bytes.len().min(8)].to_vec())),
    };
    // The decoders do not promise to be free of panics on hostile bytes.
    let decoded = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Jpeg => {
            check_jpeg_end(bytes)?;
            decode_jpeg(bytes, limits)
        }
        Format::Png => {
            check_png_end(bytes)?;
            decode_with_image(bytes, ImageFormat::Png, format, limits)
        }
        Format::WebP => {
            check_webp_length(bytes)?;
            check_webp_frames(&bytes[12..], limits)?;
            decode_with_image(bytes, ImageFormat::WebP, format, limits)
        }
    }));
    decoded.unwrap_or_else(|_| Err(format.broken("the decoder panicked")))
}

#[derive(Clone, Copy)]
enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    fn broken(self, reason: impl ToString) -> Damage {
        let format = match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        };
        Damage::Pixels { format, reason: reason.to_string() }
    }
}

pub(crate) fn check_size(width: u64, height: u64, limits: &Limits) -> Result<(), Damage> {
    let side = u64::from(limits.image_side);
    let pixels = width.checked_mul(height);
    if width > side || height > side || pixels.is_none_or(|pixels| pixels > limits.image_pixels) {
        return Err(Damage::Dimensions { width, height, side: limits.image_side, pixels: limits.image_pixels });
    }
    Ok(())
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<Image, Damage> {
    let broken = |reason: String| Format::Jpeg.broken(reason);
    // Strict mode: without it the rest of a truncated file is filled with grey.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(BytesReader::new(bytes), options);
    decoder.decode_headers().map_err(|error| broken(error.to_string()))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| broken("no dimensions".to_owned()))?;
    check_size(width as u64, height as u64, limits)?;
    let pixels = decoder.decode().map_err(|error| broken(error.to_string()))?;
    Image::new(width, height, pixels).map_err(|error| broken(error.to_string()))
}

fn decode_with_image(
    bytes: &[u8],
    image_format: ImageFormat,
    format: Format,
    limits: &Limits,
) -> Result<Image, Damage> {
    let broken = |error: image::ImageError| format.broken(error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format);
    let mut decoder_limits = image::Limits::default();
    // Up to 16 bits for each of four channels; the sides are checked below, with a better message.
    decoder_limits.max_alloc = Some(limits.image_pixels.saturating_mul(8));
    reader.limits(decoder_limits);
    let decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height), limits)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let pixels =
        if decoded.color().has_alpha() { on_white(&decoded.into_rgba8()) } else { decoded.into_rgb8().into_raw() };
    Image::new(width as usize, height as usize, pixels).map_err(|error| format.broken(error))
}

/// Lays a picture with transparency on a white ground.
fn on_white(image: &RgbaImage) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for [r, g, b, alpha] in image.as_raw().as_chunks::<4>().0 {
        let alpha = u32::from(*alpha);
        pixels.extend([r, g, b].map(|v| ((u32::from(*v) * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    pixels
}

/// The decoder makes up for the last bytes of a scan; a file cut there has no end marker behind its last start of scan.
fn check_jpeg_end(bytes: &[u8]) -> Result<(), Damage> {
    let last = bytes.windows(2).rev().find(|marker| matches!(marker, [0xff, 0xd9 | 0xda]));
    match last {
        Some([_, 0xd9]) => Ok(()),
        _ => Err(Format::Jpeg.broken("the file ends before its end marker")),
    }
}

/// The decoder stops reading once it has all pixels; a file cut after that point lacks its end chunk.
fn check_png_end(bytes: &[u8]) -> Result<(), Damage> {
    let mut at = 8;
    loop {
        let Some((length, kind)) = bytes.get(at..at + 8).map(|head| head.split_at(4)) else {
            return Err(Format::Png.broken("the file ends before its end chunk"));
        };
        let length = length.iter().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
        // Length, kind, data, checksum.
        at += 12 + length;
        if at > bytes.len() {
            return Err(Format::Png.broken("the file ends inside a chunk"));
        }
        if kind == b"IEND" {
            return Ok(());
        }
    }
}

/// The container tells its length; what is missing, the decoder may make up.
fn check_webp_length(bytes: &[u8]) -> Result<(), Damage> {
    let declared = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let found = bytes.len() as u64 - 8;
    if found < u64::from(declared) {
        let reason = format!("the file ends after {found} of {declared} bytes");
        return Err(Format::WebP.broken(reason));
    }
    Ok(())
}

/// Each coded frame declares a size of its own, for which the decoder makes room before it compares it with the canvas.
fn check_webp_frames(mut chunks: &[u8], limits: &Limits) -> Result<(), Damage> {
    let side = |low: u8, high: u8| u64::from(u16::from_le_bytes([low, high]) & 0x3fff);
    while let Some((&[a, b, c, d, length @ ..], body)) = chunks.split_first_chunk::<8>() {
        match (&[a, b, c, d], body) {
            (b"VP8 ", [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => {
                check_size(side(*w0, *w1), side(*h0, *h1), limits)?;
            }
            (b"VP8L", [0x2f, sides @ ..]) => {
                if let Some(&sides) = sides.first_chunk::<4>() {
                    let sides = u64::from(u32::from_le_bytes(sides));
                    check_size((sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1, limits)?;
                }
            }
            _ => {}
        }
        // A frame of an animation has a head of 16 bytes, then chunks.
        let length = if &[a, b, c, d] == b"ANMF" { 16 } else { u32::from_le_bytes(length) as usize };
        chunks = body.get(length + length % 2..).unwrap_or_default();
    }
    Ok(())
}
