use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Int, Tensor};

/// Turns images into one vector each.
pub trait ImageEncoder: Module + ModuleDisplay + 'static {
    /// Length of the vectors.
    fn width(&self) -> usize;

    /// The vectors of a batch of pictures, in front of any head.
    ///
    /// # Shapes
    /// - images: `[batch, channels, height, width]`
    /// - returns `[batch, self.width()]`, not normalised
    fn encode(&self, images: Tensor<4>) -> Tensor<2>;
}

/// How strongly a text encoder regularises itself while training (CLIP-rocket's two modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMode {
    /// Weak views and evaluation: never dropped.
    Global,
    /// Strong views: dropout is active while training.
    Local,
}

/// Turns token sequences into one vector each.
pub trait TextEncoder: Module + ModuleDisplay + 'static {
    /// Length of the vectors.
    fn width(&self) -> usize;

    /// The vectors of a batch of captions, in front of any head.
    ///
    /// # Shapes
    /// - tokens: `[batch, context]`
    /// - returns `[batch, self.width()]`, not normalised
    fn encode(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2>;
}
