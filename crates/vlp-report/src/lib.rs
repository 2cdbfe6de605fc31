//! Pictures that show what a run did: a chart of its loss, a sheet of what it retrieves, a map of its similarities.
//! Pure Rust, no tensors, no system fonts; everything is drawn in memory and written as an RGB8 PNG.
//!
//! | type | picture |
//! |---|---|
//! | [`LineChart`] of [`Series`] | curves over the step, raw and smoothed, with a second axis |
//! | [`BarChart`] of [`BarPanel`]s | bars in groups, the mean of several values and their spread |
//! | [`RetrievalSheet`] of [`RetrievalRow`] | captions and the pictures retrieved for each, right ones framed |
//! | [`Heatmap`] with [`Labels`] | a similarity matrix with a colour bar and captions or pictures on its sides |
//! | [`Picture`] | a borrowed RGB8 picture |
//!
//! ```
//! use vlp_report::{LineChart, Series};
//! # fn main() -> Result<(), vlp_report::ReportError> {
//! let loss = Series::from_values("loss", [5.2, 4.1, f64::NAN, 3.0]).smoothed(2.0);
//! let picture = LineChart::new("Training").axes("step", "loss").series(loss).render()?;
//! assert_eq!(picture.dimensions(), (1200, 700));
//! # Ok(())
//! # }
//! ```
//!
//! # Fonts
//! Text is set in Ubuntu Light (Ubuntu Font Licence 1.0); letters it lacks come from Hack (MIT and Bitstream Vera
//! licence). Both are embedded by the crate `epaint_default_fonts`, unmodified; both licences allow use, embedding and
//! redistribution and do not reach the pictures. Letters that neither has are drawn as an empty box.

mod axis;
mod bar_chart;
mod canvas;
mod error;
mod font;
mod heatmap;
mod line_chart;
mod palette;
mod picture;
mod retrieval_sheet;
mod series;

pub use bar_chart::{BarChart, BarPanel};
pub use error::ReportError;
pub use heatmap::{Heatmap, Labels};
pub use image::RgbImage;
pub use line_chart::LineChart;
pub use picture::{Picture, Scaling};
pub use retrieval_sheet::{RetrievalRow, RetrievalSheet};
pub use series::{Series, smooth};
