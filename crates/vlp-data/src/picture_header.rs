//! Format and size of a picture by its first bytes, without decoding it.

use crate::picture_format::is_avif;

/// Name of a format and, where its header is simple enough to read here, width and height in pixels.
pub(crate) type Header = (&'static str, Option<(u32, u32)>);

/// What the bytes claim to be; none where they are no picture known here.
pub(crate) fn read_header(bytes: &[u8]) -> Option<Header> {
    Some(match bytes {
        [0x89, b'P', b'N', b'G', ..] => ("PNG", big32(bytes, 16).zip(big32(bytes, 20))),
        [0xff, 0xd8, 0xff, ..] => ("JPEG", jpeg_size(bytes)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ("WebP", webp_size(bytes)),
        [b'G', b'I', b'F', b'8', ..] => ("GIF", little16(bytes, 6).zip(little16(bytes, 8))),
        [b'B', b'M', ..] => ("BMP", None),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => ("TIFF", None),
        _ if is_avif(bytes) => ("AVIF", None),
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => ("HEIF", None),
        [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => ("PNM", None),
        _ => return None,
    })
}

fn big32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn big16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn little16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

/// The size in the first frame header, behind segments that each tell their length.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        match bytes.get(at..at + 2)? {
            [0xff, 0xff] => at += 1,
            [0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf] => {
                return Some((big16(bytes, at + 7)?, big16(bytes, at + 5)?));
            }
            [0xff, 0x01 | 0xd0..=0xd7] => at += 2,
            // The scan begins: no frame header came before it.
            [0xff, 0xda | 0xd9] => return None,
            [0xff, _] => at += 2 + big16(bytes, at + 2)? as usize,
            // A stray byte.
            _ => at += 1,
        }
    }
}

fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let little24 = |at: usize| Some(little16(bytes, at)? | u32::from(*bytes.get(at + 2)?) << 16);
    match bytes.get(12..16)? {
        b"VP8X" => Some((little24(24)? + 1, little24(27)? + 1)),
        b"VP8L" => {
            let bits = little16(bytes, 21)? | little16(bytes, 23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => Some((little16(bytes, 26)? & 0x3fff, little16(bytes, 28)? & 0x3fff)),
        _ => None,
    }
}
