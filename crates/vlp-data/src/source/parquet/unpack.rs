//! Pages are unpacked here and not in the `parquet` crate, which takes the memory that a header claims before it looks.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use ruzstd::decoding::StreamingDecoder;
use snap::raw::{Decoder, decompress_len};

/// The `length` bytes that these stand for.
pub(super) fn unpack(packed: Bytes, codec: Compression, length: usize) -> Result<Bytes, String> {
    let unpacked = match codec {
        Compression::UNCOMPRESSED => packed,
        Compression::SNAPPY => {
            // Four bytes stand for at most 64, so that little input cannot ask for much memory.
            let declared = decompress_len(&packed).map_err(|error| error.to_string())?;
            if declared != length || length > 32 * packed.len() + 64 {
                return Err(format!("Snappy data of {declared} bytes, the page has {length}"));
            }
            Decoder::new().decompress_vec(&packed).map_err(|error| error.to_string())?.into()
        }
        Compression::LZ4_RAW => {
            if length > 256 * packed.len() + 64 {
                return Err(format!("{} LZ4 bytes cannot stand for {length}", packed.len()));
            }
            lz4_flex::block::decompress(&packed, length).map_err(|error| error.to_string())?.into()
        }
        Compression::GZIP(_) => read(MultiGzDecoder::new(packed.as_ref()), length)?,
        Compression::ZSTD(_) => {
            read(StreamingDecoder::new(packed.as_ref()).map_err(|error| error.to_string())?, length)?
        }
        other => {
            let remedy = "write it with Snappy, ZSTD, GZIP or LZ4_RAW";
            return Err(format!("packed with {other}, which is not read: {remedy}"));
        }
    };
    match unpacked.len() == length {
        true => Ok(unpacked),
        false => Err(format!("{} bytes unpacked, the page has {length}", unpacked.len())),
    }
}

/// Memory grows with what really comes, and stops one byte behind what was declared.
fn read(decoder: impl Read, length: usize) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let read: io::Result<usize> = decoder.take(length as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes.into())
}
