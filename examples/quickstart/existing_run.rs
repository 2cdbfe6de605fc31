//! What a run's directory holds already, before the first step.

use std::error::Error;
use std::path::Path;

use vlp::trainer::Checkpoint;

/// Refuses to continue a run of another method than `ours`; what else differs the trainer finds.
pub(crate) fn continues(out: &Path, ours: &str) -> Result<(), Box<dyn Error>> {
    let (newest, _) = Checkpoint::latest(out)?;
    match newest.and_then(|run| Some(run.config()["recipe"]["method"]["name"].as_str()?.to_owned())) {
        Some(theirs) if theirs != ours => Err(format!(
            "{} holds a run of {theirs}, which {ours} cannot continue: choose --method {theirs} or another --out",
            out.display(),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Refuses to start over a run that has steps left; one that took all its steps is replaced.
pub(crate) fn replaces(out: &Path) -> Result<bool, Box<dyn Error>> {
    let (newest, _) = Checkpoint::latest(out)?;
    match newest {
        Some(run) if run.config()["total_steps"].as_u64() != Some(run.step()) => Err(format!(
            "{} holds a run that stopped after step {}: --resume continues it, --fresh starts anew",
            out.display(),
            run.step(),
        )
        .into()),
        _ => Ok(true),
    }
}
