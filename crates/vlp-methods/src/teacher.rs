use burn::module::{Module, ModuleDisplay};
use vlp_core::{ImageEncoder, TextEncoder};
use vlp_encoders::detached_copy;

use crate::momentum::follow;

/// Encoders and heads that follow those of a method and learn nothing themselves: the model that makes targets.
///
/// It lives inside the method, so that one record saves and resumes both. It stays in training mode: batch normalisation
/// uses the batch and moves running statistics of the teacher's own, dropout is active on strong texts. It holds only what
/// targets are made of; clip-rocket's code copies the whole model, whose other parts no loss reads.
#[derive(Module, Debug)]
pub struct Teacher<I: ImageEncoder, T: TextEncoder, H: Module + ModuleDisplay> {
    /// Follows the image encoder.
    pub image: I,
    /// Follows the text encoder.
    pub text: T,
    /// Follow the heads that targets come from.
    pub heads: H,
}

impl<I: ImageEncoder, T: TextEncoder, H: Module + ModuleDisplay> Teacher<I, T, H> {
    /// A teacher that equals its student.
    ///
    /// The student's parameters must have been drawn ([`Module::materialize`]): burn keeps what it has not drawn yet
    /// together with its gradient flag in a place that clones share.
    pub(crate) fn of(image: &I, text: &T, heads: &H) -> Self {
        Teacher { image: detached_copy(image), text: detached_copy(text), heads: detached_copy(heads) }
    }

    /// Moved towards the student by `1 - momentum`.
    pub(crate) fn follow(self, image: &I, text: &T, heads: &H, momentum: f64) -> Self {
        Teacher {
            image: follow(self.image, image, momentum),
            text: follow(self.text, text, momentum),
            heads: follow(self.heads, heads, momentum),
        }
    }
}
