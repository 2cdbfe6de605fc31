use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipError;

use super::files::open_file;
use super::npy::{items, read_pickle, texts};
use super::pickle::Value;
use super::positioned::Positioned;
use super::{Picture, Source};
use crate::fingerprint::Fingerprint;
use crate::{Annotation, Damage, DataError, Limits, Metadata, Tally};

/// YFCC15M in the layout of clip-rocket and SLIP: a pickled list of (number, title, description), pictures in zips of a
/// thousand. The picture of number AABBBCCC (eight digits) is the member `CCC.jpg` of `images/AA/BBB.zip`.
///
/// Title and description are the sample's captions, where they have text.
#[derive(Debug)]
pub struct YfccZips {
    table: PathBuf,
    root: PathBuf,
    rows: Vec<(u32, Vec<String>)>,
    limits: Limits,
    tally: Tally,
    recent: Mutex<Vec<(u32, Archive)>>,
}

type Archive = ZipArchive<Positioned>;

/// Archives whose table of contents is kept at hand.
const KEEP: usize = 32;

impl YfccZips {
    /// Reads the table; `root` is the folder that holds `images/`. Nothing in the file is executed.
    ///
    /// # Errors
    /// When the table cannot be read, asks to import anything, or no row can be used.
    pub fn open(table: impl AsRef<Path>, root: impl Into<PathBuf>, limits: Limits) -> Result<Self, DataError> {
        let path = table.as_ref();
        let (pickle, top, mut budget) = read_pickle(path)?;
        let (mut rows, mut tally) = (Vec::new(), Tally::default());
        let items = items(path, &pickle, top)?;
        for &item in items {
            let row = pickle.items(item).and_then(|fields| {
                let (&number, fields) = fields.split_first()?;
                let Value::Int(number) = pickle.get(number) else { return None };
                let number = u32::try_from(*number).ok().filter(|&number| number < 100_000_000)?;
                Some((number, texts(&pickle, fields, &mut budget)))
            });
            let Some((number, texts)) = row else {
                tally.add(Damage::Metadata(String::new()).kind());
                continue;
            };
            budget.check(path)?;
            let captions: Vec<String> = texts.iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect();
            if captions.is_empty() {
                tally.add(Damage::NoCaption.kind());
            } else if captions.iter().any(|caption| caption.len() as u64 > limits.caption_bytes) {
                tally.add(crate::DamageKind::TooLarge);
            } else {
                rows.push((number, captions));
            }
        }
        if rows.is_empty() {
            return Err(DataError::NothingKept {
                origin: path.display().to_string(),
                read: items.len() as u64,
                kinds: tally.to_string(),
                first: "each row is (number, title, description)".to_owned(),
            });
        }
        Ok(Self { table: path.to_owned(), root: root.into(), rows, limits, tally, recent: Mutex::default() })
    }

    fn zip_path(&self, number: u32) -> PathBuf {
        let (folder, zip) = (number / 1_000_000, number / 1000 % 1000);
        self.root.join(format!("images/{folder:02}/{zip:03}.zip"))
    }

    /// A handle of its own on the archive: copies share the table of contents.
    fn archive(&self, number: u32) -> Result<Archive, Damage> {
        let zip = number / 1000;
        let lock = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, archive)) = lock().iter().find(|(known, _)| *known == zip) {
            return Ok(archive.clone());
        }
        let path = self.zip_path(number);
        let file: File = open_file(&path).map_err(|error| Damage::Io(error.to_string()))?;
        let failed = |error: ZipError| Damage::Archive(format!("{}: {error}", path.display()));
        let file = Positioned::new(Arc::new(file)).map_err(|error| Damage::Io(error.to_string()))?;
        let archive = ZipArchive::new(file).map_err(failed)?;
        let mut recent = lock();
        if recent.len() >= KEEP {
            recent.remove(0);
        }
        recent.push((zip, archive.clone()));
        Ok(archive)
    }
}

impl Source for YfccZips {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn name(&self, index: usize) -> String {
        match self.rows.get(index) {
            Some(&(number, _)) => format!("{}:{:03}.jpg", self.zip_path(number).display(), number % 1000),
            None => format!("sample {index} of {} in {}", self.len(), self.table.display()),
        }
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let missing = || Damage::Io(format!("there is no {}", self.name(index)));
        let (number, captions) = self.rows.get(index).ok_or_else(missing)?;
        let (caption, others) = captions.split_first().ok_or(Damage::NoCaption)?;
        let key = format!("{number:08}");
        Ok(Annotation { key, caption: caption.clone(), other_captions: others.to_vec(), metadata: Metadata::default() })
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let missing = || Damage::Io(format!("there is no {}", self.name(index)));
        let &(number, _) = self.rows.get(index).ok_or_else(missing)?;
        let name = self.name(index);
        let failed = |error: &dyn std::fmt::Display| Damage::Archive(format!("{name}: {error}"));
        let mut archive = self.archive(number)?;
        let member = archive.by_name(&format!("{:03}.jpg", number % 1000)).map_err(|error| failed(&error))?;
        let limit = self.limits.entry_bytes;
        if !member.is_file() {
            return Err(Damage::NotRegular(name));
        }
        if member.size() > limit {
            return Err(Damage::TooLarge { member: name, bytes: member.size(), limit });
        }
        let (declared, mut bytes) = (member.size(), Vec::new());
        // One byte more than declared shows that the declaration is wrong.
        member.take(declared + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 != declared {
            return Err(Damage::Cut { member: name });
        }
        Ok(Picture::Encoded(bytes))
    }

    fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for (number, captions) in &self.rows {
            fingerprint.number(u64::from(*number));
            captions.iter().for_each(|caption| fingerprint.bytes(caption.as_bytes()));
        }
        fingerprint.finish()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &[]
    }
}
