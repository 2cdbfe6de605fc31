//! The numbers of a run, step by step.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// What a `metrics.jsonl` holds.
pub(crate) struct Metrics {
    /// The run's folder, or the file where it was named.
    pub(crate) run: String,
    path: PathBuf,
    lines: Vec<Map<String, Value>>,
}

impl Metrics {
    /// Of a run's folder, or of the file itself.
    pub(crate) fn read(run: &Path) -> Result<Self, Failure> {
        let path = if run.is_dir() { run.join("metrics.jsonl") } else { run.to_path_buf() };
        let text = fs::read(&path).map_err(|error| Failure::asked(format!("{}: {error}", path.display())))?;
        let mut lines = Vec::new();
        let mut rest = text.split_inclusive(|&byte| byte == b'\n').enumerate().peekable();
        while let Some((number, line)) = rest.next() {
            match serde_json::from_slice(line) {
                Ok(Value::Object(line)) => lines.push(line),
                // A run that is writing it has not finished its last line.
                _ if rest.peek().is_none() && !line.ends_with(b"\n") => {}
                _ => {
                    let place = format!("{}:{}", path.display(), number + 1);
                    return Err(Failure::asked(format!("{place}: it is no object of numbers: no metrics of a run")));
                }
            }
        }
        Ok(Metrics { run: run.display().to_string(), path, lines })
    }

    /// Names of the numbers, in order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        for (key, value) in self.lines.iter().flatten() {
            // A number that is not finite is null.
            if key != "step" && (value.is_number() || value.is_null()) && !keys.contains(&key.as_str()) {
                keys.push(key.as_str());
            }
        }
        keys
    }

    /// Steps and values of a key.
    pub(crate) fn curve(&self, key: &str) -> Result<Vec<(f64, f64)>, Failure> {
        let point = |line: &Map<String, Value>| {
            let value = line.get(key)?;
            Some((line.get("step")?.as_f64()?, if value.is_null() { f64::NAN } else { value.as_f64()? }))
        };
        let points: Vec<_> = self.lines.iter().filter_map(point).collect();
        if points.is_empty() {
            let keys = self.keys().join(", ");
            let path = self.path.display();
            return Err(Failure::asked(format!("{path} has no numbers of the name {key}: there are {keys}")));
        }
        Ok(points)
    }
}
