use vlp_augment::{CenterCrop, Image, ImageTransform, Resize, ResizeMode, ResizeTo, SampleRng};

/// How a picture of any size becomes as large as the image tower reads it. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitPicture {
    /// In one step, as open_clip does.
    To(ResizeTo),
    /// To another size first, whose middle is cut out, as transformers and timm do.
    Cut {
        /// The size that is cut from. With [`ResizeMode::Shortest`] its width is the length of the shorter side, and the
        /// longer one keeps the shape.
        from: ResizeTo,
        /// Side of the square that is cut out.
        side: usize,
        /// Whether an odd margin leaves its extra pixel at the right and bottom, as in transformers; otherwise half a pixel
        /// is rounded to even, as in torchvision.
        down: bool,
    },
}

impl ImageTransform for FitPicture {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        match *self {
            FitPicture::To(to) => to.apply(image, rng),
            FitPicture::Cut { from, side, down } => {
                let resized = match from.mode {
                    ResizeMode::Shortest => {
                        Resize { shorter_side: from.width, filter: from.filter, order: from.order }.apply(image, rng)
                    }
                    _ => from.apply(image, rng),
                };
                match down && resized.width() >= side && resized.height() >= side {
                    true => middle(&resized, side),
                    false => CenterCrop { size: side }.apply(resized, rng),
                }
            }
        }
    }
}

/// The middle square, whose offset is rounded down.
fn middle(image: &Image, side: usize) -> Image {
    let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let mut cut = Image::filled(side, side, [0; 3]);
    let rows = image.pixels().chunks_exact(image.width() * 3).skip(top);
    for (to, from) in cut.pixels_mut().chunks_exact_mut(side * 3).zip(rows) {
        to.copy_from_slice(&from[left * 3..(left + side) * 3]);
    }
    cut
}
