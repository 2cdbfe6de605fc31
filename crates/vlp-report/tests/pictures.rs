//! What lands in the files: sizes, frames where they should be, and errors instead of empty sheets.

use std::path::Path;

use vlp_report::{Heatmap, Labels, LineChart, Picture, ReportError, RetrievalRow, RetrievalSheet, RgbImage, Series};

const GREEN: [u8; 3] = [38, 166, 91];
const BLUE: [u8; 3] = [0, 0, 250];

fn decoded(path: &Path) -> RgbImage {
    image::open(path).expect("a picture").to_rgb8()
}

fn blue_square() -> Vec<u8> {
    BLUE.repeat(8 * 8)
}

/// Where a colour lies: left, top, right, bottom, the last two excluded.
fn bounds(image: &RgbImage, colour: [u8; 3]) -> Option<[u32; 4]> {
    let found = image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 == colour);
    found.fold(None, |bounds, (x, y, _)| {
        let [left, top, right, bottom] = bounds.unwrap_or([x, y, x + 1, y + 1]);
        Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
    })
}

/// How many pixels are not white.
fn ink(image: &RgbImage) -> usize {
    image.pixels().filter(|pixel| pixel.0 != [255; 3]).count()
}

#[test]
fn files_decode_to_the_picture_that_was_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picture");
    let chart = LineChart::new("chart").size(640, 360).series(Series::from_values("loss", [3.0, 2.0]));
    chart.save(&path).expect("writable, whatever the extension");
    let bytes = std::fs::read(&path).expect("written");
    let image = image::load_from_memory(&bytes).expect("a PNG").to_rgb8();
    assert_eq!(image.dimensions(), (640, 360));
    assert_eq!(image, chart.render().expect("drawn before"));

    let path = folder.path().join("map.png");
    let map = Heatmap::new("map", 1, 2, &[0.0, 1.0]).expect("two values");
    map.save(&path).expect("writable");
    assert_eq!(decoded(&path), map.render().expect("drawn before"));

    let path = folder.path().join("sheet.png");
    let square = blue_square();
    let picture = Picture::new(8, 8, &square).expect("a valid size");
    let sheet = RetrievalSheet::new("sheet").row(RetrievalRow::new("blue").hit(picture, true));
    sheet.save(&path).expect("writable");
    assert_eq!(decoded(&path), sheet.render().expect("drawn before"));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("missing").join("loss.png");
    let error = LineChart::new("chart").series(Series::from_values("loss", [1.0])).save(&path).expect_err("no folder");
    assert!(matches!(error, ReportError::Write { .. }));
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
}

#[test]
fn right_pictures_are_framed_in_green_all_round_and_wrong_ones_are_not() {
    let square = blue_square();
    let picture = Picture::new(8, 8, &square).expect("a valid size");
    let row = RetrievalRow::new("blue").hit(picture, false).hit(picture, true);
    let sheet = RetrievalSheet::new("").cell(64).row(row).render().expect("one row");

    // Both squares, the gap between them, nothing drawn over them.
    let [left, top, right, bottom] = bounds(&sheet, BLUE).expect("two squares");
    assert_eq!((right - left, bottom - top), (64 + 16 + 64, 64));
    let (second, middle) = (left + 64 + 16, top + 32);
    for distance in 1..=4 {
        for (x, y) in [
            (second - distance, middle),
            (second + 63 + distance, middle),
            (second + 32, top - distance),
            (second + 32, bottom - 1 + distance),
        ] {
            assert_eq!(sheet.get_pixel(x, y).0, GREEN, "{distance} pixels from the right answer");
        }
    }
    assert_eq!(sheet.get_pixel(second - 5, middle).0, [255; 3]);
    let wrong = sheet.get_pixel(left - 1, middle).0;
    assert!(wrong != GREEN && wrong != [255; 3], "{wrong:?}");
    assert_eq!(sheet.get_pixel(left - 2, middle).0, [255; 3]);
}

#[test]
fn columns_of_rows_make_the_sheet_wider_and_lower() {
    let square = blue_square();
    let picture = Picture::new(8, 8, &square).expect("a valid size");
    let size = |columns: usize| {
        let rows = (0..5).map(|i| RetrievalRow::new(format!("row {i}")).hit(picture, i % 2 == 0));
        let sheet = rows.fold(RetrievalSheet::new("sheet").columns(columns), RetrievalSheet::row);
        sheet.render().expect("rows").dimensions()
    };
    let ((w1, h1), (w2, h2), (w9, h9)) = (size(1), size(2), size(9));
    assert!(w1 < w2 && w2 < w9 && h1 > h2 && h2 > h9, "{w1}x{h1} {w2}x{h2} {w9}x{h9}");
}

#[test]
fn the_largest_entry_of_a_matrix_is_the_lightest() {
    let values = [0.1, 0.2, f32::NAN, 0.9];
    let map = Heatmap::new("", 2, 2, &values).expect("four values").cell(20).render().expect("finite values");
    // The matrix starts at the margin and under the title.
    let at = |row: u32, column: u32| map.get_pixel(28 + 20 * column + 10, 80 + 20 * row + 10).0;
    assert_eq!(at(0, 0), [5, 5, 20]);
    assert_eq!(at(1, 1), [252, 250, 195]);
    assert_eq!(at(1, 0), [206, 212, 218], "no number is grey");
    assert!(at(0, 1) > at(0, 0) && at(0, 1) < at(1, 1));
}

#[test]
fn large_and_flat_and_single_matrices_are_drawn() {
    for (rows, columns) in [(1, 1), (1, 400), (1453, 191), (3, 3)] {
        let map = Heatmap::new("map", rows, columns, &vec![0.5; rows * columns]).expect("as many values");
        let (width, height) = map.render().expect("finite values").dimensions();
        assert!(width as usize >= columns && height as usize >= rows, "{width} x {height}");
    }
    let giant = Heatmap::new("map", 1, 1, &[0.5]).expect("one value").cell(u32::MAX);
    assert!(matches!(giant.render(), Err(ReportError::TooLarge { .. })));
}

#[test]
fn curves_of_one_of_thirty_and_of_many_points_are_drawn() {
    let empty = LineChart::new("chart").series(Series::from_values("loss", [1.0]).secondary());
    let blank = ink(&empty.size(800, 500).render().expect("one point"));
    assert!(blank > 0);
    for points in [1, 30, 10_000] {
        for log in [false, true] {
            let values = (0..points).map(|i| 3.0 + (f64::from(i) * 0.7).sin());
            let mut chart =
                LineChart::new("chart").size(800, 500).series(Series::from_values("loss", values).smoothed(9.0));
            if log {
                chart = chart.log_y();
            }
            let image = chart.render().expect("finite points");
            let blue = image.pixels().filter(|p| p.0 == [31, 95, 175]).count();
            // More than the legend's stroke alone.
            assert!(blue > 26 * 4 + 5, "{points} points, log {log}: {blue}");
        }
    }
}

#[test]
fn values_that_are_not_finite_or_not_positive_leave_gaps() {
    let values = [f64::NAN, 2.0, f64::INFINITY, -1.0, 0.0, 1.0, f64::NEG_INFINITY];
    for window in [1.0, 4.0] {
        let series = || Series::from_values("loss", values).smoothed(window);
        LineChart::new("linear").series(series()).render().expect("three finite points");
        LineChart::new("log").log_y().series(series()).series(series().secondary()).render().expect("two points");
    }
    let gap = Series::from_values("loss", [1.0, 1.0, f64::NAN, 1.0, 1.0]);
    let image = LineChart::new("gap").size(800, 500).series(gap).render().expect("four finite points");
    let blue = |x: u32| (110..450).filter(|y| image.get_pixel(x, *y).0 == [31, 95, 175]).count();
    assert!(blue(150) > 0 && blue(650) > 0 && blue(410) == 0, "{} {} {}", blue(150), blue(650), blue(410));
    let far = Series::new("far", [(-1e308, -1e308), (1e308, 1e308), (f64::NAN, 1.0), (1.0, f64::NAN)]);
    LineChart::new("far").series(far).render().expect("two finite points");
}

#[test]
fn nothing_to_draw_is_an_error_that_names_the_picture() {
    let charts = [
        LineChart::new("my chart"),
        LineChart::new("my chart").series(Series::from_values("loss", [])),
        LineChart::new("my chart").series(Series::from_values("loss", [f64::NAN])),
        LineChart::new("my chart").log_y().series(Series::from_values("loss", [0.0, -1.0])),
    ];
    for chart in charts {
        let error = chart.render().expect_err("nothing to draw");
        assert!(matches!(error, ReportError::Empty { .. }) && error.to_string().contains("my chart"), "{error}");
    }
    let sheets = [RetrievalSheet::new("my sheet"), RetrievalSheet::new("my sheet").row(RetrievalRow::new("lonely"))];
    for sheet in sheets {
        let error = sheet.render().expect_err("nothing to draw");
        assert!(matches!(error, ReportError::Empty { .. }) && error.to_string().contains("my sheet"), "{error}");
    }
    assert!(matches!(Heatmap::new("my map", 0, 3, &[]), Err(ReportError::Empty { .. })));
    let nan = Heatmap::new("my map", 1, 1, &[f32::NAN]).expect("one value").render().expect_err("nothing to draw");
    assert!(nan.to_string().contains("my map"), "{nan}");
}

#[test]
fn counts_that_do_not_fit_are_errors() {
    assert!(matches!(Heatmap::new("", 2, 2, &[0.0; 3]), Err(ReportError::Count { expected: 4, got: 3, .. })));
    assert!(matches!(Heatmap::new("", usize::MAX, 2, &[0.0; 3]), Err(ReportError::Count { .. })));
    let map = Heatmap::new("", 2, 1, &[0.0; 2]).expect("two values");
    let error = map.rows(Labels::Text(vec!["one".to_owned()])).render().expect_err("a label is missing");
    assert!(matches!(error, ReportError::Count { expected: 2, got: 1, .. }), "{error}");
}

#[test]
fn text_of_every_script_is_drawn() {
    let texts = ["", "漢字とかな", "🦀👩‍💻", "ру́сский", "a\tb\nc", "\u{0}\u{7f}\u{10ffff}", "שלום", &"long ".repeat(200)];
    let square = blue_square();
    for text in texts {
        let picture = Picture::new(8, 8, &square).expect("a valid size");
        LineChart::new(text)
            .axes(text, text)
            .secondary_axis(text)
            .series(Series::from_values(text, [1.0]).secondary())
            .render()
            .expect("one point");
        let row = RetrievalRow::new(text).hit(picture, true);
        RetrievalSheet::new(text).subtitle(text).cell(1).caption_width(1).row(row).render().expect("one row");
        let labels = || Labels::Text(vec![text.to_owned()]);
        let map = Heatmap::new(text, 1, 1, &[0.5]).expect("one value").bar_label(text);
        map.rows(labels()).columns(labels()).render().expect("one value");
    }
}
