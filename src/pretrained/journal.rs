use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::rows::{HEADER, part, refuse_pipe};
use super::{EmbeddedBatch, Pictures, PretrainedError};

/// Vectors of one picture by the same model on different machines differ by rounding, those of different models by far more.
const SAME: f32 = 1e-2;

/// What a file of vectors was begun with, and what is in it so far: a line of JSON a batch, beside the file until it is whole.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Whether vectors are as the model gives them.
    pub(super) raw: bool,
    /// The vector of one fixed picture, which tells models apart.
    pub(super) probe: Vec<f32>,
}

/// Each further line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) names: Vec<String>,
    pub(super) damaged: Vec<(String, String)>,
}

impl Done {
    pub(super) fn pictures(&self) -> usize {
        self.names.len() + self.damaged.len()
    }

    pub(super) fn extend(&mut self, batch: EmbeddedBatch) {
        self.names.extend(batch.names);
        self.damaged.extend(batch.damaged);
    }
}

impl Journal {
    pub(super) fn create(target: &Path, begun: &Begun) -> Result<Self, PretrainedError> {
        let path = state(target);
        refuse_pipe(&path).map_err(PretrainedError::io("write", &path))?;
        let file = File::create(&path).map_err(PretrainedError::io("write", &path))?;
        let mut journal = Journal { path, file };
        journal.line(begun)?;
        Ok(journal)
    }

    /// Notes a batch whose rows have been handed to the system.
    pub(super) fn note(&mut self, batch: &EmbeddedBatch) -> Result<(), PretrainedError> {
        self.line(&Done { names: batch.names.clone(), damaged: batch.damaged.clone() })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), PretrainedError> {
        let mut text = serde_json::to_vec(line).expect("plain data");
        text.push(b'\n');
        self.file.write_all(&text).map_err(PretrainedError::io("write", &self.path))
    }

    /// What an earlier run left behind, and the journal to go on with; none without one. What is not whole on the disk, a
    /// cut line or rows that a power loss took, counts as not done.
    pub(super) fn resume(
        target: &Path,
        begun: &Begun,
        pictures: &Pictures,
    ) -> Result<Option<(Self, Done)>, PretrainedError> {
        let (path, part) = (state(target), part(target));
        if !path.is_file() || !part.is_file() {
            return Ok(None);
        }
        let refuse = |reason: String| PretrainedError::NoResume { path: target.to_path_buf(), reason };
        let bytes = fs::metadata(&part).map_err(PretrainedError::io("read", &part))?.len();
        let file = File::open(&path).map_err(PretrainedError::io("read", &path))?;
        let (mut reader, mut line, mut whole) = (BufReader::new(file), Vec::new(), 0);
        let mut next = |whole: &mut u64| -> Result<Option<Vec<u8>>, PretrainedError> {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(PretrainedError::io("read", &path))?;
            *whole += read as u64;
            Ok((line.last() == Some(&b'\n')).then(|| line.clone()))
        };
        let first = next(&mut whole)?.and_then(|line| serde_json::from_slice::<Begun>(&line).ok());
        let first = first.ok_or_else(|| refuse(format!("{} cannot be understood", path.display())))?;
        first.check(begun).map_err(refuse)?;
        let width = first.probe.len() as u64;
        let (mut done, mut end) = (Done::default(), whole);
        while let Some(batch) = next(&mut whole)?.and_then(|line| serde_json::from_slice::<Done>(&line).ok()) {
            if HEADER + (done.names.len() + batch.names.len()) as u64 * width * 4 > bytes {
                break;
            }
            check_names(&done, &batch, pictures).map_err(refuse)?;
            done.names.extend(batch.names);
            done.damaged.extend(batch.damaged);
            end = whole;
        }
        let open = || {
            let file = OpenOptions::new().append(true).open(&path)?;
            file.set_len(end)?;
            Ok(file)
        };
        let file = open().map_err(PretrainedError::io("write", &path))?;
        Ok(Some((Journal { path, file }, done)))
    }

    /// The file is whole, so nothing is to be resumed.
    pub(super) fn remove(self) -> Result<(), PretrainedError> {
        drop(self.file);
        fs::remove_file(&self.path).map_err(PretrainedError::io("delete", &self.path))
    }
}

impl Begun {
    /// Says what differs.
    pub(super) fn check(&self, now: &Begun) -> Result<(), String> {
        if self.raw != now.raw {
            return Err(format!("it was begun with{} --raw", if self.raw { "" } else { "out" }));
        }
        let apart = |(was, is): (&f32, &f32)| (was - is).abs() > SAME;
        if self.probe.len() != now.probe.len() || self.probe.iter().zip(&now.probe).any(apart) {
            return Err("it was begun with another model".to_string());
        }
        Ok(())
    }
}

/// The pictures of a batch, good and damaged in any order, must be the next ones.
fn check_names(done: &Done, batch: &Done, pictures: &Pictures) -> Result<(), String> {
    let begin = done.pictures();
    if begin + batch.pictures() > pictures.len() {
        return Err(format!("it holds {} pictures, now there are {}", begin + batch.pictures(), pictures.len()));
    }
    let (mut names, mut damaged) = (batch.names.iter().peekable(), batch.damaged.iter().peekable());
    for index in begin..begin + batch.pictures() {
        let name = pictures.name(index);
        if names.next_if_eq(&&name).is_none() && damaged.next_if(|(damaged, _)| *damaged == name).is_none() {
            let was =
                names.peek().map_or_else(|| damaged.peek().map_or("", |(name, _)| name.as_str()), |name| name.as_str());
            return Err(format!("picture {} was {was}, now it is {name}", index + 1));
        }
    }
    Ok(())
}

/// Where the journal lies.
pub(super) fn state(target: &Path) -> PathBuf {
    target.with_added_extension("state")
}
