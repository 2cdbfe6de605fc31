use std::path::Path;

use image::RgbImage;

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Rect, save};
use crate::font::{self, BODY, SMALL, TITLE};
use crate::palette::{self, AXIS, INK, MUTED, RULE, Rgb};
use crate::{ReportError, Series};

const EDGE: i32 = 28;
/// Length of the stroke that stands for a curve in the legend.
const SWATCH: i32 = 26;
const TICK: i32 = 6;

/// Curves over a shared x axis.
///
/// ```
/// use vlp_report::{LineChart, Series};
/// # fn main() -> Result<(), vlp_report::ReportError> {
/// let loss = Series::new("loss", (0..30).map(|i| (f64::from(i), 5.0 / f64::from(i + 1)))).smoothed(10.0);
/// let rate = Series::new("learning rate", (0..30).map(|i| (f64::from(i), 1e-3))).secondary();
/// let chart = LineChart::new("Training").axes("step", "loss").secondary_axis("learning rate").series(loss).series(rate);
/// # let folder = tempfile::tempdir().expect("a folder");
/// chart.save(folder.path().join("loss.png"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LineChart {
    title: String,
    x_label: String,
    y_label: String,
    secondary_label: String,
    log_y: bool,
    size: (u32, u32),
    series: Vec<Series>,
}

impl LineChart {
    /// An empty chart of 1200 x 700 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        LineChart {
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            secondary_label: String::new(),
            log_y: false,
            size: (1200, 700),
            series: Vec::new(),
        }
    }

    /// What the axes count.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        (self.x_label, self.y_label) = (x.into(), y.into());
        self
    }

    /// What the right axis counts.
    pub fn secondary_axis(mut self, label: impl Into<String>) -> Self {
        self.secondary_label = label.into();
        self
    }

    /// A logarithmic left axis. Values of 0 and less leave a gap.
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// Width and height in pixels, at least 320 x 240.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width.max(320), height.max(240));
        self
    }

    /// Adds a curve; they take their colours in this order.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    /// When no curve has a point that can be drawn, or the size is beyond 16,384 pixels.
    pub fn render(&self) -> Result<RgbImage, ReportError> {
        let nothing = || ReportError::Empty {
            what: format!("no series of the chart `{}` has a finite point its axes can show", self.title),
        };
        // A point counts on one axis only if the other coordinate can be placed as well.
        let points = |secondary: bool| {
            self.series
                .iter()
                .filter(move |s| s.secondary == secondary)
                .flat_map(|s| s.points.iter().copied())
                .filter(move |(x, y)| x.is_finite() && y.is_finite() && (secondary || !self.log_y || *y > 0.0))
        };
        let x_axis = Axis::over(points(false).chain(points(true)).map(|p| p.0), false, 0.0).ok_or_else(nothing)?;
        let left = Axis::over(points(false).map(|p| p.1), self.log_y, 0.04);
        let right = Axis::over(points(true).map(|p| p.1), false, 0.04);

        let (width, height) = (self.size.0 as i32, self.size.1 as i32);
        let mut canvas = Canvas::new(u64::from(self.size.0), u64::from(self.size.1))?;
        let title = font::clip(&self.title, TITLE, (width - 2 * EDGE) as f32);
        canvas.text((EDGE, EDGE + 18), Anchor::Start, TITLE, INK, &title);
        let legend_bottom = self.legend(&mut canvas, EDGE + 50);

        let y_ticks =
            |axis: &Option<Axis>| axis.map_or_else(Vec::new, |axis| axis.ticks((height / 90).max(3) as usize));
        let (left_ticks, right_ticks) = (y_ticks(&left), y_ticks(&right));
        let label_width = |ticks: &[(f64, String)]| {
            ticks.iter().map(|(_, label)| font::width(label, SMALL)).fold(0.0, f32::max).ceil() as i32
        };
        let plot = Rect {
            left: EDGE + label_width(&left_ticks) + TICK + 4,
            top: legend_bottom + 38,
            right: width - EDGE - label_width(&right_ticks) - TICK - 4,
            bottom: height - EDGE - 44,
        };
        let to_y = |share: f64| f64::from(plot.bottom) - share * f64::from(plot.height());
        let to_x = |share: f64| f64::from(plot.left) + share * f64::from(plot.width());

        for (axis, ticks, on_left) in [(&left, &left_ticks, true), (&right, &right_ticks, false)] {
            for (value, label) in ticks {
                let Some(share) = axis.and_then(|axis| axis.share(*value)) else { continue };
                let y = to_y(share).round() as i32;
                // Only one axis rules the sheet: two sets of lines would be a thicket.
                if on_left || left.is_none() {
                    canvas.fill(Rect { top: y, bottom: y + 1, ..plot }, RULE);
                }
                let (x, anchor) =
                    if on_left { (plot.left - TICK, Anchor::End) } else { (plot.right + TICK, Anchor::Start) };
                canvas.text((x, y + 5), anchor, SMALL, MUTED, label);
            }
        }
        for (value, label) in x_axis.ticks((plot.width() / 110).max(2) as usize) {
            let Some(share) = x_axis.share(value) else { continue };
            let x = to_x(share).round() as i32;
            canvas.fill(Rect::new(x, plot.bottom, 1, TICK), AXIS);
            canvas.text((x, plot.bottom + TICK + 17), Anchor::Middle, SMALL, MUTED, &label);
        }
        canvas.fill(Rect { top: plot.bottom, bottom: plot.bottom + 1, ..plot }, AXIS);
        let half = plot.width() as f32 / 2.0;
        if left.is_some() {
            let label = font::clip(&self.y_label, BODY, half);
            canvas.text((EDGE, plot.top - 14), Anchor::Start, BODY, INK, &label);
        }
        if right.is_some() {
            let label = font::clip(&self.secondary_label, BODY, half);
            canvas.text((width - EDGE, plot.top - 14), Anchor::End, BODY, INK, &label);
        }
        let middle = (plot.left + plot.right) / 2;
        canvas.text((middle, height - EDGE + 8), Anchor::Middle, BODY, INK, &self.x_label);

        // Room for the thickness of a line that runs along the edge.
        let clip = plot.grown(3);
        let mut draw = |points: &[(f64, f64)], axis: &Option<Axis>, thickness: f64, colour: Rgb| {
            let place = |&(x, y): &(f64, f64)| Some((to_x(x_axis.share(x)?), to_y((*axis)?.share(y)?)));
            let placed: Vec<Option<(f64, f64)>> = points.iter().map(place).collect();
            for run in placed.split(Option::is_none) {
                let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
                canvas.polyline(&run, thickness, colour, clip);
            }
        };
        let on = |s: &Series| if s.secondary { &right } else { &left };
        let mut order: Vec<(usize, &Series)> = self.series.iter().enumerate().collect();
        // The right axis is the background: its curves go first and thin.
        order.sort_by_key(|(_, series)| !series.secondary);
        for (index, series) in order.iter().filter(|(_, s)| s.window.is_some()) {
            draw(&series.points, on(series), 1.2, palette::tint(palette::series(*index), 0.38));
        }
        for (index, series) in order {
            let strong = series.smooth_points();
            let thickness = if series.secondary { 1.6 } else { 2.4 };
            draw(strong.as_ref().unwrap_or(&series.points), on(series), thickness, palette::series(index));
        }
        Ok(canvas.into_image())
    }

    /// Draws the chart into a PNG file.
    ///
    /// # Errors
    /// Those of [`render`](Self::render), and when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        save(&self.render()?, path.as_ref())
    }

    /// One stroke and name a curve, from left to right and then down; returns where it ends.
    fn legend(&self, canvas: &mut Canvas, top: i32) -> i32 {
        let limit = self.size.0 as i32 - EDGE;
        let (mut x, mut y) = (EDGE, top);
        for (index, series) in self.series.iter().enumerate() {
            let side = if series.secondary { " (right axis)" } else { "" };
            let room = (limit - EDGE - SWATCH - 8) as f32;
            let name = font::clip(&format!("{}{side}", series.name), BODY, room);
            let length = SWATCH + 8 + font::width(&name, BODY).ceil() as i32;
            if x > EDGE && x + length > limit {
                (x, y) = (EDGE, y + font::line_height(BODY) + 4);
            }
            canvas.fill(Rect::new(x, y - 2, SWATCH, 4), palette::series(index));
            canvas.text((x + SWATCH + 8, y + 6), Anchor::Start, BODY, INK, &name);
            x += length + 28;
        }
        y + 10
    }
}
