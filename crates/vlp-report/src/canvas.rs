use std::path::Path;

use image::{ImageFormat, RgbImage};

use crate::ReportError;
use crate::font;
use crate::palette::{PAPER, Rgb};

/// Largest side of a picture in pixels.
const LIMIT: u64 = 16_384;

/// An axis-parallel rectangle in pixels, right and bottom excluded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rect {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

impl Rect {
    pub(crate) fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Rect { left, top, right: left + width, bottom: top + height }
    }

    pub(crate) fn grown(self, by: i32) -> Self {
        Rect { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    pub(crate) fn width(self) -> i32 {
        self.right - self.left
    }

    pub(crate) fn height(self) -> i32 {
        self.bottom - self.top
    }
}

/// Which part of a line of text the given x is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn offset(self, width: f32) -> i32 {
        match self {
            Anchor::Start => 0,
            Anchor::Middle => (-width / 2.0).round() as i32,
            Anchor::End => (-width).round() as i32,
        }
    }
}

/// A white sheet to draw on; what falls outside is dropped.
#[derive(Debug)]
pub(crate) struct Canvas {
    image: RgbImage,
}

impl Canvas {
    pub(crate) fn new(width: u64, height: u64) -> Result<Self, ReportError> {
        if width.max(height) > LIMIT {
            return Err(ReportError::TooLarge { width, height, limit: LIMIT });
        }
        Ok(Canvas { image: RgbImage::from_pixel(width as u32, height as u32, image::Rgb(PAPER)) })
    }

    pub(crate) fn into_image(self) -> RgbImage {
        self.image
    }

    fn blend(&mut self, x: i32, y: i32, colour: Rgb, share: f32) {
        if x < 0 || y < 0 || x as u32 >= self.image.width() || y as u32 >= self.image.height() {
            return;
        }
        let pixel = self.image.get_pixel_mut(x as u32, y as u32);
        for (below, above) in pixel.0.iter_mut().zip(colour) {
            *below = (f32::from(*below) + (f32::from(above) - f32::from(*below)) * share).round() as u8;
        }
    }

    pub(crate) fn fill(&mut self, area: Rect, colour: Rgb) {
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// A border of `thickness` pixels just inside `outer`.
    pub(crate) fn frame(&mut self, outer: Rect, thickness: i32, colour: Rgb) {
        let Rect { left, top, right, bottom } = outer;
        self.fill(Rect { bottom: top + thickness, ..outer }, colour);
        self.fill(Rect { top: bottom - thickness, ..outer }, colour);
        self.fill(Rect { right: left + thickness, ..outer }, colour);
        self.fill(Rect { left: right - thickness, ..outer }, colour);
    }

    /// Puts a picture into the middle of `area`.
    pub(crate) fn place(&mut self, picture: &RgbImage, area: Rect) {
        let left = area.left + (area.width() - picture.width() as i32) / 2;
        let top = area.top + (area.height() - picture.height() as i32) / 2;
        image::imageops::replace(&mut self.image, picture, i64::from(left), i64::from(top));
    }

    /// One line of text on the baseline `y`.
    pub(crate) fn text(&mut self, (x, y): (i32, i32), anchor: Anchor, size: f32, colour: Rgb, text: &str) {
        let start = x + anchor.offset(font::width(text, size));
        font::rasterise(text, size, |dx, dy, share| self.blend(start + dx, y + dy, colour, share));
    }

    /// One line of text that runs upwards, its baseline at the column `x`.
    pub(crate) fn text_upwards(&mut self, (x, y): (i32, i32), size: f32, colour: Rgb, text: &str) {
        font::rasterise(text, size, |dx, dy, share| self.blend(x + dy, y - dx, colour, share));
    }

    /// A line through the points, antialiased, with round joints, cut at `clip`. One point gives a dot.
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], thickness: f64, colour: Rgb, clip: Rect) {
        if clip.width() <= 0 || clip.height() <= 0 {
            return;
        }
        let radius = if points.len() == 1 { thickness + 1.0 } else { thickness / 2.0 };
        // Coverage is the maximum over the segments: joints are not blended twice.
        let mut mask = vec![0f32; clip.width() as usize * clip.height() as usize];
        let ends = points.iter().skip(1).chain(points.last());
        for (&from, &to) in points.iter().zip(ends) {
            cover(&mut mask, clip, from, to, radius);
        }
        for (index, share) in mask.into_iter().enumerate().filter(|(_, share)| *share > 0.0) {
            let (row, column) = (index as i32 / clip.width(), index as i32 % clip.width());
            self.blend(clip.left + column, clip.top + row, colour, share);
        }
    }
}

/// Raises the mask to what a segment with round ends covers of each pixel.
fn cover(mask: &mut [f32], clip: Rect, (ax, ay): (f64, f64), (bx, by): (f64, f64), radius: f64) {
    let reach = radius + 1.0;
    let bound = |value: f64, low: i32, high: i32| value.clamp(f64::from(low), f64::from(high)) as i32;
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    for y in bound(ay.min(by) - reach, clip.top, clip.bottom)..bound(ay.max(by) + reach + 1.0, clip.top, clip.bottom) {
        for x in
            bound(ax.min(bx) - reach, clip.left, clip.right)..bound(ax.max(bx) + reach + 1.0, clip.left, clip.right)
        {
            let (px, py) = (f64::from(x) + 0.5 - ax, f64::from(y) + 0.5 - ay);
            let along = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
            let distance = (px - along * dx).hypot(py - along * dy);
            let share = (radius + 0.5 - distance).clamp(0.0, 1.0) as f32;
            let cell = &mut mask[((y - clip.top) * clip.width() + x - clip.left) as usize];
            *cell = cell.max(share);
        }
    }
}

/// Writes a PNG file; the folder must exist.
pub(crate) fn save(image: &RgbImage, path: &Path) -> Result<(), ReportError> {
    image
        .save_with_format(path, ImageFormat::Png)
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_outside_is_dropped() {
        let mut canvas = Canvas::new(10, 10).expect("small");
        let far = Rect::new(-50, -50, 500, 500);
        canvas.frame(far, 3, [0, 0, 0]);
        canvas.text((-20, 40), Anchor::Middle, 30.0, [0, 0, 0], "outside");
        canvas.polyline(&[(-1e9, 5.0), (1e9, 5.0)], 2.0, [9, 9, 9], Rect::new(2, 2, 6, 6));
        let image = canvas.into_image();
        assert_eq!(image.get_pixel(5, 5).0, [9, 9, 9]);
        assert_eq!(image.get_pixel(1, 5).0, PAPER);
    }

    #[test]
    fn a_horizontal_line_covers_its_thickness_and_nothing_else() {
        let mut canvas = Canvas::new(20, 20).expect("small");
        canvas.polyline(&[(2.0, 10.0), (18.0, 10.0)], 2.0, [0, 0, 0], Rect::new(0, 0, 20, 20));
        let image = canvas.into_image();
        let column: Vec<u8> = (7..13).map(|y| image.get_pixel(10, y).0[0]).collect();
        assert_eq!(column, [255, 255, 0, 0, 255, 255]);
    }

    #[test]
    fn a_giant_picture_is_refused_with_its_size() {
        let error = Canvas::new(10, 1 << 40).expect_err("too large");
        assert!(error.to_string().contains("1099511627776"), "{error}");
    }
}
