use std::collections::BTreeMap;

use crate::{DType, HostTensor, WeightError, detect};

/// Named tensors in host memory, in the order of their names, with the text that a file carries beside them.
///
/// [`StateDict::read`] takes a safetensors or a PyTorch file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateDict {
    pub(crate) tensors: BTreeMap<String, HostTensor>,
    /// Free text by key (safetensors' `__metadata__`).
    pub metadata: BTreeMap<String, String>,
}

/// What reading a file may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of all tensors together; a larger file is refused before memory is taken.
    pub bytes: u64,
    /// Bytes of a safetensors header, which memory is taken for eleven times over; the format itself allows 100 MB.
    pub header_bytes: u64,
}

impl Default for ReadLimits {
    /// 32 GiB, more than the largest published CLIP takes in 32-bit floats, and a header of 8 MiB, room for 50,000 tensors.
    fn default() -> Self {
        ReadLimits { bytes: 32 << 30, header_bytes: 8 << 20 }
    }
}

impl StateDict {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor, or replaces the one of this name and returns that.
    pub fn insert(&mut self, name: impl Into<String>, tensor: HostTensor) -> Option<HostTensor> {
        self.tensors.insert(name.into(), tensor)
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&HostTensor> {
        self.tensors.get(name)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<HostTensor> {
        self.tensors.remove(name)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HostTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// What is in it, in one line: `302 tensors (302 f32), 151277313 numbers, open_clip CLIP`.
    pub fn summary(&self) -> String {
        let (mut numbers, mut types) = (0, BTreeMap::new());
        for (_, tensor) in self.iter() {
            numbers += tensor.len();
            *types.entry(tensor.dtype().to_string()).or_insert(0) += 1;
        }
        let types: Vec<_> = types.iter().map(|(dtype, count)| format!("{count} {dtype}")).collect();
        let layout = detect(self).map_or_else(|_| "unknown layout".to_string(), |layout| layout.to_string());
        format!("{} tensors ({}), {numbers} numbers, {layout}", self.len(), types.join(", "))
    }

    /// All floating-point tensors in this floating-point type, rounded to nearest; the others stay as they are.
    ///
    /// # Errors
    /// When `dtype` is not a floating-point type.
    pub fn cast_floats(self, dtype: DType) -> Result<Self, WeightError> {
        let cast = |(name, tensor): (String, HostTensor)| {
            if !tensor.dtype().is_float() {
                return Ok((name, tensor));
            }
            let from = tensor.dtype();
            let action = || format!("cast to {dtype}: choose f32, f16, bf16 or f64");
            let cast = tensor.cast(dtype);
            cast.map(|tensor| (name.clone(), tensor)).ok_or_else(|| WeightError::Type {
                tensor: name,
                dtype: from,
                action: action(),
            })
        };
        let tensors = self.tensors.into_iter().map(cast).collect::<Result<_, _>>()?;
        Ok(StateDict { tensors, metadata: self.metadata })
    }

    /// Takes away what wrappers put before every name: `module.` of data parallelism and `_orig_mod.` of compilation.
    #[must_use]
    pub fn without_wrappers(mut self) -> Self {
        const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
        while let Some(wrapper) =
            WRAPPERS.iter().find(|wrapper| !self.is_empty() && self.names().all(|name| name.starts_with(**wrapper)))
        {
            let shorter = |(name, tensor): (String, HostTensor)| (name[wrapper.len()..].to_string(), tensor);
            self.tensors = self.tensors.into_iter().map(shorter).collect();
        }
        self
    }
}

impl IntoIterator for StateDict {
    type Item = (String, HostTensor);
    type IntoIter = std::collections::btree_map::IntoIter<String, HostTensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.tensors.into_iter()
    }
}

impl FromIterator<(String, HostTensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, HostTensor)>>(tensors: I) -> Self {
        StateDict { tensors: tensors.into_iter().collect(), metadata: BTreeMap::new() }
    }
}
