//! A sheet of views to look at.

use std::error::Error;
use std::path::Path;

use vlp::augment::{Identity, Image, ImageTransform, KeywordShuffle, SampleRng, recipes};
use vlp::data::{Damage, Dataset, View, Views};
use vlp::report::{Picture, ReportError, RetrievalRow, RetrievalSheet};

/// Rows of the sheet.
const ROWS: usize = 8;
/// Side of a view in pixels.
const SIDE: usize = 96;

/// Evenly spread samples that can be read: the picture as it is, its weak view, and three strong ones.
pub(super) fn draw(dataset: &Dataset, path: &Path) -> Result<(), Box<dyn Error>> {
    let views = Views::weak(View::new(recipes::clip_rocket_weak(SIDE), Identity))
        .and_strong(3, View::new(recipes::clip_rocket_strong(SIDE), KeywordShuffle { at_least: 1 }));
    let mut samples = Vec::new();
    for index in (0..dataset.len()).step_by((dataset.len() / ROWS).max(1)).take(ROWS) {
        let sample = match dataset.sample(index) {
            Ok(sample) => sample,
            Err(Damage::Unreachable(error)) => return Err(error.into()),
            // Damaged ones are told by the inspection.
            Err(_) => continue,
        };
        let whole = recipes::eval(SIDE).apply(sample.image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        let made = views.preview(sample.image, &sample.annotation.caption, (0, 0, index as u64));
        samples.push((sample.annotation.caption, whole, made));
    }
    let mut sheet = RetrievalSheet::new("Views of evenly spread samples")
        .legend("whole, weak", "strong")
        .caption_width(420)
        .subtitle("1: the whole picture, 2: weak view, 3 to 5: strong views. Text: caption, then that of the first strong view");
    for (caption, whole, made) in &samples {
        let mut row = RetrievalRow::new(format!("{caption} → {}", made[1].1)).hit(picture(whole)?, true);
        for (number, (image, _)) in made.iter().enumerate() {
            row = row.hit(picture(image)?, number == 0);
        }
        sheet = sheet.row(row);
    }
    Ok(sheet.save(path)?)
}

fn picture(image: &Image) -> Result<Picture<'_>, ReportError> {
    Picture::new(image.width() as u32, image.height() as u32, image.pixels())
}
