use std::sync::Arc;

use vlp_data::{Dataset, Limits};

use super::RunError;
use crate::recipe::{DataRecipe, SourceRecipe, ValidationRecipe};

/// The training samples, and those that are held out.
pub(super) fn open(data: &DataRecipe) -> Result<(Arc<Dataset>, Option<Arc<Dataset>>), RunError> {
    if data.train.is_empty() {
        return Err(RunError::NoData);
    }
    let sources = data.train.iter().map(source).collect::<Result<Vec<_>, RunError>>()?;
    let train = match <[_; 1]>::try_from(sources) {
        Ok([(only, _)]) => only,
        Err(several) => Dataset::mix(several)?,
    };
    match &data.validation {
        None => Ok((Arc::new(train), None)),
        Some(ValidationRecipe { source: Some(path), .. }) => {
            let held_out = Dataset::from_path(path, Limits::default())?;
            Ok((Arc::new(train), Some(Arc::new(held_out))))
        }
        Some(ValidationRecipe { .. }) => {
            Err(RunError::Key { key: "data.validation.share", problem: "not implemented yet".to_owned() })
        }
    }
}

fn source(recipe: &SourceRecipe) -> Result<(Dataset, f64), RunError> {
    Ok((Dataset::from_path(&recipe.source, Limits::default())?, recipe.weight))
}
