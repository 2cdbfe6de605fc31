use burn::tensor::Tensor;
use vlp_core::{PairBatch, View};

/// Pictures as methods that read no captions take them: two global views, the weak one and the strong one, and local crops.
pub(crate) struct GlobalViews {
    pub(crate) global: [Tensor<4>; 2],
    pub(crate) local: Vec<Tensor<4>>,
}

impl GlobalViews {
    /// The two global views of a batch.
    ///
    /// # Panics
    /// When there is not one strong view.
    pub(crate) fn of(method: &str, batch: PairBatch) -> Self {
        let PairBatch { weak, strong, local } = batch;
        let number = strong.len();
        let Ok([View { images, .. }]) = <[View; 1]>::try_from(strong) else {
            panic!(
                "{method} reads two global views, the weak one and one strong view; {number} strong views were given"
            );
        };
        GlobalViews { global: [weak.images, images], local }
    }
}
