use std::path::{Path, PathBuf};

use super::files::read_file;
use super::{ColumnRole, Picture, Source};
use crate::fingerprint::Fingerprint;
use crate::{Annotation, Damage, DataError, LeftOut, Limits, Metadata, Tally, printable};

/// One line of a table of picture files.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Path of the picture as the table has it.
    pub path: String,
    /// Captions; those without text are left out when the row is added.
    pub captions: Vec<String>,
    /// The other columns.
    pub metadata: Metadata,
}

/// Pictures in files of their own, listed in a table with their captions: CSV, JSON lines, folders, CC3M's arrays.
#[derive(Debug)]
pub struct Table {
    /// The table, for messages.
    pub(super) origin: String,
    /// What relative paths begin from.
    pub(super) root: PathBuf,
    pub(super) rows: Vec<Row>,
    pub(super) limits: Limits,
    pub(super) tally: Tally,
    pub(super) warnings: Vec<String>,
    pub(super) left_out: LeftOut,
    /// Names of the columns or fields of picture and caption.
    pub(super) columns: Option<(String, String)>,
    /// Lines seen, good or not.
    pub(super) seen: usize,
}

/// Warnings beyond this number are only counted.
const MOST_WARNINGS: usize = 20;

impl Table {
    /// An empty table; `origin` is its name in messages, relative paths are looked up below `root`.
    pub fn new(origin: impl Into<String>, root: impl Into<PathBuf>, limits: Limits) -> Self {
        Self {
            origin: origin.into(),
            root: root.into(),
            rows: Vec::new(),
            limits,
            tally: Tally::default(),
            warnings: Vec::new(),
            left_out: LeftOut::default(),
            columns: None,
            seen: 0,
        }
    }

    /// Adds a row if it names a file and has a caption of acceptable length; counts its damage otherwise.
    pub fn push(&mut self, mut row: Row) {
        self.seen += 1;
        row.captions.retain_mut(|caption| {
            *caption = caption.trim().to_owned();
            !caption.is_empty()
        });
        let longest = row.captions.iter().map(String::len).max().unwrap_or_default() as u64;
        let damage = if row.path.is_empty() {
            Damage::NoImage
        } else if row.path.contains('\0') || row.path.len() > 4096 {
            Damage::Name(row.path.chars().take(80).collect())
        } else if row.captions.is_empty() {
            Damage::NoCaption
        } else if longest > self.limits.caption_bytes {
            Damage::TooLarge { member: "caption".to_owned(), bytes: longest, limit: self.limits.caption_bytes }
        } else {
            self.rows.push(row);
            return;
        };
        self.count(&damage);
    }

    /// Counts a row that cannot be read at all.
    pub fn push_damage(&mut self, damage: &Damage) {
        self.seen += 1;
        self.count(damage);
    }

    fn count(&mut self, damage: &Damage) {
        self.tally.add(damage.kind());
        let row = format!("row {}: {damage}", self.seen);
        self.left_out.add(damage.kind().name(), || printable(&row).into_owned());
        self.warn(row);
    }

    /// Adds what lies beside the table's files and is not read.
    pub(super) fn leave_out(&mut self, left_out: &LeftOut) {
        self.left_out.merge(left_out);
    }

    pub(super) fn warn(&mut self, text: String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(printable(&format!("{}: {text}", self.origin)).into_owned());
        }
    }

    /// The table as a source.
    ///
    /// # Errors
    /// When no row can be used; the message says why.
    pub fn finish(self) -> Result<Self, DataError> {
        if self.rows.is_empty() {
            return Err(DataError::NothingKept {
                origin: self.origin,
                read: self.seen as u64,
                kinds: self.tally.to_string(),
                first: self.warnings.first().cloned().unwrap_or_default(),
            });
        }
        Ok(self)
    }

    /// How the columns of picture and caption are called.
    pub(super) fn name_columns(&mut self, image: &str, caption: &str) {
        self.columns.get_or_insert_with(|| (image.to_owned(), caption.to_owned()));
    }

    /// The folder a file lies in.
    pub(super) fn folder_of(path: &Path) -> PathBuf {
        path.parent().map(Path::to_owned).unwrap_or_default()
    }

    pub(super) fn row(&self, index: usize) -> Result<&Row, Damage> {
        self.rows.get(index).ok_or_else(|| Damage::Io(format!("there is no {}", self.name(index))))
    }
}

impl Source for Table {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn name(&self, index: usize) -> String {
        match self.rows.get(index) {
            Some(row) => format!("{}:{}", self.origin, row.path),
            None => format!("sample {index} of {}", self.len()),
        }
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let row = self.row(index)?;
        let (caption, others) = row.captions.split_first().ok_or(Damage::NoCaption)?;
        Ok(Annotation {
            key: row.path.clone(),
            caption: caption.clone(),
            other_captions: others.to_vec(),
            metadata: row.metadata.clone(),
        })
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        // An absolute path replaces the root.
        let written = &self.row(index)?.path;
        let mut path = self.root.join(written);
        // Tables written on Windows.
        if written.contains('\\') && !path.exists() {
            path = self.root.join(written.replace('\\', "/"));
        }
        read_file(&path, self.limits.entry_bytes).map(Picture::Encoded)
    }

    fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for row in &self.rows {
            fingerprint.bytes(row.path.as_bytes());
            row.captions.iter().for_each(|caption| fingerprint.bytes(caption.as_bytes()));
        }
        fingerprint.finish()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn role(&self, column: &str) -> Option<ColumnRole> {
        match &self.columns {
            Some((image, _)) if image == column => Some(ColumnRole::Picture),
            Some((_, caption)) if caption == column => Some(ColumnRole::Caption),
            _ => None,
        }
    }

    fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    fn key(&self, index: usize) -> Result<String, Damage> {
        self.row(index).map(|row| row.path.clone())
    }
}
