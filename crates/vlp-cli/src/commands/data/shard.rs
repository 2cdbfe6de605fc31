//! One tar shard.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use indicatif::ProgressBar;
use serde_json::Value;
use sha2::{Digest, Sha256};
use vlp::augment::{Filter, Image, ImageTransform, Resize, SampleRng};
use vlp::data::{Annotation, Damage, Dataset, Picture, Tally};
use vlp::trainer::Stop;

use super::manifest::Packed;
use crate::failure::Failure;

/// Someone pressed Ctrl-C.
pub(crate) struct Stopped;

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Failure::failed("stopped")
    }
}

/// Writes shards of a data set.
pub(crate) struct Writer<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) short_side: Option<usize>,
    pub(crate) quality: u8,
    pub(crate) bar: &'a ProgressBar,
    pub(crate) stop: &'a Stop,
}

/// Counts and hashes what passes.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Writer<'_> {
    /// Writes the samples of a range, under another name first, so that no half shard bears the final one.
    pub(crate) fn write(&self, samples: Range<usize>, path: &Path) -> Result<Packed, Failure> {
        let part = path.with_extension("tar.part");
        let written = self.fill(samples, &part);
        let result = written.and_then(|mut packed| {
            packed.name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if packed.samples > 0 {
                fs::rename(&part, path).map_err(|error| about(path, error))?;
            }
            Ok(packed)
        });
        if result.as_ref().map_or(true, |packed| packed.samples == 0) {
            let _ = fs::remove_file(&part);
        }
        result
    }

    fn fill(&self, samples: Range<usize>, part: &Path) -> Result<Packed, Failure> {
        let inner = BufWriter::new(File::create(part).map_err(|error| about(part, error))?);
        let mut archive = tar::Builder::new(Hashed { inner, hash: Sha256::new(), bytes: 0 });
        let (mut packed, mut skipped, mut first_skipped) = (0, Tally::default(), None);
        for index in samples {
            if self.stop.is_requested() {
                return Err(Stopped.into());
            }
            match self.dataset.annotation(index).and_then(|a| Ok((a, self.picture(index)?))) {
                Ok((annotation, (extension, bytes))) => {
                    let metadata = metadata(&annotation);
                    let members =
                        [(extension, &bytes[..]), ("txt", annotation.caption.as_bytes()), ("json", &metadata[..])];
                    for (extension, bytes) in members {
                        let name = format!("{index:09}.{extension}");
                        append(&mut archive, &name, bytes).map_err(|error| about(part, error))?;
                    }
                    packed += 1;
                }
                // Shards without samples that are well must not be written.
                Err(Damage::Unreachable(error)) => return Err(Failure::failed(error)),
                Err(damage) => {
                    skipped.add(damage.kind());
                    first_skipped.get_or_insert_with(|| format!("{}: {damage}", self.dataset.name(index)));
                }
            }
            self.bar.inc(1);
        }
        let ended = || -> io::Result<Hashed<BufWriter<File>>> {
            let mut written = archive.into_inner()?;
            written.flush()?;
            written.inner.get_ref().sync_all()?;
            Ok(written)
        };
        let written = ended().map_err(|error| about(part, error))?;
        let sha256 = written.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Packed { name: String::new(), samples: packed, bytes: written.bytes, sha256, skipped, first_skipped })
    }

    /// Extension and bytes of a picture. It is decoded in any case, so that nothing broken is packed.
    fn picture(&self, index: usize) -> Result<(&'static str, Vec<u8>), Damage> {
        let stored = self.dataset.picture(index)?;
        let image = self.dataset.decode(index, stored.clone())?;
        // Of these only: what reads shards knows no other ending.
        let known = match &stored {
            Picture::Encoded(bytes) if bytes.starts_with(&[0xff, 0xd8]) => Some("jpg"),
            Picture::Encoded(bytes) if bytes.starts_with(b"RIFF") => Some("webp"),
            Picture::Encoded(bytes) if bytes.starts_with(b"\x89PNG") => Some("png"),
            _ => None,
        };
        let shrink = self.short_side.filter(|&side| image.width().min(image.height()) > side);
        match (stored, known, shrink) {
            (Picture::Encoded(bytes), Some(extension), None) => Ok((extension, bytes)),
            (_, _, None) => Ok(("png", encode(&image, "png", self.quality)?)),
            (_, known, Some(shorter_side)) => {
                let resize = Resize::new(shorter_side, Filter::Bicubic);
                let small = resize.apply(image, &mut SampleRng::new(0, 0, 0, 0));
                // What was lossless stays so.
                let extension = if known == Some("jpg") { "jpg" } else { "png" };
                Ok((extension, encode(&small, extension, self.quality)?))
            }
        }
    }
}

fn about(path: &Path, error: io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}

fn encode(image: &Image, extension: &'static str, quality: u8) -> Result<Vec<u8>, Damage> {
    let (width, height) = (image.width() as u32, image.height() as u32);
    let (pixels, mut bytes) = (image.pixels(), Vec::new());
    let result = match extension {
        "jpg" => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            encoder.write_image(pixels, width, height, ExtendedColorType::Rgb8)
        }
        _ => PngEncoder::new(&mut bytes).write_image(pixels, width, height, ExtendedColorType::Rgb8),
    };
    result.map(|()| bytes).map_err(|error| Damage::Pixels { format: "packed", reason: error.to_string() })
}

/// The other fields, the key that the sample had, and all captions where there are several.
fn metadata(annotation: &Annotation) -> Vec<u8> {
    let mut fields = annotation.metadata.fields().clone();
    fields.insert("source_key".to_owned(), annotation.key.clone().into());
    if !annotation.other_captions.is_empty() {
        let all: Vec<&str> =
            std::iter::once(&annotation.caption).chain(&annotation.other_captions).map(String::as_str).collect();
        fields.insert("captions".to_owned(), all.into());
    }
    Value::Object(fields).to_string().into_bytes()
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)
}
