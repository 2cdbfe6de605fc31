//! Vectors into a `.npy` or safetensors file, row by row: how many there are is written at the end.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes of either header; its text is filled up with blanks.
const HEADER: usize = 128;

/// What the file is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RowFormat {
    /// NumPy's, version 1.0.
    Npy,
    /// One tensor called `embeddings`.
    Safetensors,
}

impl RowFormat {
    /// By the ending of the name.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("npy") => Ok(RowFormat::Npy),
            Some("safetensors") => Ok(RowFormat::Safetensors),
            _ => Err(format!("{} must end in .npy or .safetensors", path.display())),
        }
    }

    fn header(self, rows: usize, width: usize) -> Vec<u8> {
        let (mut bytes, text) = match self {
            RowFormat::Npy => {
                let mut start = b"\x93NUMPY\x01\x00".to_vec();
                start.extend(((HEADER - 10) as u16).to_le_bytes());
                (start, format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}"))
            }
            RowFormat::Safetensors => {
                let (end, shape) = (rows * width * 4, [rows, width]);
                let text =
                    serde_json::json!({"embeddings": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}});
                (((HEADER - 8) as u64).to_le_bytes().to_vec(), text.to_string())
            }
        };
        bytes.extend(text.into_bytes());
        bytes.resize(HEADER, b' ');
        if let RowFormat::Npy = self {
            bytes[HEADER - 1] = b'\n';
        }
        bytes
    }
}

/// A file that appears under its name when it is whole.
pub(crate) struct RowWriter {
    target: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    format: RowFormat,
    rows: usize,
    width: usize,
}

impl RowWriter {
    pub(crate) fn create(target: &Path) -> Result<Self, String> {
        let format = RowFormat::of(target)?;
        let part = target.with_added_extension("part");
        let begin = || {
            let mut file = BufWriter::new(File::create(&part)?);
            file.write_all(&[0; HEADER]).map(|()| file)
        };
        let file = begin().map_err(|error| format!("{}: {error}", part.display()))?;
        Ok(RowWriter { target: target.to_path_buf(), part, file, format, rows: 0, width: 0 })
    }

    /// Adds rows of one width, which is that of all others.
    pub(crate) fn write(&mut self, values: impl Iterator<Item = f32>, width: usize) -> std::io::Result<()> {
        let mut count = 0;
        for value in values {
            self.file.write_all(&value.to_le_bytes())?;
            count += 1;
        }
        (self.rows, self.width) = (self.rows + count / width, width);
        Ok(())
    }

    /// Writes the header and gives the file its name; returns rows and width.
    pub(crate) fn finish(mut self) -> Result<[usize; 2], String> {
        let mut end = || {
            self.file.rewind()?;
            self.file.write_all(&self.format.header(self.rows, self.width))?;
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.part, &self.target)
        };
        end().map_err(|error| format!("{}: {error}", self.target.display()))?;
        Ok([self.rows, self.width])
    }
}
