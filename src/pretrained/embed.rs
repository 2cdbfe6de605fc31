use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use vlp_augment::Image;

use super::journal::{Begun, Done, Journal};
use super::rows::{HEADER, part};
use super::{EmbeddedBatch, Model, Pictures, PretrainedError, RowFormat, RowWriter};

/// How pictures become a file of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbedOptions {
    /// Pictures that the model sees at once.
    pub batch: usize,
    /// Threads that decode and resize.
    pub workers: usize,
    /// Vectors as the model gives them, not divided by their length.
    pub raw: bool,
    /// Goes on with a file that was cut off.
    pub resume: bool,
}

impl Default for EmbedOptions {
    /// Batches of 32, as many threads as the machine runs at once, vectors of length 1, from the beginning.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        EmbedOptions { batch: 32, workers, raw: false, resume: false }
    }
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pictures done, damaged ones included.
    pub done: usize,
    /// All pictures.
    pub total: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EmbedSummary {
    /// Vectors in the file.
    pub rows: usize,
    /// Length of a vector.
    pub width: usize,
    /// Pictures that could not be read.
    pub damaged: usize,
    /// Pictures that an earlier, interrupted run had done.
    pub resumed: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Writes the vectors of pictures into `out`, `.npy` or `.safetensors`, a row a picture. Their names go beside it, a line
/// each, into the same name with `.txt`, those of pictures that cannot be read with the reason into `.damaged.txt`.
///
/// The file appears under its name when it is whole. Until then its rows lie in `out.part` and what they belong to in
/// `out.state`, from which [`EmbedOptions::resume`] goes on after a kill, at the batch that was not whole; the result is the
/// same to the bit. A start that is refused leaves nothing behind.
///
/// # Errors
/// When an option or the place of the file cannot be, no picture can be read, a file that is to be resumed has another
/// model's vectors or other pictures', or something fails while working.
pub fn embed_files(
    model: &Model,
    pictures: &Pictures,
    out: &Path,
    options: &EmbedOptions,
    mut progress: impl FnMut(Progress),
) -> Result<EmbedSummary, PretrainedError> {
    check_place(out)?;
    let started = Instant::now();
    let begun = Begun { raw: options.raw, probe: probe(model)? };
    let (mut work, mut done) = match options.resume {
        true => match Journal::resume(out, &begun, pictures)? {
            Some((journal, done)) => {
                (Some((RowWriter::resume(out, begun.probe.len(), done.names.len())?, journal)), done)
            }
            None if out.is_file() => return finished(model, pictures, out, &begun),
            None => (None, Done::default()),
        },
        false => (None, Done::default()),
    };
    let (resumed, total) = (done.pictures(), pictures.len());
    progress(Progress { done: resumed, total });
    for batch in model.batches(pictures, options.batch, options.workers, resumed)? {
        let batch = batch?;
        // Not before there is something to write.
        if work.is_none() {
            work = Some((RowWriter::create(out, begun.probe.len())?, Journal::create(out, &begun)?));
        }
        if let Some((rows, journal)) = &mut work {
            write(rows, &batch, options.raw)?;
            journal.note(&batch)?;
        }
        done.extend(batch);
        progress(Progress { done: done.pictures(), total });
    }
    let Some((rows, journal)) = work else { return Err(PretrainedError::Nothing { what: "picture" }) };
    if done.names.is_empty() {
        let (name, reason) = &done.damaged[0];
        let error = PretrainedError::NoneReadable { count: done.damaged.len(), first: format!("{name}: {reason}") };
        drop(rows);
        journal.remove()?;
        fs::remove_file(part(out)).map_err(PretrainedError::io("delete", &part(out)))?;
        return Err(error);
    }
    write_lists(out, &done)?;
    let [rows, width] = rows.finish()?;
    journal.remove()?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(EmbedSummary { rows, width, damaged: done.damaged.len(), resumed, seconds })
}

/// Refuses a place where nothing can be written, before the work.
fn check_place(out: &Path) -> Result<(), PretrainedError> {
    RowFormat::of(out)?;
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let wrong =
        |path: &Path, what: &'static str| Err(PretrainedError::place("write into", path)(std::io::Error::other(what)));
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => wrong(folder, "it is no folder"),
        Ok(_) if out.is_dir() => wrong(out, "it is a folder; name a file in it"),
        Ok(_) => Ok(()),
        Err(error) => Err(PretrainedError::place("write into", folder)(error)),
    }
}

/// What the model makes of a picture that is the same everywhere: stripes, so that size and cut of the preprocessing count.
fn probe(model: &Model) -> Result<Vec<f32>, PretrainedError> {
    let (width, height) = (96, 64);
    let pixel = |at: usize| [(at % width * 2) as u8, (at / width * 3) as u8, (at % 7 * 36) as u8];
    let pixels = (0..width * height).flat_map(pixel).collect();
    let picture = Image::new(width, height, pixels).expect("three bytes a pixel");
    Ok(model.embed_pictures(&[picture])?.rows().iter().copied().collect())
}

fn write(rows: &mut RowWriter, batch: &EmbeddedBatch, raw: bool) -> Result<(), PretrainedError> {
    if raw {
        rows.write(&batch.vectors)?;
    } else if let Some(unit) = batch.unit()? {
        rows.write(unit.rows().as_slice().expect("rows lie behind one another"))?;
    }
    rows.flush()
}

fn write_lists(out: &Path, done: &Done) -> Result<(), PretrainedError> {
    let damaged: Vec<String> = done.damaged.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    // Also when it is empty: the list of an earlier run is not true any more.
    for (path, lines) in [(list(out, "txt"), &done.names), (list(out, "damaged.txt"), &damaged)] {
        let text: String = lines.iter().map(|line| on_a_line(line) + "\n").collect();
        fs::write(&path, text).map_err(PretrainedError::io("write", &path))?;
    }
    Ok(())
}

fn list(out: &Path, ending: &str) -> PathBuf {
    out.with_extension(ending)
}

fn on_a_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// A file that is whole already: nothing is missing if it holds these pictures by this model.
fn finished(model: &Model, pictures: &Pictures, out: &Path, begun: &Begun) -> Result<EmbedSummary, PretrainedError> {
    let refuse = |reason: String| PretrainedError::NoResume { path: out.to_path_buf(), reason };
    let read = |ending: &str| {
        let path = list(out, ending);
        fs::read_to_string(&path).map_err(|error| refuse(format!("it is whole, but {}: {error}", path.display())))
    };
    let (names, damaged) = (read("txt")?, read("damaged.txt")?);
    let (mut names, mut damaged) = (names.lines().peekable(), damaged.lines().peekable());
    let (mut rows, mut first) = (0, None);
    for index in 0..pictures.len() {
        let name = on_a_line(&pictures.name(index));
        if names.next_if_eq(&name.as_str()).is_some() {
            rows += 1;
            first.get_or_insert(index);
        } else if damaged.next_if(|line| line.starts_with(&format!("{name}: "))).is_none() {
            return Err(refuse(format!("it is whole, and {name} is not where it would have to be in it")));
        }
    }
    let count = pictures.len() - rows;
    if let Some(name) = names.next().or(damaged.next()) {
        return Err(refuse(format!("it is whole, and holds {name}, which is not there any more")));
    }
    let width = begun.probe.len();
    if let Some(index) = first {
        let found = first_row(out, width).map_err(PretrainedError::io("read", out))?;
        let batch = model.batches(pictures, 1, 1, index)?.next().transpose()?.unwrap_or_default();
        let expected = match begun.raw {
            true => batch.vectors,
            false => batch.unit()?.map(|unit| unit.rows().iter().copied().collect()).unwrap_or_default(),
        };
        let size = expected.iter().fold(1.0f32, |size, value| size.max(value.abs()));
        let [was, is] = [found, expected]
            .map(|row| Begun { raw: begun.raw, probe: row.into_iter().map(|value| value / size).collect() });
        was.check(&is).map_err(|_| refuse("it is whole, and by another model or with other options".to_string()))?;
    }
    Ok(EmbedSummary { rows, width, damaged: count, resumed: pictures.len(), seconds: 0.0 })
}

fn first_row(out: &Path, width: usize) -> std::io::Result<Vec<f32>> {
    let (mut file, mut bytes) = (File::open(out)?, vec![0; 4 * width]);
    file.seek(SeekFrom::Start(HEADER))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
}
