use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use vlp_augment::Image;

use super::files::open_file;
use super::{Picture, Source};
use crate::fingerprint::Fingerprint;
use crate::{Annotation, Damage, DataError, Limits, Metadata, Tally};

/// Pictures and class numbers in IDX files (MNIST, Fashion-MNIST, EMNIST, KMNIST), gzipped or not, held in memory.
#[derive(Debug)]
pub(crate) struct Idx {
    path: PathBuf,
    height: usize,
    width: usize,
    /// 1 or 3.
    channels: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    captions: Vec<String>,
    tally: Tally,
}

/// Most bytes of an unpacked file: 4 GiB, some ninety times MNIST.
const MOST_BYTES: u64 = 4 << 30;

impl Idx {
    /// Reads pictures and labels; `captions` has the caption of each class.
    pub(crate) fn open(images: &Path, labels: &Path, captions: &[&str], limits: &Limits) -> Result<Self, DataError> {
        let (shape, pixels) = read(images)?;
        let wrong = |path: &Path, reason: String| DataError::Table { path: path.to_owned(), reason };
        let (count, height, width, channels) = match shape[..] {
            [count, height, width] => (count, height, width, 1),
            [count, height, width, 3] => (count, height, width, 3),
            _ => {
                let reason =
                    format!("pictures of the shape {shape:?}; it must be [n, height, width] or [n, height, width, 3]");
                return Err(wrong(images, reason));
            }
        };
        let side = limits.image_side as usize;
        if height == 0 || width == 0 || height > side || width > side || (height * width) as u64 > limits.image_pixels {
            return Err(wrong(images, format!("pictures of {width} x {height} are beyond the limits")));
        }
        let (label_shape, classes) = read(labels)?;
        if label_shape != [count] {
            return Err(wrong(labels, format!("labels of the shape {label_shape:?} for {count} pictures")));
        }
        if count == 0 {
            return Err(wrong(images, "no pictures in it".to_owned()));
        }
        if let Some(&largest) = classes.iter().max()
            && usize::from(largest) >= captions.len()
        {
            let reason = format!("class {largest}, but captions for {} classes: give one for each", captions.len());
            return Err(wrong(labels, reason));
        }
        let captions = captions.iter().map(|&caption| caption.to_owned()).collect();
        Ok(Self {
            path: images.to_owned(),
            height,
            width,
            channels,
            pixels,
            labels: classes,
            captions,
            tally: Tally::default(),
        })
    }
}

/// Shape and bytes of an IDX file: two zeros, the type (8: bytes), the number of dimensions, each as a big-endian u32.
fn read(path: &Path) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let read_error = |source| DataError::Read { path: path.to_owned(), source };
    let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
    let mut magic = [0; 2];
    open_file(path)?.take(2).read_exact(&mut magic).map_err(read_error)?;
    let file = open_file(path)?;
    let packed = magic == [0x1f, 0x8b];
    let mut bytes: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut head = [0; 4];
    bytes.read_exact(&mut head).map_err(read_error)?;
    let [0, 0, 8, dimensions @ 1..=4] = head else {
        return Err(wrong(format!("not an IDX file of bytes (it begins with {head:02x?}, wanted 00 00 08 01 to 04)")));
    };
    let mut shape = Vec::new();
    let mut total = 1u64;
    for _ in 0..dimensions {
        let mut length = [0; 4];
        bytes.read_exact(&mut length).map_err(read_error)?;
        let length = u32::from_be_bytes(length);
        total = total.saturating_mul(u64::from(length));
        shape.push(length as usize);
    }
    // Deflate packs at most 1032 to 1, so a small file cannot make good on a large promise.
    let size = fs::metadata(path).map_err(read_error)?.len();
    let possible = if packed { size.saturating_mul(1032) } else { size };
    if total > MOST_BYTES || total > possible {
        return Err(wrong(format!("{total} bytes declared in a file of {size} bytes")));
    }
    let mut data = Vec::new();
    bytes.take(total + 1).read_to_end(&mut data).map_err(read_error)?;
    if data.len() as u64 != total {
        let found = if data.len() as u64 > total { "more".to_owned() } else { data.len().to_string() };
        return Err(wrong(format!("{total} bytes declared, {found} found")));
    }
    Ok((shape, data))
}

impl Source for Idx {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn name(&self, index: usize) -> String {
        format!("{}:{index}", self.path.display())
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let missing = || Damage::Io(format!("there is no {}", self.name(index)));
        let class = usize::from(*self.labels.get(index).ok_or_else(missing)?);
        let mut metadata = Metadata::default();
        metadata.insert("class", class);
        Ok(Annotation {
            key: format!("{index:06}"),
            caption: self.captions.get(class).cloned().ok_or(Damage::NoCaption)?,
            other_captions: Vec::new(),
            metadata,
        })
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let missing = || Damage::Io(format!("there is no {}", self.name(index)));
        let length = self.height * self.width * self.channels;
        let stored = self.pixels.get(index * length..(index + 1) * length).ok_or_else(missing)?;
        let pixels = match self.channels {
            1 => stored.iter().flat_map(|&grey| [grey; 3]).collect(),
            _ => stored.to_vec(),
        };
        let image = Image::new(self.width, self.height, pixels);
        image.map(Picture::Decoded).map_err(|error| Damage::Pixels { format: "IDX", reason: error.to_string() })
    }

    fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        fingerprint.bytes(&self.labels);
        fingerprint.bytes(&self.pixels);
        fingerprint.finish()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &[]
    }
}
