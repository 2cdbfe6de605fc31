use crate::Image;

/// Channel means and standard deviations: `(v / 255 - mean) / std` is what an encoder reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// Mean of red, green and blue in `[0, 1]` units.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue in `[0, 1]` units.
    pub std: [f32; 3],
}

impl Normalization {
    /// The statistics of ImageNet's pictures: torchvision's models, CLIP-rocket.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// The statistics of OpenAI's CLIP.
    pub const CLIP: Self =
        Self { mean: [0.481_454_66, 0.457_827_5, 0.408_210_73], std: [0.268_629_54, 0.261_302_6, 0.275_777_1] };

    /// Maps `[0, 255]` to `[-1, 1]`: SigLIP.
    pub const HALF: Self = Self { mean: [0.5; 3], std: [0.5; 3] };

    /// `a` and `b` of the affine map `a * v + b` from a byte `v` to the normalised value, for each channel.
    pub fn affine(&self) -> ([f32; 3], [f32; 3]) {
        let scale = self.std.map(|std| (1.0 / (255.0 * f64::from(std))) as f32);
        let shift = std::array::from_fn(|c| (-f64::from(self.mean[c]) / f64::from(self.std[c])) as f32);
        (scale, shift)
    }

    /// The picture as normalised floats, `[3, height, width]`.
    pub fn apply(&self, image: &Image) -> Vec<f32> {
        let (scale, shift) = self.affine();
        let pixels = image.width() * image.height();
        let mut planes = vec![0.0; 3 * pixels];
        let (red, rest) = planes.split_at_mut(pixels);
        let (green, blue) = rest.split_at_mut(pixels);
        for (((rgb, r), g), b) in image.triples().zip(red).zip(green).zip(blue) {
            *r = f32::from(rgb[0]) * scale[0] + shift[0];
            *g = f32::from(rgb[1]) * scale[1] + shift[1];
            *b = f32::from(rgb[2]) * scale[2] + shift[2];
        }
        planes
    }
}
