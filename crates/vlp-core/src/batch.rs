use burn::tensor::{Int, Tensor};

/// Images and captions of the same samples under one augmentation.
///
/// # Shapes
/// - images: `[batch, channels, height, width]`, normalised
/// - tokens: `[batch, context]`
#[derive(Debug, Clone)]
pub struct View {
    /// Normalised pictures.
    pub images: Tensor<4>,
    /// Token ids, one row a caption.
    pub tokens: Tensor<2, Int>,
}

/// Image-text pairs seen once under the weak augmentation and N times, drawn independently, under the strong one.
///
/// Row i of every tensor belongs to sample i.
#[derive(Debug, Clone)]
pub struct PairBatch {
    /// The weakly augmented pairs.
    pub weak: View,
    /// The strongly augmented pairs, possibly none.
    pub strong: Vec<View>,
    /// The local crops of multi-crop methods (SwAV, DINO), possibly none: small pictures without captions, `[batch, channels,
    /// size, size]` each, drawn independently and normalised as the views are.
    pub local: Vec<Tensor<4>>,
}

impl PairBatch {
    /// A batch without local crops.
    pub fn new(weak: View, strong: Vec<View>) -> Self {
        PairBatch { weak, strong, local: Vec::new() }
    }

    /// Number of samples (not of views).
    pub fn len(&self) -> usize {
        self.weak.images.dims()[0]
    }

    /// The largest magnitude in any picture, `[1]`, without gradient; a picture's NaN counts nothing here.
    pub fn largest_input(&self) -> Tensor<1> {
        let views = std::iter::once(&self.weak).chain(&self.strong).map(|view| &view.images);
        let largest = views.chain(&self.local).map(|images| images.clone().without_autodiff().max_abs());
        Tensor::cat(largest.collect(), 0).max()
    }

    /// Whether the batch holds no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
