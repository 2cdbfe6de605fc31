//! loss.png, retrieval.png and similarity.png.

use std::error::Error;
use std::path::Path;

use serde_json::Value;
use vlp::augment::Image;
use vlp::eval::top_k;
use vlp::report::{Heatmap, Labels, LineChart, Picture, ReportError, RetrievalRow, RetrievalSheet, Series};

use crate::evaluate::Results;

const ROWS: usize = 8;
const SIDE: usize = 24;

pub(crate) fn draw(results: &Results, out: &Path) -> Result<(), Box<dyn Error>> {
    loss(out)?;
    retrieval(results, out)?;
    similarity(results, out)
}

/// Drawn from the metrics file, so that a resumed run shows its whole curve.
fn loss(out: &Path) -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl"))?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let column = |name: &str| -> Vec<(f64, f64)> {
        lines.iter().filter_map(|line| Some((line["step"].as_f64()?, line[name].as_f64()?))).collect()
    };
    let chart = LineChart::new("Training loss").axes("step", "loss").secondary_axis("accuracy in the batch");
    let chart = chart.series(Series::new("loss", column("loss")).smoothed(15.0));
    let chart = chart.series(Series::new("accuracy in the batch", column("accuracy")).smoothed(15.0).secondary());
    Ok(chart.save(out.join("loss.png"))?)
}

/// Captions of unseen concepts, evenly spread, with the five pictures nearest to each.
fn retrieval(results: &Results, out: &Path) -> Result<(), Box<dyn Error>> {
    let (pictures, captions) = &results.shown;
    let step = (captions.len() / ROWS).max(1);
    let chosen: Vec<usize> = (0..captions.len()).step_by(step).take(ROWS).collect();
    let nearest = top_k(&captions.select(&chosen)?, pictures, 5)?;
    let mut sheet = RetrievalSheet::new("Unseen concepts: captions and what they find")
        .subtitle("framed in green: a picture of that concept, by any of four artists");
    for (&caption, found) in chosen.iter().zip(nearest) {
        let mut row = RetrievalRow::new(&results.captions[caption]);
        for index in found {
            row = row.hit(picture(&results.concepts.pictures[index])?, results.caption_of[index] == caption);
        }
        sheet = sheet.row(row);
    }
    Ok(sheet.save(out.join("retrieval.png"))?)
}

/// Cosine of pictures against captions of unseen concepts: right pairs lie on the diagonal.
fn similarity(results: &Results, out: &Path) -> Result<(), Box<dyn Error>> {
    let step = (results.captions.len() / SIDE).max(1);
    let captions: Vec<usize> = (0..results.captions.len()).step_by(step).take(SIDE).collect();
    let first = |caption: &usize| results.caption_of.iter().position(|of| of == caption);
    let pictures: Vec<usize> = captions.iter().filter_map(first).collect();
    let matrix = results.shown.0.select(&pictures)?.similarity(&results.shown.1.select(&captions)?)?;
    let thumbnails = pictures.iter().map(|&i| picture(&results.concepts.pictures[i])).collect::<Result<Vec<_>, _>>()?;
    let names = captions.iter().map(|&i| results.captions[i].split(':').next().unwrap_or_default().to_owned());
    let map = Heatmap::new(
        "Unseen concepts: pictures against captions",
        pictures.len(),
        captions.len(),
        &matrix.into_iter().collect::<Vec<_>>(),
    )?
    .rows(Labels::Pictures(thumbnails))
    .columns(Labels::Text(names.collect()))
    .bar_label("cosine");
    Ok(map.save(out.join("similarity.png"))?)
}

fn picture(image: &Image) -> Result<Picture<'_>, ReportError> {
    Picture::new(image.width() as u32, image.height() as u32, image.pixels())
}
