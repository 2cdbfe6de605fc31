use thiserror::Error;

/// An 8-bit RGB picture, rows from the top, three bytes a pixel, at least one pixel large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Why bytes are not an [`Image`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Width or height is zero.
    #[error("an image needs at least one pixel, this one is {width} x {height}")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The buffer does not hold `width * height * 3` bytes.
    #[error("{width} x {height} RGB pixels do not fit {bytes} bytes: three bytes a pixel are needed")]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Length of the buffer.
        bytes: usize,
    },
    /// A side is larger than `u32::MAX`.
    #[error("an image side is at most 2^32 - 1 pixels, this one is {width} x {height}")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
}

impl Image {
    /// Takes interleaved RGB bytes, rows from the top.
    ///
    /// # Errors
    /// When a side is zero or beyond `u32`, or the length is not `width * height * 3`.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::Empty { width, height });
        }
        if u32::try_from(width).is_err() || u32::try_from(height).is_err() {
            return Err(ImageError::TooLarge { width, height });
        }
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if expected != Some(pixels.len()) {
            let bytes = pixels.len();
            return Err(ImageError::Length { width, height, bytes });
        }
        Ok(Self { width, height, pixels })
    }

    /// A picture of one colour; a side of zero becomes one.
    pub fn filled(width: usize, height: usize, colour: [u8; 3]) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, pixels: colour.repeat(width * height) }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Interleaved RGB bytes, rows from the top: `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes, to change in place; their number cannot change.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// Gives the bytes away.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The pixels as RGB triples.
    pub(crate) fn triples_mut(&mut self) -> impl Iterator<Item = &mut [u8; 3]> {
        self.pixels.as_chunks_mut::<3>().0.iter_mut()
    }

    /// The pixels as RGB triples.
    pub(crate) fn triples(&self) -> impl Iterator<Item = [u8; 3]> {
        self.pixels.as_chunks::<3>().0.iter().copied()
    }
}

/// Luma of ITU-R BT.601 in 16-bit fixed point, rounded as Pillow's mode "L".
#[inline(always)]
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    let sum = 19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000;
    (sum >> 16) as u8
}
