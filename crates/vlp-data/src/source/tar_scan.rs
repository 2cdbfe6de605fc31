use std::cell::Cell;
use std::io::{self, BufReader};

use tar::{Archive, EntryType};

use super::Frugal;
use super::positioned::Positioned;
use super::tar_groups::{Groups, Part};
use super::tar_options::{KeyRule, TarOptions};
use super::unread;
use crate::{DamageKind, LeftOut, Limits, Tally};

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
    /// Members that belong to no sample.
    pub(super) left_out: LeftOut,
    /// Samples whose key another one has too, and the first such key.
    pub(super) repeated: (u64, Option<String>),
    /// Damage that concerns more than one sample, in words.
    pub(super) warnings: Vec<String>,
}

/// Length of a header and multiple of every member's room, in bytes.
const BLOCK: u64 = 512;

/// Header blocks and the extended headers before one member may not be longer than this.
const HEADER_BYTES: u64 = 1 << 20;

/// Reads the headers of a shard, seeking over the data. `text` is the field of members with captions.
///
/// # Errors
/// When the file cannot be read at all; damage inside is counted instead.
pub(super) fn scan(file: &Positioned, text: &str, options: &TarOptions, limits: &Limits) -> io::Result<Scan> {
    let length = file.len();
    let budget = Cell::new(HEADER_BYTES);
    let mut archive = Archive::new(Frugal {
        // Small: between headers the reader seeks, which empties the buffer.
        inner: BufReader::with_capacity(1024, file.clone()),
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
        let Some(name) = acceptable(&name) else {
            scan.tally.add(DamageKind::Name);
            continue;
        };
        let Some((key, field)) = split_name(name, options.key) else {
            unread::count_file(&mut scan.left_out, name);
            continue;
        };
        let Some(part) = Part::of(&field, text) else {
            let ends_in_part = field.rsplit_once('.').is_some_and(|(_, ending)| Part::of(ending, text).is_some());
            match ends_in_part {
                true => unread::count(&mut scan.left_out, unread::DOT_IN_KEY, name),
                false => unread::count_file(&mut scan.left_out, name),
            }
            continue;
        };
        let limit = match part {
            Part::Image { .. } => limits.entry_bytes.min(u64::from(u32::MAX)),
            Part::Text => limits.caption_bytes,
            Part::Json => limits.metadata_bytes,
        };
        let damage = if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            Err(DamageKind::NotRegular)
        } else if end > length {
            scan.warnings
                .push(format!("ends inside `{name}`, {} bytes short; what comes before is kept", end - length));
            Err(DamageKind::Cut)
        } else if size > limit {
            Err(DamageKind::TooLarge)
        } else {
            Ok(Span { offset, length: size as u32 })
        };
        groups.add(key, name, part, damage);
        if damage == Err(DamageKind::Cut) {
            break;
        }
    }
    if scan.warnings.is_empty() && end > 0 && !has_end_marker(end, length) {
        scan.warnings.push("has no end-of-archive marker and may be cut off; what is whole is kept".to_owned());
    }
    if !scan.warnings.is_empty() {
        groups.check_last();
    }
    groups.into_scan(&mut scan);
    Ok(scan)
}

/// Whether a block follows the last member's padding, where an archive of this length has its zeros.
fn has_end_marker(end: u64, length: u64) -> bool {
    end.next_multiple_of(BLOCK) + BLOCK <= length
}

/// Longer names are refused; no file system has them.
const MOST_NAME_BYTES: usize = 4096;

/// A member's name, if it is one to show and to work with; none for a name that is refused.
///
/// Nothing is ever written under these names, but they end up in logs and tables, and in other tools.
fn acceptable(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    let refused =
        climbs || name.starts_with(['/', '\\']) || name.len() > MOST_NAME_BYTES || name.contains(char::is_control);
    (!refused).then_some(name)
}

/// Key and field (the rest, in lower case); none for hidden files, and for names without a dot.
fn split_name(name: &str, rule: KeyRule) -> Option<(&str, String)> {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = match rule {
        KeyRule::FirstDot => name[file..].find('.')?,
        KeyRule::LastDot => name[file..].rfind('.')?,
    };
    let hidden = name[file..].starts_with('.');
    (!hidden).then(|| (&name[..file + dot], name[file + dot + 1..].to_ascii_lowercase()))
}
