use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::PretrainedError;

/// Bytes of either header; its text is filled up with blanks.
pub(super) const HEADER: u64 = 128;

/// Which file rows of numbers go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// NumPy's, version 1.0.
    Npy,
    /// One tensor called `embeddings`.
    Safetensors,
}

impl RowFormat {
    /// By the ending of the name.
    ///
    /// # Errors
    /// When it is neither.
    pub fn of(path: &Path) -> Result<Self, PretrainedError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("npy") => Ok(RowFormat::Npy),
            Some("safetensors") => Ok(RowFormat::Safetensors),
            _ => Err(PretrainedError::Ending { path: path.to_path_buf() }),
        }
    }

    fn header(self, rows: usize, width: usize) -> Vec<u8> {
        let size = HEADER as usize;
        let (mut bytes, text) = match self {
            RowFormat::Npy => {
                let mut start = b"\x93NUMPY\x01\x00".to_vec();
                start.extend(((size - 10) as u16).to_le_bytes());
                (start, format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}"))
            }
            RowFormat::Safetensors => {
                let (end, shape) = (rows * width * 4, [rows, width]);
                let text =
                    serde_json::json!({"embeddings": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}});
                (((size - 8) as u64).to_le_bytes().to_vec(), text.to_string())
            }
        };
        bytes.extend(text.into_bytes());
        bytes.resize(size, b' ');
        if let RowFormat::Npy = self {
            bytes[size - 1] = b'\n';
        }
        bytes
    }
}

/// Rows of numbers into a file that appears under its name when it is whole; how many there are is written at the end.
#[derive(Debug)]
pub struct RowWriter {
    target: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    format: RowFormat,
    rows: usize,
    width: usize,
}

impl RowWriter {
    /// Begins a file for rows of `width` numbers, as `target` with `.part` behind it.
    ///
    /// # Errors
    /// When the name has another ending than `.npy` and `.safetensors`, or the file cannot be made.
    pub fn create(target: &Path, width: usize) -> Result<Self, PretrainedError> {
        Self::begin(target, width, 0, OpenOptions::new().write(true).create(true).truncate(true))
    }

    /// Goes on behind the first `rows` rows of a file that was not finished.
    ///
    /// # Errors
    /// As [`create`](Self::create), and when the file is not there.
    pub fn resume(target: &Path, width: usize, rows: usize) -> Result<Self, PretrainedError> {
        Self::begin(target, width, rows, OpenOptions::new().write(true))
    }

    fn begin(target: &Path, width: usize, rows: usize, options: &OpenOptions) -> Result<Self, PretrainedError> {
        let format = RowFormat::of(target)?;
        let part = part(target);
        let end = HEADER + (rows * width * 4) as u64;
        let begin = || {
            refuse_pipe(&part)?;
            let mut file = options.open(&part)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            Ok(BufWriter::with_capacity(1 << 18, file))
        };
        let file = begin().map_err(PretrainedError::io("write", &part))?;
        Ok(RowWriter { target: target.to_path_buf(), part, file, format, rows, width })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// When the numbers are no whole rows.
    pub fn write(&mut self, values: &[f32]) -> Result<(), PretrainedError> {
        assert!(values.len().is_multiple_of(self.width), "{} numbers are no rows of {}", values.len(), self.width);
        let mut write = || values.iter().try_for_each(|value| self.file.write_all(&value.to_le_bytes()));
        write().map_err(PretrainedError::io("write", &self.part))?;
        self.rows += values.len() / self.width;
        Ok(())
    }

    /// Hands everything written so far to the system, where it survives the end of this program.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), PretrainedError> {
        self.file.flush().map_err(PretrainedError::io("write", &self.part))
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the header and gives the file its name; returns rows and width.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<[usize; 2], PretrainedError> {
        let mut end = || {
            self.file.rewind()?;
            self.file.write_all(&self.format.header(self.rows, self.width))?;
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.part, &self.target)
        };
        end().map_err(PretrainedError::io("write", &self.target))?;
        Ok([self.rows, self.width])
    }
}

/// Where the rows lie until they are whole.
pub(super) fn part(target: &Path) -> PathBuf {
    target.with_added_extension("part")
}

/// A pipe where a file is to be written would be waited for.
pub(super) fn refuse_pipe(path: &Path) -> std::io::Result<()> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => {
            Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file"))
        }
        _ => Ok(()),
    }
}
