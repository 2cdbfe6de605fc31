use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Pos, Synonyms};
use crate::{AugmentError, open_regular};

pub(super) fn read(folder: &Path) -> Result<Synonyms, AugmentError> {
    let mut synonyms = Synonyms::default();
    for pos in Pos::ALL {
        let offsets = read_data(&File::open(folder, "data", pos)?, &mut synonyms)?;
        check_index(&File::open(folder, "index", pos)?, pos, &offsets)?;
        let exceptions = folder.join(format!("{}.exc", pos.suffix()));
        if exceptions.exists() {
            read_exceptions(&File::read(exceptions)?, pos, &mut synonyms)?;
        }
    }
    Ok(synonyms)
}

struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn open(folder: &Path, kind: &str, pos: Pos) -> Result<Self, AugmentError> {
        Self::read(folder.join(format!("{kind}.{}", pos.suffix())))
    }

    fn read(path: PathBuf) -> Result<Self, AugmentError> {
        match open_regular(&path).and_then(std::io::read_to_string) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => Err(AugmentError::Read { path, message: error.to_string() }),
        }
    }

    fn damage(&self, line: usize, message: String) -> AugmentError {
        AugmentError::Dictionary { path: self.path.clone(), line: line + 1, message }
    }

    /// Number, place and text of each line, without the licence at the head, whose lines begin with two spaces.
    fn lines(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        let mut place = 0;
        let lines = self.text.split_inclusive('\n').enumerate().map(move |(number, line)| {
            let start = place;
            place += line.len();
            (number, start, line.trim_end())
        });
        lines.filter(|(_, _, line)| !line.starts_with("  "))
    }
}

/// Lines `offset file type count (lemma id)... pointers | gloss`, the count in hexadecimal. Returns where they start.
fn read_data(file: &File, synonyms: &mut Synonyms) -> Result<HashSet<usize>, AugmentError> {
    let mut offsets = HashSet::new();
    for (number, start, line) in file.lines() {
        let damage = |what: &str| file.damage(number, what.to_owned());
        let (head, _) = line.split_once(" | ").ok_or_else(|| damage("the gloss after ` | ` is missing"))?;
        let mut fields = head.split(' ');
        let mut field = |what: &str| fields.next().ok_or_else(|| damage(&format!("the line ends before {what}")));
        let offset = field("its own place")?;
        if offset.parse() != Ok(start) {
            let message = format!("the line says that it starts at byte {offset} but starts at byte {start}");
            return Err(file.damage(number, message));
        }
        offsets.insert(start);
        field("the number of its file")?;
        let letter = field("the part of speech")?;
        let pos = Pos::from_letter(letter).ok_or_else(|| damage(&format!("`{letter}` is no part of speech")))?;
        let count = field("the number of lemmas")?;
        let count = usize::from_str_radix(count, 16)
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| damage(&format!("`{count}` is no hexadecimal number of lemmas")))?;
        let mut lemmas = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let lemma = field("all its lemmas")?;
            // Adjectives may carry where they stand: `(a)`, `(p)`, `(ip)`.
            lemmas.push(lemma.split('(').next().unwrap_or_default().to_owned());
            field("the number of a lemma's sense")?;
        }
        synonyms.insert(pos, lemmas);
    }
    Ok(offsets)
}

/// Lines `lemma pos synsets pointers (pointer)... senses tagged (offset)...`: the offsets at the end must be lines of data.
fn check_index(file: &File, pos: Pos, offsets: &HashSet<usize>) -> Result<(), AugmentError> {
    for (number, _, line) in file.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let count = |at: usize| fields.get(at).and_then(|field| field.parse::<usize>().ok());
        let (Some(synsets), Some(pointers)) = (count(2), count(3)) else {
            return Err(file.damage(number, "the numbers of synsets and pointers are missing".to_owned()));
        };
        let found = &fields[fields.len().min(pointers.saturating_add(6))..];
        if found.len() != synsets {
            let message = format!("`{}` has {} places of synsets but says {synsets}", fields[0], found.len());
            return Err(file.damage(number, message));
        }
        let lost = found.iter().find(|offset| !offset.parse().is_ok_and(|offset| offsets.contains(&offset)));
        if let Some(lost) = lost {
            let message = format!("`{}` points at byte {lost}, where data.{} has no line", fields[0], pos.suffix());
            return Err(file.damage(number, message));
        }
    }
    Ok(())
}

/// Lines `form base...`.
fn read_exceptions(file: &File, pos: Pos, synonyms: &mut Synonyms) -> Result<(), AugmentError> {
    for (number, _, line) in file.lines().filter(|(_, _, line)| !line.is_empty()) {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(form), true) = (words.next(), line.contains(' ')) else {
            return Err(file.damage(number, format!("`{line}` names no base form")));
        };
        synonyms.insert_exception(pos, &form, words);
    }
    Ok(())
}
