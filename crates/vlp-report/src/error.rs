use std::path::PathBuf;

/// Why a picture could not be made.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    // The caller's data.
    /// There is nothing to draw.
    #[error("nothing to draw: {what}")]
    Empty {
        /// What is missing.
        what: String,
    },
    /// A picture's bytes do not fit its size.
    #[error(
        "a picture of {width} x {height} needs {expected} bytes (RGB8, at least one pixel), but {bytes} were given"
    )]
    PictureSize {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes that such a picture has.
        expected: u64,
        /// Bytes given.
        bytes: usize,
    },
    /// Two things that must be equal in number are not.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// Which things.
        what: &'static str,
        /// The number that fits.
        expected: usize,
        /// The number given.
        got: usize,
    },

    // Limits.
    /// The picture would be larger than any viewer likes.
    #[error(
        "the picture would be {width} x {height} pixels, more than {limit} on a side; draw fewer rows or smaller cells"
    )]
    TooLarge {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
        /// Largest side allowed, in pixels.
        limit: u64,
    },

    // The environment.
    /// The file could not be written.
    #[error("cannot write the picture {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system or the encoder said.
        source: image::ImageError,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
