use std::sync::Arc;

use vlp_data::Dataset;

use super::RunError;
use crate::recipe::{DataRecipe, ValidationRecipe};

/// The training samples, and those that are held out.
pub(super) fn open(data: &DataRecipe) -> Result<(Arc<Dataset>, Option<Arc<Dataset>>), RunError> {
    if data.train.is_empty() {
        return Err(RunError::NoData);
    }
    let open = |source: &crate::recipe::SourceRecipe| Ok((source.open()?, source.weight));
    let sources = data.train.iter().map(open).collect::<Result<Vec<_>, RunError>>()?;
    let train = match <[_; 1]>::try_from(sources) {
        Ok([(only, _)]) => only,
        Err(several) => Dataset::mix(several)?,
    };
    let (train, held_out) = match &data.validation {
        None => (train, None),
        Some(ValidationRecipe { source: Some(source), .. }) => (train, Some(source.open()?)),
        Some(ValidationRecipe { share, .. }) => {
            let (train, held_out) = train.hold_out(share.unwrap_or_default())?;
            (train, Some(held_out))
        }
    };
    Ok((Arc::new(train), held_out.map(Arc::new)))
}
