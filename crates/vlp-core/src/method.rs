use burn::module::Module;
use burn::tensor::Tensor;

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

    /// The largest magnitude in what a batch brings, `[1]`, which a trainer holds against what inputs can be; none where a
    /// method does not say.
    ///
    /// One huge number is finite itself and yet makes a variance infinite that batch normalisation then keeps.
    fn largest_input(_batch: &Self::Batch) -> Option<Tensor<1>> {
        None
    }

    /// Per sample; may run on a micro-batch.
    fn encode(&self, batch: Self::Batch, ctx: &StepContext<'_>) -> Self::Features;

    /// Across samples; sees the whole batch.
    fn objective(&self, features: Self::Features, ctx: &StepContext<'_>) -> StepOutput;

    /// After the optimizer: move the teacher, clamp the logit scales.
    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        self
    }
}
