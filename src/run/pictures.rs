//! loss.png, retrieval.png and similarity.png.

use std::path::Path;

use serde_json::Value;
use vlp_augment::Image;
use vlp_eval::top_k;
use vlp_report::{Heatmap, Labels, LineChart, Picture, ReportError, RetrievalRow, RetrievalSheet, Series};

use super::RunError;
use super::evaluation::Shown;

/// The file with a line a step.
pub(super) const METRICS: &str = "metrics.jsonl";
/// Captions on the sheet.
const ROWS: usize = 8;
/// Captions and pictures on the map.
const SIDE: usize = 24;

/// Drawn from the metrics file, so that a resumed run shows its whole curve.
pub(super) fn loss(dir: &Path) -> Result<(), RunError> {
    let path = dir.join(METRICS);
    let text = std::fs::read_to_string(&path).map_err(RunError::file("read", &path))?;
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let column = |name: &str| -> Vec<(f64, f64)> {
        lines.iter().filter_map(|line| Some((line["step"].as_f64()?, line[name].as_f64()?))).collect()
    };
    let chart = LineChart::new("Training loss").axes("step", "loss");
    let mut chart = chart.series(Series::new("loss", column("loss")).smoothed(15.0));
    let accuracy = column("accuracy");
    if !accuracy.is_empty() {
        chart = chart.secondary_axis("accuracy in the batch");
        chart = chart.series(Series::new("accuracy in the batch", accuracy).smoothed(15.0).secondary());
    }
    Ok(chart.save(dir.join("loss.png"))?)
}

/// Captions, evenly spread, with the five pictures nearest to each.
pub(super) fn retrieval(shown: &Shown, dir: &Path) -> Result<(), RunError> {
    let step = (shown.captions.len() / ROWS).max(1);
    let chosen: Vec<usize> = (0..shown.captions.len()).step_by(step).take(ROWS).collect();
    let nearest = top_k(&shown.texts.select(&chosen)?, &shown.images, 5.min(shown.images.len()))?;
    let mut sheet = RetrievalSheet::new(format!("{}: captions and what they find", title(&shown.name)))
        .subtitle("framed in green: a picture that has this caption");
    let decode = |found: &Vec<usize>| found.iter().map(|&row| decoded(shown, row)).collect::<Result<Vec<_>, _>>();
    let images = nearest.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    for ((&caption, found), images) in chosen.iter().zip(&nearest).zip(&images) {
        let mut row = RetrievalRow::new(&shown.captions[caption]);
        for (&index, image) in found.iter().zip(images) {
            row = row.hit(picture(image)?, shown.caption_of[index] == caption);
        }
        sheet = sheet.row(row);
    }
    Ok(sheet.save(dir.join("retrieval.png"))?)
}

/// Cosine of pictures against captions: right pairs lie on the diagonal.
pub(super) fn similarity(shown: &Shown, dir: &Path) -> Result<(), RunError> {
    let step = (shown.captions.len() / SIDE).max(1);
    let captions: Vec<usize> = (0..shown.captions.len()).step_by(step).take(SIDE).collect();
    let first = |caption: &usize| shown.caption_of.iter().position(|of| of == caption);
    let rows: Vec<usize> = captions.iter().filter_map(first).collect();
    let matrix = shown.images.select(&rows)?.similarity(&shown.texts.select(&captions)?)?;
    let images = rows.iter().map(|&row| decoded(shown, row)).collect::<Result<Vec<_>, _>>()?;
    let thumbnails = images.iter().map(picture).collect::<Result<Vec<_>, _>>()?;
    let names = captions.iter().map(|&i| shown.captions[i].split(':').next().unwrap_or_default().to_owned());
    let map = Heatmap::new(
        format!("{}: pictures against captions", title(&shown.name)),
        rows.len(),
        captions.len(),
        &matrix.into_iter().collect::<Vec<_>>(),
    )?
    .rows(Labels::Pictures(thumbnails))
    .columns(Labels::Text(names.collect()))
    .bar_label("cosine");
    Ok(map.save(dir.join("similarity.png"))?)
}

/// The picture of a row, read again: holding all would take memory for each sample.
fn decoded(shown: &Shown, row: usize) -> Result<Image, RunError> {
    let index = shown.samples[row];
    let sample = shown
        .dataset
        .sample(index)
        .map_err(|damage| RunError::Unreadable { sample: shown.dataset.name(index), reason: damage.to_string() })?;
    Ok(sample.image)
}

/// With a capital letter.
fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn picture(image: &Image) -> Result<Picture<'_>, ReportError> {
    Picture::new(image.width() as u32, image.height() as u32, image.pixels())
}
