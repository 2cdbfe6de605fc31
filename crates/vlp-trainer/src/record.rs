//! Parameters and optimizer state to bytes and back, with the checks that burn leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, TensorData};
use burn_pack::Reader;

use crate::buffers::settle;
use crate::{TrainError, params};

pub(crate) fn model_bytes<M: Module>(path: &Path, method: &M) -> Result<Bytes, TrainError> {
    settle(method);
    method.clone().into_record().into_bytes().map_err(|error| unusable(path, error))
}

/// The optimizer's state, and the paths of trainable parameters that have none.
pub(crate) fn optimizer_bytes<M: Module>(
    path: &Path,
    optimizer: &ModuleOptimizer,
    method: &M,
) -> Result<(Bytes, Vec<String>), TrainError> {
    let bytes = optimizer.into_bytes().map_err(|error| unusable(path, error))?.shared();
    let ids = optimizer_ids(path, bytes.clone())?;
    Ok((bytes, without_state(method, &ids)))
}

pub(crate) fn load_model<M: Module>(path: &Path, bytes: Vec<u8>, method: M) -> Result<M, TrainError> {
    let bytes = Bytes::from_bytes_vec(bytes).shared();
    let saved = Reader::from_bytes(bytes.clone()).and_then(Reader::into_tensors).map_err(|e| unusable(path, e))?;
    let saved: BTreeMap<String, Vec<usize>> = saved.into_iter().map(|t| (t.name.clone(), t.shape.to_vec())).collect();

    let ours = params::list(&method);
    let mut problems = Vec::new();
    for param in &ours {
        match saved.get(&param.path) {
            None => problems.push(format!("`{}` is not in it", param.path)),
            Some(shape) if *shape != param.shape => {
                problems.push(format!("`{}` has shape {shape:?} there and {:?} here", param.path, param.shape));
            }
            Some(_) => (),
        }
    }
    let known: BTreeSet<&str> = ours.iter().map(|param| param.path.as_str()).collect();
    problems.extend(saved.keys().filter(|name| !known.contains(name.as_str())).map(|name| format!("it has `{name}`")));
    if !problems.is_empty() {
        return Err(TrainError::OtherModel { path: path.to_path_buf(), problems });
    }

    // An update that a forward pass left pending would overwrite the statistics of the record.
    settle(&method);
    let record = ModuleRecord::from_bytes(bytes).map_err(|error| unusable(path, error))?;
    method
        .try_load_record(record)
        .map_err(|error| TrainError::OtherModel { path: path.to_path_buf(), problems: vec![error.to_string()] })
}

/// burn re-initialises without a word what it cannot rebuild, and a run that lost its optimizer state looks healthy for
/// a step: so compare ids before and after.
pub(crate) fn load_optimizer<M: Module>(
    path: &Path,
    bytes: Vec<u8>,
    optimizer: ModuleOptimizer,
    method: &M,
    without: &[String],
) -> Result<ModuleOptimizer, TrainError> {
    let other = |problems| TrainError::OtherOptimizer { path: path.to_path_buf(), problems };
    let bytes = Bytes::from_bytes_vec(bytes).shared();
    let saved = optimizer_ids(path, bytes.clone())?;

    let params = params::list(method);
    let trainable: BTreeSet<u64> = params.iter().filter(|param| param.trainable).map(|param| param.id).collect();
    let foreign = saved.difference(&trainable).count();
    let missing = without_state(method, &saved);
    let mut problems = Vec::new();
    if foreign > 0 {
        problems.push(format!("{foreign} of {} states belong to no parameter of this model", saved.len()));
    }
    let lost = missing.iter().filter(|path| !without.contains(path));
    problems.extend(lost.map(|path| format!("`{path}` has no state")));
    if !problems.is_empty() {
        return Err(other(problems));
    }

    let record = OptimizerRecord::from_bytes(bytes).map_err(|error| unusable(path, error))?;
    let optimizer = optimizer.load_record(record);
    let loaded = optimizer.into_bytes().map_err(|error| unusable(path, error))?;
    let lost = saved.difference(&optimizer_ids(path, loaded)?).count();
    if lost > 0 {
        return Err(other(vec![format!("{lost} of {} states are of another kind of optimizer", saved.len())]));
    }
    Ok(optimizer)
}

/// Paths of trainable parameters whose id is not among `ids`.
fn without_state<M: Module>(method: &M, ids: &BTreeSet<u64>) -> Vec<String> {
    let params = params::list(method).into_iter();
    params.filter(|param| param.trainable && !ids.contains(&param.id)).map(|param| param.path).collect()
}

/// The parameters that a stored optimizer state speaks of. Each has a scalar `<id>.__rank`.
fn optimizer_ids(path: &Path, bytes: Bytes) -> Result<BTreeSet<u64>, TrainError> {
    let reader = Reader::from_bytes(bytes).map_err(|error| unusable(path, error))?;
    let names = reader.scalars().keys().map(String::as_str).chain(reader.tensor_names());
    Ok(names.filter_map(|name| name.split('.').next()?.parse().ok()).collect())
}

/// The first tensor of a record that holds something infinite or NaN.
pub(crate) fn first_fault(path: &Path, record: &Bytes) -> Result<Option<String>, TrainError> {
    let tensors = Reader::from_bytes(record.clone()).and_then(Reader::into_tensors);
    for tensor in tensors.map_err(|error| unusable(path, error))? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(|error| unusable(path, error))?;
        if dtype.is_float() && !TensorData::from_bytes(bytes, shape, dtype).iter::<f32>().all(f32::is_finite) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> TrainError {
    TrainError::damaged(path, error.to_string())
}
