use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};

use tar::{Archive, EntryType};

use super::Frugal;
use crate::{Damage, DamageKind, Limits, Tally};

/// Where a member's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// One sample of a shard.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Box<str>,
    pub(super) image: Span,
    pub(super) text: Option<Span>,
    pub(super) json: Option<Span>,
}

/// What one pass over a shard found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Samples with a picture and something that may hold a caption, in the order of their first members.
    pub(super) entries: Vec<Entry>,
    /// Pictures without any text, which `entries` leaves out.
    pub(super) without_text: usize,
    pub(super) tally: Tally,
    /// Damage that concerns more than one sample, in words.
    pub(super) warnings: Vec<String>,
}

/// The part of a sample that a member gives.
#[derive(Clone, Copy)]
enum Part {
    Image,
    Text,
    Json,
}

#[derive(Default)]
struct Group {
    key: String,
    image: Option<Span>,
    text: Option<Span>,
    json: Option<Span>,
    damaged: bool,
}

/// Length of a header and multiple of every member's room, in bytes.
const BLOCK: u64 = 512;

impl Group {
    /// Which parts there are.
    fn parts(&self) -> [bool; 3] {
        [self.image, self.text, self.json].map(|part| part.is_some())
    }
}

/// Header blocks and the extended headers before one member may not be longer than this.
const HEADER_BYTES: u64 = 1 << 20;

/// Reads the headers of a shard, seeking over the data. `text` is what members with captions end in.
///
/// # Errors
/// When the file cannot be read at all; damage inside is counted instead.
pub(super) fn scan(file: &File, text: &str, limits: &Limits) -> io::Result<Scan> {
    let length = file.metadata()?.len();
    let budget = Cell::new(HEADER_BYTES);
    let mut archive = Archive::new(Frugal {
        // Small: between headers the reader seeks, which empties the buffer.
        inner: BufReader::with_capacity(1024, file),
        budget: &budget,
        what: "a header of more than 1 MiB",
    });
    let mut scan = Scan::default();
    let mut groups = Groups::default();
    let mut end = 0;
    for entry in archive.entries_with_seek()? {
        budget.set(HEADER_BYTES);
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                scan.tally.add(DamageKind::Archive);
                scan.warnings.push(format!("broken after byte {end} of {length}: {error}; what follows is lost"));
                break;
            }
        };
        let (offset, size) = (entry.raw_file_position(), entry.size());
        end = offset.saturating_add(size);
        match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let name = entry.path_bytes();
        let Some((key, extension)) = split_name(&name) else {
            scan.tally.add(DamageKind::Name);
            continue;
        };
        let Some(part) = part_of(&extension, text) else {
            continue;
        };
        let group = groups.of(key);
        let limit = match part {
            Part::Image => limits.entry_bytes.min(u64::from(u32::MAX)),
            Part::Text => limits.caption_bytes,
            Part::Json => limits.metadata_bytes,
        };
        let damage = if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            Some(DamageKind::NotRegular)
        } else if end > length {
            scan.warnings.push(format!(
                "ends inside `{key}.{extension}`, {} bytes short; what comes before is kept",
                end - length
            ));
            Some(DamageKind::Cut)
        } else if size > limit {
            Some(DamageKind::TooLarge)
        } else {
            let span = Span { offset, length: size as u32 };
            let slot = match part {
                Part::Image => &mut group.image,
                Part::Text => &mut group.text,
                Part::Json => &mut group.json,
            };
            slot.replace(span).map(|_| DamageKind::Duplicate)
        };
        if let Some(kind) = damage {
            scan.tally.add(kind);
            group.damaged = true;
        }
        if damage == Some(DamageKind::Cut) {
            break;
        }
    }
    if scan.warnings.is_empty() && end > 0 && !has_end_marker(end, length) {
        scan.warnings.push("has no end-of-archive marker and may be cut off; what is whole is kept".to_owned());
    }
    if !scan.warnings.is_empty() {
        groups.check_last(&mut scan.tally);
    }
    groups.into_scan(&mut scan);
    Ok(scan)
}

/// Whether a block follows the last member's padding, where an archive of this length has its zeros.
fn has_end_marker(end: u64, length: u64) -> bool {
    end.next_multiple_of(BLOCK) + BLOCK <= length
}

/// The groups of a shard by key, in the order of their first members.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_key: HashMap<String, usize>,
}

impl Groups {
    fn of(&mut self, key: &str) -> &mut Group {
        let at = match self.by_key.get(key) {
            Some(&at) => at,
            None => {
                self.by_key.insert(key.to_owned(), self.groups.len());
                self.groups.push(Group { key: key.to_owned(), ..Group::default() });
                self.groups.len() - 1
            }
        };
        &mut self.groups[at]
    }

    /// In an archive without a proper end the last sample may lack members, which its neighbour tells.
    fn check_last(&mut self, tally: &mut Tally) {
        if let [.., before, last] = self.groups.as_mut_slice()
            && !last.damaged
            && !before.damaged
            && last.parts() != before.parts()
        {
            tally.add(DamageKind::Cut);
            last.damaged = true;
        }
    }

    fn into_scan(self, scan: &mut Scan) {
        for group in self.groups {
            // What made it damaged is counted already.
            if group.damaged {
                continue;
            }
            let Some(image) = group.image else {
                scan.tally.add(Damage::NoImage.kind());
                continue;
            };
            if group.text.is_none() && group.json.is_none() {
                scan.tally.add(Damage::NoCaption.kind());
                scan.without_text += 1;
                continue;
            }
            scan.entries.push(Entry { key: group.key.into(), image, text: group.text, json: group.json });
        }
    }
}

fn part_of(extension: &str, text: &str) -> Option<Part> {
    match extension {
        _ if extension == text => Some(Part::Text),
        "png" | "jpg" | "jpeg" | "webp" => Some(Part::Image),
        "json" => Some(Part::Json),
        _ => None,
    }
}

/// Key (up to the first dot of the file name) and extension (the rest, in lower case); none for a name that is refused.
///
/// Nothing is ever written under these names, but they end up in logs and tables, and in other tools.
fn split_name(name: &[u8]) -> Option<(&str, String)> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    if climbs || name.starts_with(['/', '\\']) || name.len() > 255 || name.contains(char::is_control) {
        return None;
    }
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[file..].find('.').map_or(name.len(), |dot| file + dot);
    let extension = name.get(dot + 1..).unwrap_or_default();
    Some((&name[..dot], extension.to_ascii_lowercase()))
}
