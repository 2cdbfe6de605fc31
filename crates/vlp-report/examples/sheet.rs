//! Draws all three kinds of picture from the emoji shards of the repository, with made-up scores.
//!
//! `cargo run -p vlp-report --example sheet -- <folder>`

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use vlp_report::{Heatmap, Labels, LineChart, Picture, RetrievalRow, RetrievalSheet, RgbImage, Series};

#[derive(Default)]
struct Sample {
    picture: RgbImage,
    label: String,
    caption: String,
}

/// The samples of a shard.
fn emoji(shard: &Path) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut samples: BTreeMap<String, Sample> = BTreeMap::new();
    for entry in tar::Archive::new(File::open(shard)?).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let Some((key, extension)) = name.split_once('.') else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let sample = samples.entry(key.to_owned()).or_default();
        if extension == "png" {
            sample.picture = image::load_from_memory(&bytes)?.to_rgb8();
        } else {
            let fields: serde_json::Value = serde_json::from_slice(&bytes)?;
            sample.label = fields["label"].as_str().unwrap_or_default().to_owned();
            sample.caption = fields["caption"].as_str().unwrap_or_default().to_owned();
        }
    }
    Ok(samples.into_values().collect())
}

/// Made-up noise in [-1, 1), the same at every run.
fn noise(state: &mut u32) -> f64 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    f64::from(*state) / 2f64.powi(31) - 1.0
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "runs/sheet".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let mut state = 7;

    for (file, steps, log) in
        [("loss.png", 720u32, false), ("loss-long.png", 10_000, true), ("loss-short.png", 30, false)]
    {
        let curve = |low: f64, state: &mut u32| -> Vec<(f64, f64)> {
            let decay = |i: u32| low + 3.4 * (-4.0 * f64::from(i) / f64::from(steps)).exp();
            (0..steps).map(|i| (f64::from(i), decay(i) + 0.22 * noise(state))).collect()
        };
        let rate = |i: u32| {
            1.5e-3
                * (f64::from(i) / 40.0).min(0.5 + 0.5 * (f64::from(i) * std::f64::consts::PI / f64::from(steps)).cos())
        };
        let window = f64::from(steps) / 30.0;
        let mut chart = LineChart::new("CLIP-rocket on emoji: loss over the steps")
            .axes("step", "loss (nats)")
            .secondary_axis("learning rate")
            .series(Series::new("loss", curve(1.9, &mut state)).smoothed(window))
            .series(Series::new("weak pairs", curve(1.3, &mut state)).smoothed(window))
            .series(Series::new("strong pairs", curve(2.3, &mut state)).smoothed(window))
            .series(Series::new("learning rate", (0..steps).map(|i| (f64::from(i), rate(i)))).secondary());
        if log {
            chart = chart.log_y();
        }
        chart.save(folder.join(file))?;
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji");
    let samples = emoji(&root.join("test-concepts-000.tar"))?;
    let pictures = samples.iter().map(|s| Picture::try_from(&s.picture)).collect::<Result<Vec<_>, _>>()?;

    let mut sheet = RetrievalSheet::new("Captions of unseen concepts and the five nearest pictures")
        .subtitle("Weak head, 646 pictures of 191 concepts none of which was trained on: any artist's drawing counts")
        .columns(2);
    for chosen in 0..12 {
        let at = chosen * 37;
        let same: Vec<usize> = (0..samples.len()).filter(|i| samples[*i].label == samples[at].label).collect();
        let mut row = RetrievalRow::new(&samples[at].caption);
        for rank in 0..5 {
            let right = noise(&mut state) > 0.0 && rank < same.len();
            let index = if right { same[rank] } else { (at * 7 + rank * 91 + 5) % samples.len() };
            row = row.hit(pictures[index], right);
        }
        sheet = sheet.row(row);
    }
    sheet.save(folder.join("retrieval.png"))?;

    let side = 24;
    let mut values = vec![0f32; side * side];
    for (index, value) in values.iter_mut().enumerate() {
        let glow = if index / side == index % side { 0.42 } else { 0.0 };
        *value = (0.14 + glow + 0.13 * noise(&mut state)) as f32;
    }
    let picked: Vec<usize> = (0..side).map(|i| i * 25).collect();
    let captions =
        |what: fn(&Sample) -> &String| Labels::Text(picked.iter().map(|i| what(&samples[*i]).clone()).collect());
    let thumbnails = || Labels::Pictures(picked.iter().map(|i| pictures[*i]).collect());
    let map = Heatmap::new("Similarity of captions and pictures", side, side, &values)?.bar_label("cosine similarity");
    map.clone().rows(captions(|s| &s.caption)).columns(thumbnails()).save(folder.join("similarity.png"))?;
    map.rows(thumbnails()).columns(captions(|s| &s.label)).save(folder.join("similarity-upright.png"))?;
    println!("six pictures in {}", folder.display());
    Ok(())
}
