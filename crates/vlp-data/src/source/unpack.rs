//! Packed shards: unpacked once, into a nameless file, because samples are read at random.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::positioned::Positioned;
use super::tar_options::TarOptions;
use crate::DataError;

/// What a shard is packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// Pictures hardly shrink, and headers and short captions by less than this: a shard that unpacks to more is a bomb.
const MOST_TIMES: u64 = 256;
/// That much is nothing to worry about.
const HARMLESS: u64 = 64 << 20;
/// Memory that the window of an xz stream may take, in KiB.
#[cfg(feature = "compressed")]
const XZ_KIB: u32 = 128 << 10;

impl Packing {
    /// What the first bytes say, whatever the name is; none for a plain archive.
    pub(super) fn of(file: &Positioned) -> io::Result<Option<Self>> {
        let mut head = [0; 10];
        let length = file.len().min(head.len() as u64) as usize;
        file.read_at(&mut head[..length], 0)?;
        Ok(match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // With the mark of a block or, in an empty one, of the end: the first four could begin a member's name.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Self::Bzip2),
            _ => None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// What it unpacks to, bit by bit.
    fn reader<'a>(self, packed: impl Read + 'a) -> Option<Box<dyn Read + 'a>> {
        let packed = BufReader::with_capacity(1 << 16, packed);
        match self {
            Self::Gzip => Some(Box::new(flate2::bufread::MultiGzDecoder::new(packed))),
            #[cfg(feature = "compressed")]
            Self::Zstd => Some(Box::new(ZstdFrames { packed, frame: None })),
            #[cfg(feature = "compressed")]
            Self::Xz => Some(Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_KIB))),
            #[cfg(feature = "compressed")]
            Self::Bzip2 => Some(Box::new(bzip2::bufread::MultiBzDecoder::new(packed))),
            #[cfg(not(feature = "compressed"))]
            Self::Zstd | Self::Xz | Self::Bzip2 => None,
        }
    }
}

/// The nameless file that a source's packed shards lie in, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    file: Option<Arc<File>>,
    length: u64,
}

impl Unpacked {
    /// Unpacks a shard behind the others. A stream that breaks off keeps what came before, and says so.
    ///
    /// # Errors
    /// When it unpacks to more than the options allow, there is no room, or the packing cannot be read by this build.
    pub(super) fn add(
        &mut self,
        path: &Path,
        packed: &Positioned,
        packing: Packing,
        options: &TarOptions,
    ) -> Result<(Positioned, Option<String>), DataError> {
        let refused = |reason: String| DataError::Table { path: path.to_owned(), reason };
        let folder = options.unpack_into.clone().unwrap_or_else(std::env::temp_dir);
        let write_error = |source| DataError::Unpack { path: path.to_owned(), folder: folder.clone(), source };
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(tempfile::tempfile_in(&folder).map_err(write_error)?))),
        };
        let Some(mut reader) = packing.reader(packed.clone()) else {
            let name = packing.name();
            return Err(refused(format!(
                "packed with {name}, which needs the feature `compressed`: build with it, or unpack it"
            )));
        };
        let times = (packed.len().saturating_mul(MOST_TIMES)).max(HARMLESS);
        let room = options.unpacked_bytes.saturating_sub(self.length);
        let (start, mut broken, mut bytes) = (self.length, None, vec![0; 1 << 18]);
        loop {
            let read = match reader.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let at = self.length - start;
                    broken = Some(format!("the {} stream breaks after {at} unpacked bytes: {error}", packing.name()));
                    break;
                }
            };
            // The file is only ever written at its end.
            (&*file).write_all(&bytes[..read]).map_err(write_error)?;
            self.length += read as u64;
            if self.length - start > times {
                return Err(refused(format!(
                    "unpacks to more than {MOST_TIMES} times its {} bytes: no shard of pictures does",
                    packed.len()
                )));
            }
            if self.length - start > room {
                let most = options.unpacked_bytes;
                return Err(refused(format!(
                    "the packed shards unpack to more than {most} bytes: raise `TarOptions::unpacked_bytes`, or unpack them on disk"
                )));
            }
        }
        Ok((Positioned::part(file, start, self.length - start), broken))
    }
}

/// Zstd frames one behind the other, as `pzstd` writes them.
#[cfg(feature = "compressed")]
struct ZstdFrames<R: Read> {
    packed: BufReader<R>,
    frame: Option<Box<ruzstd::decoding::FrameDecoder>>,
}

#[cfg(feature = "compressed")]
impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        use std::io::BufRead;

        use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
        use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

        loop {
            let Some(frame) = &mut self.frame else {
                if self.packed.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                let mut frame = Box::new(FrameDecoder::new());
                match frame.reset(&mut self.packed) {
                    Ok(()) => self.frame = Some(frame),
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length, ..
                    })) => {
                        io::copy(&mut (&mut self.packed).take(length.into()), &mut io::sink())?;
                    }
                    Err(error) => return Err(io::Error::other(error.to_string())),
                }
                continue;
            };
            let read = frame.read(bytes)?;
            if read > 0 {
                return Ok(read);
            }
            if frame.is_finished() {
                self.frame = None;
            } else {
                let enough = BlockDecodingStrategy::UptoBytes(bytes.len());
                frame.decode_blocks(&mut self.packed, enough).map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
    }
}
