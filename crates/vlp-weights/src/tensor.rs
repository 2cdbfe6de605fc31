use std::fmt;

use half::{bf16, f16};

/// How the elements of a [`HostTensor`] are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DType {
    Bool,
    U8,
    I8,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::U8 | DType::I8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::F64 | DType::I64 | DType::U64 => 8,
        }
    }

    /// Whether it holds floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        f.write_str(&name.to_lowercase())
    }
}

/// One tensor in host memory: row-major, little-endian, any number of axes (none for a scalar).
#[derive(Clone, PartialEq, Eq)]
pub struct HostTensor {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl HostTensor {
    /// Takes the bytes of a tensor.
    ///
    /// # Panics
    /// When `bytes` is not as long as the shape and type say.
    pub fn new(dtype: DType, shape: impl Into<Vec<usize>>, bytes: Vec<u8>) -> Self {
        let shape = shape.into();
        let expected = shape.iter().try_fold(dtype.size(), |n, &side| n.checked_mul(side));
        let length = bytes.len();
        assert!(expected == Some(length), "a {dtype} tensor of shape {shape:?} does not fill {length} bytes");
        HostTensor { dtype, shape, bytes }
    }

    /// A tensor of 32-bit floats.
    ///
    /// # Panics
    /// When there are not as many values as the shape says.
    pub fn from_f32(shape: impl Into<Vec<usize>>, values: &[f32]) -> Self {
        Self::new(DType::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// How the elements are stored.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Length of each axis, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether an axis has length zero.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The elements, row-major, little-endian.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values as 32-bit floats; none when they are not floating-point numbers. Only a 64-bit value can lose by it.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        Some(match self.dtype {
            DType::F32 => self.elements::<4>().map(f32::from_le_bytes).collect(),
            DType::F64 => self.elements::<8>().map(|bytes| f64::from_le_bytes(bytes) as f32).collect(),
            DType::F16 => self.elements::<2>().map(|bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
            DType::BF16 => self.elements::<2>().map(|bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
            _ => return None,
        })
    }

    /// The values as 64-bit floats; none when they are not floating-point numbers.
    pub(crate) fn to_f64(&self) -> Option<Vec<f64>> {
        Some(match self.dtype {
            DType::F64 => self.elements::<8>().map(f64::from_le_bytes).collect(),
            _ => self.to_f32()?.into_iter().map(f64::from).collect(),
        })
    }

    /// The same values in another floating-point type, rounded to nearest; none unless both types are floating-point.
    pub fn cast(self, dtype: DType) -> Option<Self> {
        if self.dtype == dtype && dtype.is_float() {
            return Some(self);
        }
        // A 64-bit value goes to 16 bits directly: by way of 32 bits it would be rounded twice.
        let wide = self.to_f64()?;
        let bytes = match dtype {
            DType::F64 => wide.iter().flat_map(|value| value.to_le_bytes()).collect(),
            DType::F32 => wide.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect(),
            DType::F16 => wide.iter().flat_map(|&value| f16::from_f64(odd(value)).to_le_bytes()).collect(),
            DType::BF16 => wide.iter().flat_map(|&value| bf16::from_f64(odd(value)).to_le_bytes()).collect(),
            _ => return None,
        };
        Some(HostTensor { dtype, shape: self.shape, bytes })
    }

    fn elements<const N: usize>(&self) -> impl Iterator<Item = [u8; N]> {
        self.bytes.as_chunks::<N>().0.iter().copied()
    }

    /// The same elements under another shape; none when their number differs.
    pub(crate) fn reshape(self, shape: impl Into<Vec<usize>>) -> Option<Self> {
        let shape = shape.into();
        (shape.iter().product::<usize>() == self.len()).then_some(HostTensor { shape, ..self })
    }

    /// Everything behind the first axis as one; none without axes.
    pub(crate) fn rows(self) -> Option<Self> {
        let first = *self.shape.first()?;
        let rest = self.len().checked_div(first)?;
        self.reshape([first, rest])
    }

    /// Rows become columns; none unless there are two axes.
    pub(crate) fn transpose(&self) -> Option<Self> {
        let &[rows, columns] = self.shape.as_slice() else { return None };
        let size = self.dtype.size();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for column in 0..columns {
            for row in 0..rows {
                let at = (row * columns + column) * size;
                bytes.extend_from_slice(&self.bytes[at..at + size]);
            }
        }
        Some(HostTensor { dtype: self.dtype, shape: vec![columns, rows], bytes })
    }

    /// Cuts the first axis into pieces of these lengths; none when they do not add up to it.
    pub(crate) fn split(&self, lengths: &[usize]) -> Option<Vec<Self>> {
        let first = *self.shape.first()?;
        if lengths.iter().sum::<usize>() != first {
            return None;
        }
        let row = self.bytes.len().checked_div(first)?;
        let mut rest = self.bytes.as_slice();
        let pieces = lengths.iter().map(|&length| {
            let (piece, after) = rest.split_at(length * row);
            rest = after;
            let shape = [&[length], &self.shape[1..]].concat();
            HostTensor { dtype: self.dtype, shape, bytes: piece.to_vec() }
        });
        Some(pieces.collect())
    }

    /// Joins tensors along the first axis; none when another axis or the type differs, or there is none to join.
    pub(crate) fn join(parts: &[Self]) -> Option<Self> {
        let first = parts.first()?;
        let fits =
            |part: &Self| !part.shape.is_empty() && part.dtype == first.dtype && part.shape[1..] == first.shape[1..];
        if !parts.iter().all(fits) {
            return None;
        }
        let length = parts.iter().map(|part| part.shape[0]).sum::<usize>();
        let shape = [&[length], &first.shape[1..]].concat();
        let bytes = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        Some(HostTensor { dtype: first.dtype, shape, bytes })
    }
}

/// `half` looks at the upper 32 bits only; the lowest of them now says whether anything lies below, so that what it rounds
/// is not taken for a tie.
fn odd(value: f64) -> f64 {
    let bits = value.to_bits();
    f64::from_bits(if bits as u32 == 0 { bits } else { bits | 1 << 32 })
}

impl fmt::Debug for HostTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostTensor({}, {:?})", self.dtype, self.shape)
    }
}
