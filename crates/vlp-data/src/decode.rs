//! Bytes of an image file to pixels: strict, bounded, and never a panic.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageDecoder, ImageReader};
use vlp_augment::Image;

use crate::picture_format::PictureFormat;
use crate::{Alpha, Damage, Limits, jpeg};

/// Decodes a picture file, transparent parts laid on white: [`decode_with`].
///
/// # Errors
/// As there.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, Damage> {
    decode_with(bytes, Alpha::OnWhite, limits)
}

/// Decodes a PNG, JPEG or WebP file, and with the features of these names GIF, BMP, TIFF and PNM files; what it is, its first bytes
/// tell, not its name.
///
/// Truncated files are refused. Sizes are checked in the header, before memory is taken. Of an animation the first frame is taken.
/// Orientation tags are not applied, as in the usual training pipelines; TIFF's are, as in Pillow.
///
/// # Errors
/// The damage, when the bytes are not such a file, broken, or beyond the limits.
pub fn decode_with(bytes: &[u8], alpha: Alpha, limits: &Limits) -> Result<Image, Damage> {
    let Some(format) = PictureFormat::of(bytes).filter(|format| format.missing_feature().is_none()) else {
        // As much as says what it is.
        return Err(Damage::Format(bytes[..bytes.len().min(32)].to_vec()));
    };
    // The decoders do not promise to be free of panics on hostile bytes.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        match format {
            PictureFormat::Jpeg => return jpeg::decode(bytes, limits),
            PictureFormat::Png => check_png_end(bytes)?,
            PictureFormat::WebP => {
                check_webp_length(bytes)?;
                check_webp_frames(&bytes[12..], limits)?;
            }
            PictureFormat::Gif => check_gif_frame(bytes)?,
            PictureFormat::Bmp | PictureFormat::Tiff | PictureFormat::Pnm => {}
        }
        decode_with_image(bytes, format, alpha, limits)
    }));
    decoded.unwrap_or_else(|_| Err(format.broken("the decoder panicked")))
}

pub(crate) fn check_size(width: u64, height: u64, limits: &Limits) -> Result<(), Damage> {
    let side = u64::from(limits.image_side);
    let pixels = width.checked_mul(height);
    if width > side || height > side || pixels.is_none_or(|pixels| pixels > limits.image_pixels) {
        return Err(Damage::Dimensions { width, height, side: limits.image_side, pixels: limits.image_pixels });
    }
    Ok(())
}

fn decode_with_image(bytes: &[u8], format: PictureFormat, alpha: Alpha, limits: &Limits) -> Result<Image, Damage> {
    let broken = |error: image::ImageError| format.broken(error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.decoder());
    let mut decoder_limits = image::Limits::default();
    // Up to 16 bits for each of four channels; the sides are checked below, with a better message.
    decoder_limits.max_alloc = Some(limits.image_pixels.saturating_mul(8));
    reader.limits(decoder_limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height), limits)?;
    let turn = if format == PictureFormat::Tiff { Some(decoder.orientation().map_err(broken)?) } else { None };
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    if let Some(turn) = turn {
        decoded.apply_orientation(turn);
    }
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    Image::new(width, height, alpha.pixels(decoded)).map_err(|error| format.broken(error))
}

/// The decoder stops reading once it has all pixels; a file cut after that point lacks its end chunk.
fn check_png_end(bytes: &[u8]) -> Result<(), Damage> {
    let mut at = 8;
    loop {
        let Some((length, kind)) = bytes.get(at..at + 8).map(|head| head.split_at(4)) else {
            return Err(PictureFormat::Png.broken("the file ends before its end chunk"));
        };
        let length = length.iter().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
        // Length, kind, data, checksum.
        at += 12 + length;
        if at > bytes.len() {
            return Err(PictureFormat::Png.broken("the file ends inside a chunk"));
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
        return Err(PictureFormat::WebP.broken(reason));
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

/// The first frame has to be there to its end; what follows is not read. The decoder makes up for what is missing.
fn check_gif_frame(bytes: &[u8]) -> Result<(), Damage> {
    let cut = || PictureFormat::Gif.broken("the file ends inside its first frame");
    let table = |flags: u8| if flags & 0x80 != 0 { 3usize << ((flags & 7) + 1) } else { 0 };
    let blocks_end = |mut at: usize| loop {
        match bytes.get(at) {
            Some(0) => return Ok(at + 1),
            Some(&length) => at += 1 + usize::from(length),
            None => return Err(cut()),
        }
    };
    let mut at = 13 + table(*bytes.get(10).ok_or_else(cut)?);
    loop {
        match bytes.get(at) {
            Some(0x21) => at = blocks_end(at + 2)?,
            // The frame's head, its colours, the size of its codes, and its data.
            Some(0x2c) => return blocks_end(at + 11 + table(*bytes.get(at + 9).ok_or_else(cut)?)).map(|_| ()),
            Some(other) => return Err(PictureFormat::Gif.broken(format!("no frame, but a block {other:02x}"))),
            None => return Err(cut()),
        }
    }
}
