use std::path::Path;

use image::RgbImage;

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Rect, save};
use crate::font::{self, BODY, SMALL, TITLE};
use crate::palette::{AXIS, INK, MUTED, glow};
use crate::{Picture, ReportError, Scaling};

const EDGE: i32 = 28;
/// Between a side of the matrix and what stands there.
const GAP: i32 = 10;
const BAR: i32 = 18;
/// Longest label in pixels.
const LABEL: f32 = 280.0;
/// The matrix is about this large unless its cells are set.
const TARGET: usize = 760;

/// What stands beside the rows or above the columns of a [`Heatmap`].
#[derive(Debug, Clone, Default)]
pub enum Labels<'a> {
    /// Nothing.
    #[default]
    None,
    /// Captions, cut to what fits; those of columns run upwards.
    Text(Vec<String>),
    /// Pictures of the size of a cell.
    Pictures(Vec<Picture<'a>>),
}

impl Labels<'_> {
    fn check(&self, what: &'static str, expected: usize) -> Result<(), ReportError> {
        let got = match self {
            Labels::None => return Ok(()),
            Labels::Text(texts) => texts.len(),
            Labels::Pictures(pictures) => pictures.len(),
        };
        if got == expected { Ok(()) } else { Err(ReportError::Count { what, expected, got }) }
    }

    /// Pixels that the labels take away from the matrix, the gap included.
    fn depth(&self, cell: i32) -> i32 {
        match self {
            Labels::None => 0,
            Labels::Text(texts) => {
                GAP + texts.iter().map(|t| font::width(t, SMALL).min(LABEL)).fold(0.0, f32::max).ceil() as i32
            }
            Labels::Pictures(_) => GAP + cell,
        }
    }
}

/// A matrix as colours, dark for its least value and glowing for its largest. A good model's similarities of pictures
/// and their captions glow on the diagonal.
///
/// Captions read best as rows with the pictures above the columns.
///
/// ```
/// use vlp_report::{Heatmap, Labels};
/// # fn main() -> Result<(), vlp_report::ReportError> {
/// let similarity = [0.9, 0.1, 0.2, 0.8];
/// let captions = ["a cat", "a dog"].map(String::from).to_vec();
/// let map = Heatmap::new("Similarity", 2, 2, &similarity)?.rows(Labels::Text(captions)).render()?;
/// assert!(map.width() > 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Heatmap<'a> {
    title: String,
    bar_label: String,
    shape: (usize, usize),
    values: Vec<f32>,
    rows: Labels<'a>,
    columns: Labels<'a>,
    cell: Option<u32>,
}

impl<'a> Heatmap<'a> {
    /// `values` holds `rows * columns` numbers, row by row. NaN and infinities are drawn grey.
    ///
    /// # Errors
    /// When there are no rows or columns, or another number of values.
    pub fn new(title: impl Into<String>, rows: usize, columns: usize, values: &[f32]) -> Result<Self, ReportError> {
        let title = title.into();
        if rows == 0 || columns == 0 {
            return Err(ReportError::Empty { what: format!("the heat map `{title}` is {rows} x {columns}") });
        }
        let expected = rows.saturating_mul(columns);
        if values.len() != expected {
            let what = "values of a heat map (rows times columns)";
            return Err(ReportError::Count { what, expected, got: values.len() });
        }
        Ok(Heatmap {
            title,
            bar_label: String::new(),
            shape: (rows, columns),
            values: values.to_vec(),
            rows: Labels::None,
            columns: Labels::None,
            cell: None,
        })
    }

    /// What stands left of the rows.
    pub fn rows(mut self, labels: Labels<'a>) -> Self {
        self.rows = labels;
        self
    }

    /// What stands above the columns.
    pub fn columns(mut self, labels: Labels<'a>) -> Self {
        self.columns = labels;
        self
    }

    /// What the colours count.
    pub fn bar_label(mut self, label: impl Into<String>) -> Self {
        self.bar_label = label.into();
        self
    }

    /// Side of a matrix entry in pixels, at least 1; unless set, the matrix gets about 760 pixels.
    pub fn cell(mut self, side: u32) -> Self {
        self.cell = Some(side.max(1));
        self
    }

    /// Draws the map.
    ///
    /// # Errors
    /// When no value is finite, the labels are not as many as the rows or columns, or the map would be larger than
    /// 16,384 pixels.
    pub fn render(&self) -> Result<RgbImage, ReportError> {
        let (rows, columns) = self.shape;
        self.rows.check("row labels of a heat map", rows)?;
        self.columns.check("column labels of a heat map", columns)?;
        let range = Axis::over(self.values.iter().map(|v| f64::from(*v)), false, 0.0)
            .ok_or_else(|| ReportError::Empty { what: format!("the heat map `{}` has no finite value", self.title) })?;

        let longest = rows.max(columns);
        let cell = self.cell.map_or_else(|| (TARGET / longest).clamp(1, 64) as u64, u64::from);
        let ticks = range.ticks(6);
        let tick_width = ticks.iter().map(|t| font::width(&t.1, SMALL)).fold(0.0, f32::max).ceil() as u64;
        let (wide, high) = (cell * columns as u64, cell * rows as u64);
        // Labels are bounded by a cell or by LABEL: only the matrix itself can be too large.
        let too_large = |_| ReportError::TooLarge { width: wide, height: high, limit: i32::MAX as u64 };
        let side = i32::try_from(cell * longest as u64).map_err(too_large)? / longest as i32;
        let left = EDGE + self.rows.depth(side);
        let top = EDGE + 52 + self.columns.depth(side);
        let label_width = if self.bar_label.is_empty() { 0 } else { 30 };
        let bar_side = 26 + BAR as u64 + 8 + tick_width + label_width;
        let total_width = left as u64 + wide + bar_side + EDGE as u64;
        let mut canvas = Canvas::new(total_width.max(360), (top as u64 + high + EDGE as u64).max(240))?;

        let title_room = (total_width.max(360) as i32 - 2 * EDGE) as f32;
        canvas.text((EDGE, EDGE + 18), Anchor::Start, TITLE, INK, &font::clip(&self.title, TITLE, title_room));
        let matrix = Rect::new(left, top, wide as i32, high as i32);
        for (index, value) in self.values.iter().enumerate() {
            let (row, column) = ((index / columns) as i32, (index % columns) as i32);
            let area = Rect::new(matrix.left + column * side, matrix.top + row * side, side, side);
            canvas.fill(area, glow(range.share(f64::from(*value)).unwrap_or(f64::NAN)));
        }
        self.draw_rows(&mut canvas, matrix, side);
        self.draw_columns(&mut canvas, matrix, side);

        // A matrix of few rows still gets a bar long enough for its numbers.
        let bar = Rect::new(matrix.right + 26, matrix.top, BAR, matrix.height().max(120));
        for y in 0..bar.height() {
            let share = 1.0 - f64::from(y) / f64::from(bar.height() - 1);
            canvas.fill(Rect::new(bar.left, bar.top + y, BAR, 1), glow(share));
        }
        for (value, label) in &ticks {
            let Some(share) = range.share(*value) else { continue };
            let y = bar.bottom - 1 - (share * f64::from(bar.height() - 1)).round() as i32;
            canvas.fill(Rect::new(bar.right, y, 4, 1), AXIS);
            canvas.text((bar.right + 8, y + 5), Anchor::Start, SMALL, MUTED, label);
        }
        let label = font::clip(&self.bar_label, BODY, bar.height() as f32);
        let start = (bar.top + bar.bottom) / 2 + (font::width(&label, BODY) / 2.0) as i32;
        canvas.text_upwards((bar.right + 8 + tick_width as i32 + 24, start), BODY, INK, &label);
        Ok(canvas.into_image())
    }

    /// Draws the map into a PNG file.
    ///
    /// # Errors
    /// Those of [`render`](Self::render), and when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        save(&self.render()?, path.as_ref())
    }

    fn draw_rows(&self, canvas: &mut Canvas, matrix: Rect, cell: i32) {
        match &self.rows {
            Labels::None => {}
            Labels::Text(texts) => {
                for (row, text) in texts.iter().enumerate().step_by(stride(cell)) {
                    let y = matrix.top + row as i32 * cell + cell / 2 + 5;
                    let text = font::clip(text, SMALL, LABEL);
                    canvas.text((matrix.left - GAP, y), Anchor::End, SMALL, INK, &text);
                }
            }
            Labels::Pictures(pictures) => {
                for (row, picture) in pictures.iter().enumerate() {
                    let area = Rect::new(matrix.left - GAP - cell, matrix.top + row as i32 * cell, cell, cell);
                    thumbnail(canvas, picture, area);
                }
            }
        }
    }

    fn draw_columns(&self, canvas: &mut Canvas, matrix: Rect, cell: i32) {
        match &self.columns {
            Labels::None => {}
            Labels::Text(texts) => {
                for (column, text) in texts.iter().enumerate().step_by(stride(cell)) {
                    let x = matrix.left + column as i32 * cell + cell / 2 + 5;
                    let text = font::clip(text, SMALL, LABEL);
                    canvas.text_upwards((x, matrix.top - GAP), SMALL, INK, &text);
                }
            }
            Labels::Pictures(pictures) => {
                for (column, picture) in pictures.iter().enumerate() {
                    let area = Rect::new(matrix.left + column as i32 * cell, matrix.top - GAP - cell, cell, cell);
                    thumbnail(canvas, picture, area);
                }
            }
        }
    }
}

/// Every how many entries a caption fits.
fn stride(cell: i32) -> usize {
    font::line_height(BODY).div_euclid(cell).max(1) as usize
}

/// A picture with a margin, so that neighbours stay apart.
fn thumbnail(canvas: &mut Canvas, picture: &Picture<'_>, area: Rect) {
    let side = (area.width() - 2).max(1);
    canvas.place(&picture.fitted(side as u32, Scaling::Smooth), area);
}
