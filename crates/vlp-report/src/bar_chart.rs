use std::path::Path;

use image::RgbImage;

use crate::ReportError;
use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Rect, save};
use crate::font::{self, BODY, SMALL, TITLE};
use crate::palette::{self, AXIS, INK, MUTED, RULE};

const EDGE: i32 = 28;
const SWATCH: i32 = 18;
const TICK: i32 = 6;
/// About as many numbers beside an axis.
const TICKS: usize = 4;
/// Height of a panel's bars.
const BARS: i32 = 170;
/// Above the bars: the panel's title.
const HEAD: i32 = 44;
/// Below the bars: the names of the groups.
const FOOT: i32 = 34;

/// Bars in groups, one panel a quantity: methods by recipe, for example. A bar is the mean of its values, the stroke on it
/// reaches from the smallest to the largest, and a dot stands for each.
///
/// ```
/// use vlp_report::{BarChart, BarPanel};
/// # fn main() -> Result<(), vlp_report::ReportError> {
/// let panel = BarPanel::new("zero-shot, %").bars(vec![vec![4.1, 4.5], vec![3.0]]).bars(vec![vec![6.0, 6.3], vec![]]);
/// let chart = BarChart::new("Recipes", ["clip", "slip"]).series(["plain", "improved"]).panel(panel);
/// assert_eq!(chart.render()?.width(), 1200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BarChart {
    title: String,
    groups: Vec<String>,
    series: Vec<String>,
    panels: Vec<BarPanel>,
    width: u32,
}

/// One quantity of a [`BarChart`].
#[derive(Debug, Clone)]
pub struct BarPanel {
    title: String,
    bars: Vec<Vec<Vec<f64>>>,
}

impl BarPanel {
    /// A panel without bars.
    pub fn new(title: impl Into<String>) -> Self {
        BarPanel { title: title.into(), bars: Vec::new() }
    }

    /// Adds the bars of the next series: the values behind each group's bar, none where there is no bar. What is not finite
    /// is left out.
    pub fn bars(mut self, values: Vec<Vec<f64>>) -> Self {
        let finite = |values: Vec<f64>| values.into_iter().filter(|v| v.is_finite()).collect();
        self.bars.push(values.into_iter().map(finite).collect());
        self
    }
}

impl BarChart {
    /// A chart of these groups, 1200 pixels wide.
    pub fn new(title: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        BarChart {
            title: title.into(),
            groups: groups.into_iter().map(Into::into).collect(),
            series: Vec::new(),
            panels: Vec::new(),
            width: 1200,
        }
    }

    /// The names of the bars within a group.
    pub fn series(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.series = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a quantity below the others.
    pub fn panel(mut self, panel: BarPanel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Width in pixels, at least 320.
    pub fn width(mut self, width: u32) -> Self {
        self.width = width.max(320);
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    /// When there is no panel, a panel has no bar, the bars are not one a group and one a series, or the size is beyond
    /// 16,384 pixels.
    pub fn render(&self) -> Result<RgbImage, ReportError> {
        if self.panels.is_empty() {
            return Err(ReportError::Empty { what: format!("the chart `{}` has no panels", self.title) });
        }
        let top = EDGE + 76;
        let height = i64::from(top) + self.panels.len() as i64 * i64::from(HEAD + BARS + FOOT) + i64::from(EDGE);
        let mut canvas = Canvas::new(u64::from(self.width), height as u64)?;
        let title = font::clip(&self.title, TITLE, (self.width as i32 - 2 * EDGE) as f32);
        canvas.text((EDGE, EDGE + 18), Anchor::Start, TITLE, INK, &title);
        let mut x = EDGE;
        for (index, name) in self.series.iter().enumerate() {
            canvas.fill(Rect::new(x, EDGE + 42, SWATCH, 12), palette::series(index));
            canvas.text((x + SWATCH + 8, EDGE + 54), Anchor::Start, BODY, INK, name);
            x += SWATCH + 36 + font::width(name, BODY).ceil() as i32;
        }
        let axes = self.panels.iter().map(|panel| self.axis(panel)).collect::<Result<Vec<_>, _>>()?;
        // One left edge for all panels: behind the widest label.
        let labels = axes.iter().flat_map(|axis| axis.ticks(TICKS)).map(|(_, label)| font::width(&label, SMALL));
        let left = EDGE + labels.fold(0.0, f32::max).ceil() as i32 + TICK + 4;
        for (index, (panel, axis)) in self.panels.iter().zip(axes).enumerate() {
            let top = top + index as i32 * (HEAD + BARS + FOOT);
            let right = self.width as i32 - EDGE;
            self.draw(&mut canvas, panel, axis, Rect { left, top: top + HEAD, right, bottom: top + HEAD + BARS });
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

    /// The axis of a panel, from zero on.
    fn axis(&self, panel: &BarPanel) -> Result<Axis, ReportError> {
        if panel.bars.len() != self.series.len() {
            let (expected, got) = (self.series.len(), panel.bars.len());
            return Err(ReportError::Count { what: "series of bars in a panel", expected, got });
        }
        if let Some(bars) = panel.bars.iter().find(|bars| bars.len() != self.groups.len()) {
            let (expected, got) = (self.groups.len(), bars.len());
            return Err(ReportError::Count { what: "bars of a series, one a group", expected, got });
        }
        let values = panel.bars.iter().flatten().flatten().copied();
        let most = values.clone().fold(0.0, f64::max);
        let nothing = || ReportError::Empty { what: format!("the panel `{}` has no bars", panel.title) };
        values.clone().next().ok_or_else(nothing)?;
        Axis::over(values.chain([0.0, most * 1.05]), false, 0.0).ok_or_else(nothing)
    }

    fn draw(&self, canvas: &mut Canvas, panel: &BarPanel, axis: Axis, plot: Rect) {
        let to_y = |value: f64| f64::from(plot.bottom) - axis.share(value).unwrap_or(0.0) * f64::from(plot.height());
        canvas.text((EDGE, plot.top - 16), Anchor::Start, BODY, INK, &panel.title);
        for (value, label) in axis.ticks(TICKS) {
            let y = to_y(value).round() as i32;
            canvas.fill(Rect { top: y, bottom: y + 1, ..plot }, RULE);
            canvas.text((plot.left - TICK, y + 5), Anchor::End, SMALL, MUTED, &label);
        }
        let zero = to_y(0.0).round() as i32;
        let share = |index: usize, of: usize, width: f64| width * index as f64 / of.max(1) as f64;
        for (group, name) in self.groups.iter().enumerate() {
            let width = share(1, self.groups.len(), f64::from(plot.width()));
            let start = f64::from(plot.left) + width * (group as f64 + 0.12);
            let bar = share(1, self.series.len(), width * 0.76);
            for (index, bars) in panel.bars.iter().enumerate() {
                let x = (start + bar * index as f64).round() as i32;
                let area = Rect::new(x, plot.top, ((bar * 0.9).round() as i32).max(1), plot.height());
                column(canvas, area, &bars[group], (zero, &to_y), index);
            }
            let middle = (f64::from(plot.left) + width * (group as f64 + 0.5)).round() as i32;
            let name = font::clip(name, SMALL, (width - 6.0).max(1.0) as f32);
            canvas.text((middle, plot.bottom + 20), Anchor::Middle, SMALL, INK, &name);
        }
        canvas.fill(Rect { top: zero, bottom: zero + 1, ..plot }, AXIS);
    }
}

/// One bar in its column: the mean, and the values where there are several.
fn column(canvas: &mut Canvas, area: Rect, values: &[f64], (zero, to_y): (i32, &dyn Fn(f64) -> f64), series: usize) {
    if values.is_empty() {
        return;
    }
    let y = to_y(values.iter().sum::<f64>() / values.len() as f64).round() as i32;
    canvas.fill(Rect { top: y.min(zero), bottom: y.max(zero), ..area }, palette::tint(palette::series(series), 0.75));
    if values.len() == 1 {
        return;
    }
    let middle = f64::from(area.left + area.right) / 2.0;
    let placed: Vec<f64> = values.iter().map(|v| to_y(*v)).collect();
    let (high, low) = placed.iter().fold((f64::MAX, f64::MIN), |(high, low), y| (high.min(*y), low.max(*y)));
    let clip = area.grown(6);
    canvas.polyline(&[(middle, high), (middle, low)], 1.6, INK, clip);
    for y in placed {
        canvas.polyline(&[(middle, y)], 1.4, INK, clip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: Vec<Vec<f64>>) -> BarChart {
        BarChart::new("bars", ["a", "b"]).series(["one"]).panel(BarPanel::new("share").bars(values))
    }

    /// How many pixels have the colour of the first series' bars.
    fn area(image: &RgbImage) -> usize {
        let colour = palette::tint(palette::series(0), 0.75);
        image.pixels().filter(|pixel| pixel.0 == colour).count()
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        let one = area(&chart(vec![vec![2.0], vec![]]).render().expect("a bar"));
        let two = area(&chart(vec![vec![2.0], vec![1.0]]).render().expect("bars"));
        let ratio = two as f64 / one as f64;
        // Ends are rounded to pixels of 160.
        assert!((ratio - 1.5).abs() < 0.02, "{ratio}");
        let mean = area(&chart(vec![vec![2.0], vec![f64::NAN, 1.0]]).render().expect("bars"));
        assert_eq!(mean, two);
    }

    #[test]
    fn several_values_are_dots_on_a_stroke() {
        let image = chart(vec![vec![1.0, 3.0], vec![2.0]]).render().expect("bars");
        let ink = |image: &RgbImage| image.pixels().filter(|pixel| pixel.0 == INK).count();
        assert!(ink(&image) > ink(&chart(vec![vec![2.0], vec![2.0]]).render().expect("bars")) + 80);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(matches!(BarChart::new("x", ["a"]).render(), Err(ReportError::Empty { .. })));
        assert!(matches!(chart(vec![vec![], vec![f64::NAN]]).render(), Err(ReportError::Empty { .. })));
        assert!(matches!(chart(vec![vec![1.0]]).render(), Err(ReportError::Count { expected: 2, got: 1, .. })));
        let two = chart(vec![vec![1.0], vec![1.0]]).series(["one", "two"]);
        assert!(matches!(two.render(), Err(ReportError::Count { expected: 2, got: 1, .. })));
    }
}
