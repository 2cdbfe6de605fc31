//! One shard of the output.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vlp_augment::{Filter, ImageTransform, Resize, SampleRng};
use vlp_data::{Annotation, Damage, Dataset, Picture, Tally};

pub(crate) struct Packing<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) short_side: Option<usize>,
    pub(crate) quality: u8,
}

/// What became of a shard.
#[derive(Default)]
pub(crate) struct Packed {
    name: String,
    pub(crate) samples: usize,
    bytes: u64,
    sha256: String,
    pub(crate) skipped: Tally,
    pub(crate) first_skipped: Option<String>,
}

impl Packed {
    pub(crate) fn manifest(&self) -> Value {
        json!({ "name": self.name, "samples": self.samples, "bytes": self.bytes, "sha256": self.sha256 })
    }
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

impl Packing<'_> {
    /// Writes the samples of a range under another name first, so that no half shard bears the final one.
    pub(crate) fn write(
        &self,
        samples: Range<usize>,
        path: &Path,
        bar: &ProgressBar,
    ) -> Result<Packed, Box<dyn Error>> {
        let unfinished = path.with_extension("tar.part");
        let inner = BufWriter::new(File::create(&unfinished)?);
        let mut archive = tar::Builder::new(Hashed { inner, hash: Sha256::new(), bytes: 0 });
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut packed = Packed { name, ..Packed::default() };
        for index in samples {
            match self.dataset.annotation(index).and_then(|a| Ok((a, self.picture(index)?))) {
                Ok((annotation, (extension, bytes))) => {
                    let metadata = metadata(&annotation);
                    for (extension, bytes) in [
                        (extension, bytes.as_slice()),
                        ("txt", annotation.caption.as_bytes()),
                        ("json", metadata.as_slice()),
                    ] {
                        append(&mut archive, &format!("{index:09}.{extension}"), bytes)?;
                    }
                    packed.samples += 1;
                }
                // Shards without samples that are well must not be written.
                Err(Damage::Unreachable(error)) => return Err(error.into()),
                Err(damage) => {
                    packed.skipped.add(damage.kind());
                    packed.first_skipped.get_or_insert_with(|| format!("{}: {damage}", self.dataset.name(index)));
                }
            }
            bar.inc(1);
        }
        let mut written = archive.into_inner()?;
        written.flush()?;
        written.inner.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        packed.bytes = written.bytes;
        packed.sha256 = written.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        fs::rename(unfinished, path)?;
        Ok(packed)
    }

    /// Extension and bytes of a picture. It is decoded in any case, so that nothing broken is packed.
    fn picture(&self, index: usize) -> Result<(&'static str, Vec<u8>), Damage> {
        let stored = self.dataset.picture(index)?;
        let image = stored.clone().decode(self.dataset.limits())?;
        let extension = match &stored {
            Picture::Encoded(bytes) if bytes.starts_with(&[0xff, 0xd8]) => "jpg",
            Picture::Encoded(bytes) if bytes.starts_with(b"RIFF") => "webp",
            _ => "png",
        };
        let shrink = self.short_side.filter(|&side| image.width().min(image.height()) > side);
        match (stored, shrink) {
            (Picture::Encoded(bytes), None) => Ok((extension, bytes)),
            (_, None) => Ok(("png", encode(&image, "png", self.quality)?)),
            (_, Some(shorter_side)) => {
                let resize = Resize { shorter_side, filter: Filter::Bicubic };
                let small = resize.apply(image, &mut SampleRng::new(0, 0, 0, 0));
                // What was lossless stays so.
                let extension = if extension == "jpg" { "jpg" } else { "png" };
                Ok((extension, encode(&small, extension, self.quality)?))
            }
        }
    }
}

fn encode(image: &vlp_augment::Image, extension: &'static str, quality: u8) -> Result<Vec<u8>, Damage> {
    let (width, height) = (image.width() as u32, image.height() as u32);
    let mut bytes = Vec::new();
    let result = match extension {
        "jpg" => JpegEncoder::new_with_quality(&mut bytes, quality).write_image(
            image.pixels(),
            width,
            height,
            ExtendedColorType::Rgb8,
        ),
        _ => PngEncoder::new(&mut bytes).write_image(image.pixels(), width, height, ExtendedColorType::Rgb8),
    };
    result.map(|()| bytes).map_err(|error| Damage::Pixels { format: "packed", reason: error.to_string() })
}

fn metadata(annotation: &Annotation) -> Vec<u8> {
    let mut fields = annotation.metadata.fields().clone();
    fields.insert("source_key".to_owned(), annotation.key.clone().into());
    if !annotation.other_captions.is_empty() {
        // The first one is in `.txt` too, for readers that know no other.
        let all = std::iter::once(&annotation.caption).chain(&annotation.other_captions);
        fields.insert("captions".to_owned(), all.cloned().collect::<Vec<_>>().into());
    }
    Value::Object(fields).to_string().into_bytes()
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)
}
