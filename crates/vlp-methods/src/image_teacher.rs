use burn::module::{Module, ModuleDisplay};
use vlp_core::ImageEncoder;
use vlp_encoders::detached_copy;

use crate::momentum::follow;

/// An image encoder and a head that follow those of a method and learn nothing themselves: [`Teacher`](crate::Teacher) for
/// methods that read pictures alone.
#[derive(Module, Debug)]
pub struct ImageTeacher<I: ImageEncoder, H: Module + ModuleDisplay> {
    /// Follows the image encoder.
    pub image: I,
    /// Follows the head that targets come from.
    pub head: H,
}

impl<I: ImageEncoder, H: Module + ModuleDisplay> ImageTeacher<I, H> {
    /// A teacher that equals its student, whose parameters must have been drawn ([`Module::materialize`]).
    pub(crate) fn of(image: &I, head: &H) -> Self {
        ImageTeacher { image: detached_copy(image), head: detached_copy(head) }
    }

    /// Moved towards the student by `1 - momentum`.
    pub(crate) fn follow(self, image: &I, head: &H, momentum: f64) -> Self {
        ImageTeacher { image: follow(self.image, image, momentum), head: follow(self.head, head, momentum) }
    }
}
