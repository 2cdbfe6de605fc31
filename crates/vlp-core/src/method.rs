use burn::module::Module;

use crate::{Features, StepContext, StepOutput};

/// Everything that is trained, saved and resumed together: encoders, heads, scales, and a teacher where there is one.
///
/// The split into [`encode`](Self::encode), which looks at samples one by one (batch normalisation apart), and
/// [`objective`](Self::objective), which looks across samples, is what lets a trainer cache gradients or gather features
/// across ranks for every method without knowing it.
pub trait Method: Module + 'static {
    /// What one step consumes.
    type Batch;
    /// What passes from `encode` to `objective`.
    type Features: Features;

    /// Per sample; may run on a micro-batch.
    fn encode(&self, batch: Self::Batch, ctx: &StepContext<'_>) -> Self::Features;

    /// Across samples; sees the whole batch.
    fn objective(&self, features: Self::Features, ctx: &StepContext<'_>) -> StepOutput;

    /// After the optimizer: move the teacher, clamp the logit scales.
    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        self
    }
}
