use image::ImageFormat;

use crate::Damage;

/// A format of picture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Png,
    Jpeg,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Pnm,
}

impl PictureFormat {
    /// What the first bytes say, whatever the name is.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            // With the length of its header, since many texts begin with these two letters.
            [b'B', b'M', _, _, _, _, _, _, _, _, _, _, _, _, 12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => {
                Self::Bmp
            }
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            [b'P', b'1'..=b'6', b' ' | b'\t' | b'\n' | b'\r', ..] => Self::Pnm,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
        }
    }

    /// The cargo feature that reads it, where this build is without it.
    pub(crate) fn missing_feature(self) -> Option<&'static str> {
        let (feature, built) = match self {
            Self::Png | Self::Jpeg | Self::WebP => return None,
            Self::Gif => ("gif", cfg!(feature = "gif")),
            Self::Bmp => ("bmp", cfg!(feature = "bmp")),
            Self::Tiff => ("tiff", cfg!(feature = "tiff")),
            Self::Pnm => ("pnm", cfg!(feature = "pnm")),
        };
        (!built).then_some(feature)
    }

    /// The decoder of the `image` crate that reads it.
    pub(crate) fn decoder(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::WebP => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
            Self::Pnm => ImageFormat::Pnm,
        }
    }

    pub(crate) fn broken(self, reason: impl ToString) -> Damage {
        Damage::Pixels { format: self.name(), reason: reason.to_string() }
    }
}

/// What bytes are that are no picture which this build reads, in words.
pub(crate) fn what_it_is(bytes: &[u8]) -> String {
    if let Some(format) = PictureFormat::of(bytes) {
        let feature = format.missing_feature().unwrap_or_default();
        return format!("a {} file, which the cargo feature `{feature}` reads", format.name());
    }
    match bytes {
        [] => "an empty file".to_owned(),
        _ if is_avif(bytes) => not_read("AVIF"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => not_read("HEIF"),
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', ..] => not_read("JPEG XL"),
        [0, 0, 0, 12, b'j', b'P', ..] => not_read("JPEG 2000"),
        [b'<', ..] => "text that begins with `<`: a web page or SVG".to_owned(),
        _ => format!("no picture (it begins with {:02x?})", &bytes[..bytes.len().min(8)]),
    }
}

/// Whether the brands at the beginning of a file name AVIF; the first of them may be a general one.
pub(crate) fn is_avif(bytes: &[u8]) -> bool {
    let [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] = &bytes[..bytes.len().min(32)] else { return false };
    brands.chunks(4).any(|brand| matches!(brand, b"avif" | b"avis"))
}

fn not_read(format: &str) -> String {
    format!("{format}, which no build reads: write it as JPEG, PNG or WebP first, as img2dataset and Pillow do")
}
