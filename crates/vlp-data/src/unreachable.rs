/// Why something could not be fetched from afar, or kept near at hand.
///
/// It never counts as damage of a sample: a network that fails for a while must not change which samples a run sees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}. {remedy}")]
pub struct Unreachable {
    /// What was asked for.
    pub url: String,
    /// What happened, with the server's status where there is one.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}
