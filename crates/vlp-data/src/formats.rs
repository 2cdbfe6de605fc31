//! Endings of picture files, and which goes before.

/// open_clip's order, `jpg;png;jpeg;webp`, then what it does not look for: the other endings of JPEG, and the formats of the
/// features.
pub(crate) const ENDINGS: &[&str] = &[
    "jpg",
    "png",
    "jpeg",
    "webp",
    "jfif",
    "jpe",
    #[cfg(feature = "gif")]
    "gif",
    #[cfg(feature = "bmp")]
    "bmp",
    #[cfg(feature = "tiff")]
    "tif",
    #[cfg(feature = "tiff")]
    "tiff",
    #[cfg(feature = "pnm")]
    "ppm",
    #[cfg(feature = "pnm")]
    "pgm",
    #[cfg(feature = "pnm")]
    "pbm",
    #[cfg(feature = "pnm")]
    "pnm",
];

/// The rank of an ending in lower case among those of pictures: of a sample's pictures the one of the lowest rank is read.
pub(crate) fn rank(ending: &str) -> Option<usize> {
    ENDINGS.iter().position(|known| *known == ending)
}
