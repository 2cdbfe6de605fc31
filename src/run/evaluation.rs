use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use vlp_data::Dataset;
use vlp_eval::{Embeddings, Report, side_by_side};

use super::{RunError, pictures};

/// What a model was measured to know: one report a head, with the same rows.
///
/// `Display` prints a table, serde writes every digit, [`save`](Self::save) writes files.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Evaluation {
    /// The reports.
    pub reports: Vec<Report>,
    /// The last set whose captions were searched, for pictures.
    #[serde(skip)]
    pub(super) shown: Option<Shown>,
}

/// A set as its pictures show it.
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) dataset: Arc<Dataset>,
    /// Index in the dataset of each row of `images`.
    pub(super) samples: Vec<usize>,
    /// Distinct captions, one for each row of `texts`.
    pub(super) captions: Vec<String>,
    /// The caption's number of each picture.
    pub(super) caption_of: Vec<usize>,
    pub(super) images: Embeddings,
    pub(super) texts: Embeddings,
}

impl Evaluation {
    /// The value of a row of the first report that has it.
    pub fn value(&self, row: &str) -> Option<f64> {
        self.reports.iter().find_map(|report| report.value(row))
    }

    /// Writes `results.json`, and where captions were searched `retrieval.png` and `similarity.png`, into a folder; `loss.png` as
    /// well where a run's `metrics.jsonl` lies there. Returns the names of the files.
    ///
    /// # Errors
    /// When a file cannot be written, or a picture to show cannot be read any more.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<Vec<&'static str>, RunError> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir).map_err(RunError::file("make the folder", dir))?;
        let mut files = vec!["results.json"];
        let path = dir.join(files[0]);
        let json = serde_json::to_string_pretty(self).expect("reports are plain data");
        std::fs::write(&path, json).map_err(RunError::file("write", &path))?;
        if dir.join(pictures::METRICS).is_file() {
            pictures::loss(dir)?;
            files.push("loss.png");
        }
        if let Some(shown) = &self.shown {
            pictures::retrieval(shown, dir)?;
            pictures::similarity(shown, dir)?;
            files.extend(["retrieval.png", "similarity.png"]);
        }
        Ok(files)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&side_by_side("What it has learned", &self.reports))
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluation").field("reports", &self.reports).finish_non_exhaustive()
    }
}
