use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::{Control, Event, Hook, HookError, StepReport};

/// Writes one JSON object a step to a file: `step`, `loss`, `grad_norm`, `lr`, every term, and the speed.
///
/// A run that resumes at step s first cuts the lines of step s and later, which the killed process wrote after its last
/// checkpoint, so the file holds each step once and, `samples_per_second` and `data_wait` apart, equals that of a run that
/// was never interrupted. A run that starts anew replaces the file. Numbers that are not finite are `null`.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    every: u64,
    file: Option<File>,
}

impl JsonLines {
    /// Lines in the file `path`; its directory is made when it is missing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        JsonLines { path: path.into(), every: 1, file: None }
    }

    /// Writes only the steps that `steps` divides.
    pub fn every(self, steps: u64) -> Self {
        JsonLines { every: steps.max(1), ..self }
    }
}

impl<M> Hook<M> for JsonLines {
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError> {
        let failed = |error: std::io::Error| format!("cannot write {}: {error}", self.path.display());
        match (event, &mut self.file) {
            (Event::Start { step, .. }, file) => *file = Some(open_at(&self.path, *step).map_err(failed)?),
            (Event::Step { report, .. }, Some(file)) if report.step.is_multiple_of(self.every) => {
                // One write a line: a killed process leaves whole lines.
                file.write_all(line(report).as_bytes()).map_err(failed)?;
            }
            // Lines are as durable as the checkpoint that a resume continues from.
            (Event::Saved { .. } | Event::End { .. }, Some(file)) => file.sync_data().map_err(failed)?,
            _ => (),
        }
        Ok(Control::Continue)
    }
}

fn line(report: &StepReport) -> String {
    let mut line = Map::new();
    line.insert("step".into(), json!(report.step));
    line.insert("loss".into(), json!(report.numbers.loss));
    line.insert("grad_norm".into(), json!(report.numbers.grad_norm));
    line.insert("lr".into(), json!(report.lr));
    line.insert("updated".into(), json!(report.updated));
    line.insert("samples_per_second".into(), json!(report.pace.samples_per_second));
    line.insert("data_wait".into(), json!(report.pace.data_wait));
    for (name, value) in &report.numbers.terms {
        line.entry(*name).or_insert(json!(value));
    }
    format!("{}\n", Value::Object(line))
}

/// Opens `path` for appending after the lines of the steps before `step`.
fn open_at(path: &Path, step: u64) -> std::io::Result<File> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    // A pipe of that name would be waited for.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut kept = 0;
    let mut reader = BufReader::new(&file);
    let mut text = Vec::new();
    while step > 0 && reader.read_until(b'\n', &mut text)? > 0 {
        let earlier = serde_json::from_slice::<Value>(&text).is_ok_and(|line| line["step"].as_u64() < Some(step));
        if !earlier || text.last() != Some(&b'\n') {
            break;
        }
        kept += text.len() as u64;
        text.clear();
    }
    file.set_len(kept)?;
    file.flush()?;
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(open_at(&path, 3).map(drop).map_err(|error| error.to_string())));
        let error = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("an answer").unwrap_err();
        assert!(error.contains("no regular file"), "{error}");
    }
}
