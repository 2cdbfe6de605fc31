//! The safetensors container: a length, a JSON header, the bytes of the tensors.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use vlp_augment::open_regular;

use crate::{DType, HostTensor, ReadLimits, StateDict, WeightError};

/// The format's own bound on the header.
const HEADER_LIMIT: u64 = 100_000_000;
const METADATA: &str = "__metadata__";

impl StateDict {
    /// Reads a safetensors file. The header is checked whole before the first tensor is taken into memory, which never
    /// holds more than the file does.
    ///
    /// # Errors
    /// When the file cannot be read, contradicts itself, names a tensor twice, or is larger than the limit.
    pub fn read_safetensors(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let file = open_regular(path).map_err(WeightError::io("open", path))?;
        let length = file.metadata().map_err(WeightError::io("look at", path))?.len();
        read(&mut BufReader::new(file), length, path, limits)
    }

    /// Reads the bytes of a safetensors file.
    ///
    /// # Errors
    /// As [`StateDict::read_safetensors`].
    pub fn from_safetensors(mut bytes: &[u8], limits: &ReadLimits) -> Result<Self, WeightError> {
        let length = bytes.len() as u64;
        read(&mut bytes, length, Path::new("(bytes in memory)"), limits)
    }

    /// The bytes of a safetensors file with these tensors and this metadata.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("writing to memory does not fail");
        bytes
    }

    /// Writes a safetensors file, in place; [`Package::export`](crate::Package::export) writes a whole folder atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_safetensors(&self, path: impl AsRef<Path>) -> Result<(), WeightError> {
        let path = path.as_ref();
        let write = || {
            let mut writer = BufWriter::new(File::create(path)?);
            self.write(&mut writer)?;
            writer.into_inner()?.sync_all()
        };
        write().map_err(WeightError::io("write", path))
    }

    fn write(&self, writer: &mut impl Write) -> std::io::Result<()> {
        // Wide elements first, so that every tensor is aligned, as the reference implementation does.
        let mut order: Vec<(&str, &HostTensor)> = self.iter().collect();
        order.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype().size()));
        let mut header = serde_json::to_vec(&HeaderToWrite { metadata: &self.metadata, order: &order })?;
        header.resize(header.len().next_multiple_of(8), b' ');
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        order.iter().try_for_each(|(_, tensor)| writer.write_all(tensor.bytes()))
    }
}

fn read(reader: &mut impl Read, length: u64, path: &Path, limits: &ReadLimits) -> Result<StateDict, WeightError> {
    let damaged = |reason: String| WeightError::Damaged { path: path.to_path_buf(), format: "safetensors", reason };
    if length > limits.bytes {
        return Err(WeightError::TooLarge { path: path.to_path_buf(), bytes: length, limit: limits.bytes });
    }
    if length < 8 {
        return Err(damaged(format!("it has {length} bytes, the header's length alone takes 8")));
    }
    let mut word = [0; 8];
    reader.read_exact(&mut word).map_err(WeightError::io("read", path))?;
    let header_length = u64::from_le_bytes(word);
    if header_length > HEADER_LIMIT || header_length > length - 8 {
        return Err(damaged(format!("a header of {header_length} bytes does not fit a file of {length}")));
    }
    if header_length > limits.header_bytes {
        let (path, limit) = (path.to_path_buf(), limits.header_bytes);
        return Err(WeightError::HeaderTooLarge { path, bytes: header_length, limit });
    }
    let mut header = vec![0; header_length as usize];
    reader.read_exact(&mut header).map_err(WeightError::io("read", path))?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| damaged(format!("header: {error}")))?;
    let tensors = header.check(length - 8 - header_length).map_err(damaged)?;

    let mut dict = StateDict { metadata: header.metadata, ..StateDict::new() };
    for (name, info, dtype) in tensors {
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        reader.read_exact(&mut bytes).map_err(WeightError::io("read", path))?;
        dict.insert(name, HostTensor::new(dtype, info.shape, bytes));
    }
    Ok(dict)
}

#[derive(Default)]
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    /// The tensors in the order of their bytes, which must fill `length` without a gap or an overlap.
    fn check(&self, length: u64) -> Result<Vec<(String, TensorInfo, DType)>, String> {
        let mut order: Vec<(String, TensorInfo)> = self.tensors.clone().into_iter().collect();
        order.sort_by_key(|(_, info)| info.data_offsets);
        let mut tensors = Vec::with_capacity(order.len());
        for (name, info) in &order {
            let (start, end) = info.data_offsets;
            let dtype = from_safetensors(info.dtype)
                .ok_or_else(|| format!("tensor `{name}` has type {}, which is not read", info.dtype))?;
            let needed = info.shape.iter().try_fold(dtype.size(), |n, &side| n.checked_mul(side));
            let held = end.checked_sub(start);
            if held.is_none() || held != needed {
                let needed = needed.map_or("more than memory can hold".to_string(), |n| format!("{n} bytes"));
                let shape = &info.shape;
                return Err(format!(
                    "tensor `{name}` of shape {shape:?} needs {needed}, its offsets are {start} to {end}"
                ));
            }
            tensors.push((name.clone(), info.clone(), dtype));
        }
        // The reference implementation judges whether the pieces lie side by side.
        let metadata = Metadata::new(None, order).map_err(|error| format!("header: {error}"))?;
        match metadata.data_len() as u64 {
            held if held == length => Ok(tensors),
            held => Err(format!("the header describes {held} bytes of tensors, the file holds {length}")),
        }
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry for each tensor")
            }

            /// A map that keeps the last of two equal names would hide the first one's bytes.
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut has_metadata = false;
                while let Some(name) = entries.next_key::<String>()? {
                    let twice = if name == METADATA {
                        header.metadata = entries.next_value()?;
                        std::mem::replace(&mut has_metadata, true)
                    } else {
                        header.tensors.insert(name.clone(), entries.next_value()?).is_some()
                    };
                    if twice {
                        return Err(A::Error::custom(format!("`{name}` stands there twice")));
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

struct HeaderToWrite<'a> {
    metadata: &'a BTreeMap<String, String>,
    order: &'a [(&'a str, &'a HostTensor)],
}

impl Serialize for HeaderToWrite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            entries.serialize_entry(METADATA, self.metadata)?;
        }
        let mut start = 0;
        for (name, tensor) in self.order {
            let end = start + tensor.bytes().len();
            let (dtype, shape) = (to_safetensors(tensor.dtype()), tensor.shape().to_vec());
            entries.serialize_entry(name, &TensorInfo { dtype, shape, data_offsets: (start, end) })?;
            start = end;
        }
        entries.end()
    }
}

fn from_safetensors(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::BOOL => DType::Bool,
        Dtype::U8 => DType::U8,
        Dtype::I8 => DType::I8,
        Dtype::I16 => DType::I16,
        Dtype::U16 => DType::U16,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I32 => DType::I32,
        Dtype::U32 => DType::U32,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        Dtype::I64 => DType::I64,
        Dtype::U64 => DType::U64,
        _ => return None,
    })
}

fn to_safetensors(dtype: DType) -> Dtype {
    match dtype {
        DType::Bool => Dtype::BOOL,
        DType::U8 => Dtype::U8,
        DType::I8 => Dtype::I8,
        DType::I16 => Dtype::I16,
        DType::U16 => Dtype::U16,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I32 => Dtype::I32,
        DType::U32 => Dtype::U32,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        DType::I64 => Dtype::I64,
        DType::U64 => Dtype::U64,
    }
}
