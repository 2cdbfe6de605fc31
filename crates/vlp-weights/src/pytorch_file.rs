//! PyTorch's `.pt`, `.pth` and `.bin` files, read by a pickle machine that executes nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use pytorch_reader::{PickleValue, PytorchError, PytorchReader};
use vlp_augment::open_regular;

use crate::{DType, HostTensor, ReadLimits, StateDict, WeightError};

/// Where training programs keep the state dict inside a checkpoint.
const NESTS: [&str; 3] = ["state_dict", "model", "model_state_dict"];

impl StateDict {
    /// Reads a file that `torch.save` wrote: a state dict, or a checkpoint with one under `state_dict`, `model` or
    /// `model_state_dict`. What data parallelism and compilation put before every name is taken away.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, holds a program (TorchScript) or a pickle that calls anything but
    /// PyTorch's own constructors of tensors, or needs more memory than the limit or than twice the file allows.
    pub fn read_pytorch(path: impl AsRef<Path>, limits: &ReadLimits) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let damaged = |reason: String| WeightError::Damaged { path: path.to_path_buf(), format: "PyTorch", reason };
        let mut file = open_regular(path).map_err(WeightError::io("open", path))?;
        let length = file.metadata().map_err(WeightError::io("look at", path))?.len();
        if length > limits.bytes {
            return Err(WeightError::TooLarge { path: path.to_path_buf(), bytes: length, limit: limits.bytes });
        }
        if is_tar(&mut file).map_err(WeightError::io("read", path))? {
            let reason =
                "it is a tar archive, as PyTorch wrote before version 0.1.10; take the same weights as safetensors";
            return Err(damaged(reason.to_string()));
        }
        if is_torch_script(&mut file, length).map_err(WeightError::io("read", path))? {
            return Err(WeightError::TorchScript { path: path.to_path_buf() });
        }

        let failed = |error: PytorchError| match error {
            PytorchError::Io(source) => WeightError::io("read", path)(source),
            other => damaged(other.to_string()),
        };
        let root = PytorchReader::read_pickle_data(path, None).map_err(failed)?;
        let nest = match &root {
            PickleValue::Dict(entries) => {
                NESTS.into_iter().find(|nest| matches!(entries.get(*nest), Some(PickleValue::Dict(_))))
            }
            _ => None,
        };
        let callables = callables(&root, nest);
        if !callables.is_empty() {
            return Err(WeightError::Code { path: path.to_path_buf(), callables });
        }
        let reader = match nest {
            Some(nest) => PytorchReader::with_top_level_key(path, nest),
            None => PytorchReader::new(path),
        }
        .map_err(failed)?;

        // A tensor with stride 0 can be far larger than the file; tied weights alone take it twice.
        let bytes = reader.tensors().values().fold(0u64, |sum, tensor| sum.saturating_add(tensor.byte_len() as u64));
        let limit = limits.bytes.min(length.saturating_mul(2).saturating_add(1 << 20));
        if bytes > limit {
            return Err(WeightError::TooLarge { path: path.to_path_buf(), bytes, limit });
        }
        let mut dict = StateDict::new();
        for (name, tensor) in reader.into_tensors() {
            let bytes = tensor.read().map_err(|error| damaged(error.to_string()))?;
            dict.insert(name, HostTensor::new(dtype(tensor.dtype()), tensor.shape(), bytes));
        }
        if dict.is_empty() {
            return Err(damaged(
                "it holds no tensor, neither at its root nor under `state_dict` or `model`".to_string(),
            ));
        }
        Ok(dict.without_wrappers())
    }
}

/// The mark of a tar archive, which could declare more bytes than it has.
fn is_tar(file: &mut File) -> std::io::Result<bool> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(262).read_to_end(&mut start)?;
    Ok(start.get(257..262) == Some(b"ustar"))
}

/// TorchScript archives are zip files with a member `constants.pkl`, which `torch.save` never writes. The names stand in
/// the directory at the end of the file.
fn is_torch_script(file: &mut File, length: u64) -> std::io::Result<bool> {
    const DIRECTORY: u64 = 8 << 20;
    let mut start = [0; 2];
    file.seek(SeekFrom::Start(0))?;
    if file.read(&mut start)? < 2 || &start != b"PK" {
        return Ok(false);
    }
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(DIRECTORY)))?;
    file.take(DIRECTORY).read_to_end(&mut end)?;
    Ok(end.windows(14).any(|window| window == b"/constants.pkl"))
}

/// What numpy's numbers are pickled as: constructors of values, which nothing here calls either. Learning rates beside the
/// weights of open_clip's older checkpoints are such numbers.
const NUMPY: [&str; 6] = [
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.dtype",
    "_codecs.encode",
];

/// Functions and classes that the pickle names and that are no part of a tensor, nor, beside the weights in `nest`, of a
/// number.
fn callables(root: &PickleValue, nest: Option<&str>) -> Vec<String> {
    let beside = |name: &str| NUMPY.contains(&name) || name == "numpy.ndarray";
    let Some((nest, entries)) = nest.zip(entries(root)) else { return foreign(root) };
    let mut found = BTreeSet::new();
    for (key, value) in entries {
        let all = foreign(value);
        found.extend(all.into_iter().filter(|name| key == nest || !beside(name)));
    }
    found.into_iter().collect()
}

fn entries(root: &PickleValue) -> Option<impl Iterator<Item = (&str, &PickleValue)>> {
    match root {
        PickleValue::Dict(entries) => Some(entries.iter().map(|(key, value)| (key.as_str(), value))),
        _ => None,
    }
}

fn foreign(root: &PickleValue) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![root];
    while let Some(value) = rest.pop() {
        match value {
            PickleValue::List(items) => rest.extend(items),
            PickleValue::Dict(entries) => rest.extend(entries.values()),
            // Integers beyond 64 bits are kept by name too; types, devices and sizes of torch build nothing.
            PickleValue::Unsupported(name) if name != "int" && !is_torch_value(name) => {
                found.insert(name.clone());
            }
            _ => (),
        }
    }
    found.into_iter().collect()
}

fn is_torch_value(name: &str) -> bool {
    let Some(name) = name.strip_prefix("torch.") else { return false };
    // `torch.float32` and the like: one lower-case word with digits, no call into a module.
    matches!(name, "Tensor" | "TypedStorage" | "UntypedStorage" | "Size" | "device")
        || ["float", "bfloat", "int", "uint", "bool", "half", "double", "long"]
            .iter()
            .any(|kind| name.strip_prefix(kind).is_some_and(|bits| bits.bytes().all(|byte| byte.is_ascii_digit())))
}

fn dtype(dtype: pytorch_reader::DType) -> DType {
    use pytorch_reader::DType as Theirs;
    match dtype {
        Theirs::F64 => DType::F64,
        Theirs::F32 => DType::F32,
        Theirs::F16 => DType::F16,
        Theirs::BF16 => DType::BF16,
        Theirs::I64 => DType::I64,
        Theirs::I32 => DType::I32,
        Theirs::I16 => DType::I16,
        Theirs::I8 => DType::I8,
        Theirs::U64 => DType::U64,
        Theirs::U32 => DType::U32,
        Theirs::U16 => DType::U16,
        Theirs::U8 => DType::U8,
        Theirs::Bool => DType::Bool,
    }
}
