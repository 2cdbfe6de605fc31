use std::path::Path;

use image::RgbImage;

use crate::canvas::{Anchor, Canvas, Rect, save};
use crate::font::{self, BODY, SMALL, TITLE};
use crate::palette::{INK, MUTED, RIGHT, RULE, WRONG};
use crate::{Picture, ReportError, Scaling};

const EDGE: i32 = 28;
/// Between a picture and its neighbour, frames included.
const GAP: i32 = 16;
const FRAME: i32 = 4;
/// Between a caption and its pictures.
const GUTTER: i32 = 20;
/// Between columns of rows.
const ALLEY: i32 = 44;

/// A caption and the pictures retrieved for it.
#[derive(Debug, Clone)]
pub struct RetrievalRow<'a> {
    caption: String,
    hits: Vec<(Picture<'a>, bool)>,
}

impl<'a> RetrievalRow<'a> {
    /// A caption without pictures yet.
    pub fn new(caption: impl Into<String>) -> Self {
        RetrievalRow { caption: caption.into(), hits: Vec::new() }
    }

    /// Adds the next picture retrieved, and whether it is a right answer.
    pub fn hit(mut self, picture: Picture<'a>, right: bool) -> Self {
        self.hits.push((picture, right));
        self
    }
}

/// What a model retrieves: a caption a row, the nearest picture first; right answers in a thick green frame, wrong ones
/// in a thin pale one.
///
/// ```
/// use vlp_report::{Picture, RetrievalRow, RetrievalSheet};
/// # fn main() -> Result<(), vlp_report::ReportError> {
/// let grey = [128; 4 * 4 * 3];
/// let picture = Picture::new(4, 4, &grey)?;
/// let row = RetrievalRow::new("a grey square").hit(picture, true).hit(picture, false);
/// let sheet = RetrievalSheet::new("Unseen concepts").row(row).render()?;
/// assert!(sheet.width() > 300);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RetrievalSheet<'a> {
    title: String,
    subtitle: String,
    cell: u32,
    caption_width: u32,
    columns: usize,
    scaling: Scaling,
    legend: [String; 2],
    rows: Vec<RetrievalRow<'a>>,
}

impl<'a> RetrievalSheet<'a> {
    /// An empty sheet: cells of 96 pixels, captions 250 pixels wide, one column of rows.
    pub fn new(title: impl Into<String>) -> Self {
        RetrievalSheet {
            title: title.into(),
            subtitle: String::new(),
            cell: 96,
            caption_width: 250,
            columns: 1,
            scaling: Scaling::default(),
            legend: ["right", "wrong"].map(str::to_owned),
            rows: Vec::new(),
        }
    }

    /// A line under the title.
    pub fn subtitle(mut self, text: impl Into<String>) -> Self {
        self.subtitle = text.into();
        self
    }

    /// Side of a picture in pixels, at least 16.
    pub fn cell(mut self, side: u32) -> Self {
        self.cell = side.max(16);
        self
    }

    /// Room for a caption in pixels, at least 60.
    pub fn caption_width(mut self, width: u32) -> Self {
        self.caption_width = width.max(60);
        self
    }

    /// Columns of rows: the rows fill the first column from the top, then the next.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// How pictures grow to the size of a cell.
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.scaling = scaling;
        self
    }

    /// What a thick green frame and a thin pale one mean; "right" and "wrong" unless told otherwise.
    pub fn legend(mut self, thick: impl Into<String>, thin: impl Into<String>) -> Self {
        self.legend = [thick.into(), thin.into()];
        self
    }

    /// Adds a row.
    pub fn row(mut self, row: RetrievalRow<'a>) -> Self {
        self.rows.push(row);
        self
    }

    /// Draws the sheet.
    ///
    /// # Errors
    /// When there is no row or no row has a picture, or the sheet would be larger than 16,384 pixels.
    pub fn render(&self) -> Result<RgbImage, ReportError> {
        let across = self.rows.iter().map(|row| row.hits.len()).max().unwrap_or(0);
        if across == 0 {
            return Err(ReportError::Empty {
                what: format!("the retrieval sheet `{}` has no row with a picture", self.title),
            });
        }
        let columns = self.columns.min(self.rows.len());
        let down = self.rows.len().div_ceil(columns);
        let pitch = u64::from(self.cell) + GAP as u64;
        let column_width = u64::from(self.caption_width) + GUTTER as u64 + pitch * across as u64 - GAP as u64;
        let header = EDGE as u64 + if self.subtitle.is_empty() { 66 } else { 92 };
        let width = 2 * EDGE as u64 + columns as u64 * (column_width + ALLEY as u64) - ALLEY as u64;
        let mut canvas = Canvas::new(width, header + down as u64 * pitch + EDGE as u64 - 10)?;

        let (width, header, pitch, cell) = (width as i32, header as i32, pitch as i32, self.cell as i32);
        self.heading(&mut canvas, width);
        for column in 0..columns {
            let left = EDGE + column as i32 * (column_width as i32 + ALLEY);
            let pictures = left + self.caption_width as i32 + GUTTER;
            for rank in 0..across as i32 {
                let x = pictures + rank * pitch + cell / 2;
                canvas.text((x, header - 10), Anchor::Middle, SMALL, MUTED, &(rank + 1).to_string());
            }
            for (line, row) in self.rows.iter().skip(column * down).take(down).enumerate() {
                let top = header + line as i32 * pitch;
                if line > 0 {
                    canvas.fill(Rect::new(left, top - GAP / 2, column_width as i32, 1), RULE);
                }
                self.caption(&mut canvas, &row.caption, Rect::new(left, top, self.caption_width as i32, cell));
                for (rank, (picture, right)) in row.hits.iter().enumerate() {
                    let area = Rect::new(pictures + rank as i32 * pitch, top, cell, cell);
                    canvas.place(&picture.fitted(self.cell, self.scaling), area);
                    if *right {
                        canvas.frame(area.grown(FRAME), FRAME, RIGHT);
                    } else {
                        canvas.frame(area.grown(1), 1, WRONG);
                    }
                }
            }
        }
        Ok(canvas.into_image())
    }

    /// Draws the sheet into a PNG file.
    ///
    /// # Errors
    /// Those of [`render`](Self::render), and when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        save(&self.render()?, path.as_ref())
    }

    fn heading(&self, canvas: &mut Canvas, width: i32) {
        // What the frames mean, at the right end; the title gets the rest.
        let mut x = width - EDGE;
        let [thick, thin] = &self.legend;
        for (text, colour, thickness) in [(thin, WRONG, 1), (thick, RIGHT, 3)] {
            canvas.text((x, EDGE + 16), Anchor::End, SMALL, MUTED, text);
            x -= font::width(text, SMALL).ceil() as i32 + 22;
            canvas.frame(Rect::new(x, EDGE + 3, 15, 15), thickness, colour);
            x -= 18;
        }
        let title = font::clip(&self.title, TITLE, (x - EDGE - 10).max(0) as f32);
        canvas.text((EDGE, EDGE + 18), Anchor::Start, TITLE, INK, &title);
        let subtitle = font::clip(&self.subtitle, BODY, (width - 2 * EDGE) as f32);
        canvas.text((EDGE, EDGE + 46), Anchor::Start, BODY, MUTED, &subtitle);
    }

    fn caption(&self, canvas: &mut Canvas, caption: &str, area: Rect) {
        let step = font::line_height(BODY);
        let fits = (area.height() / step).max(1) as usize;
        let lines = font::wrap(caption, BODY, area.width() as f32, fits);
        let first = area.top + (area.height() - step * lines.len() as i32) / 2 + (step as f32 * 0.74) as i32;
        for (index, line) in lines.iter().enumerate() {
            canvas.text((area.left, first + index as i32 * step), Anchor::Start, BODY, INK, line);
        }
    }
}
