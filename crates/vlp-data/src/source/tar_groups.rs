//! Members of a shard to samples, by their keys.

use std::collections::HashMap;

use super::tar_scan::{Entry, Scan, Span};
use super::unread;
use crate::DamageKind;
use crate::formats::rank;

/// The part of a sample that a member gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A picture; the lowest rank goes before the others.
    Image {
        rank: usize,
    },
    Text,
    Json,
}

impl Part {
    /// By the field of the name; `text` is that of captions.
    pub(super) fn of(field: &str, text: &str) -> Option<Self> {
        match field {
            _ if field == text => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => rank(field).map(|rank| Self::Image { rank }),
        }
    }
}

/// What is known of one part.
type Found = Result<Span, DamageKind>;

#[derive(Default)]
struct Group {
    key: String,
    /// Rank, name and place of each picture.
    images: Vec<(usize, Box<str>, Found)>,
    text: Option<Found>,
    json: Option<Found>,
    /// The end of the archive may have taken parts of it away.
    cut: bool,
}

impl Group {
    fn has(&self, part: Part) -> bool {
        match part {
            Part::Image { rank } => self.images.iter().any(|&(other, ..)| other == rank),
            Part::Text => self.text.is_some(),
            Part::Json => self.json.is_some(),
        }
    }

    fn has_kind(&self, part: Part) -> bool {
        match part {
            Part::Image { .. } => !self.images.is_empty(),
            part => self.has(part),
        }
    }

    /// Which kinds of parts there are.
    fn parts(&self) -> [bool; 3] {
        [!self.images.is_empty(), self.text.is_some(), self.json.is_some()]
    }

    fn is_damaged(&self) -> bool {
        self.cut
            || self.images.iter().any(|(.., found)| found.is_err())
            || matches!(self.text, Some(Err(_)))
            || matches!(self.json, Some(Err(_)))
    }
}

/// The samples of a shard, in the order of their first members.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// The last sample of each key.
    by_key: HashMap<String, usize>,
    repeated: (u64, Option<String>),
}

impl Groups {
    /// Adds a member to the sample of its key.
    ///
    /// As in open_clip a member begins a new sample of the same key where the sample before it has that part. A member that does
    /// not lie beside its sample, which open_clip loses, still joins it if there is nothing of its kind.
    pub(super) fn add(&mut self, key: &str, name: &str, part: Part, found: Found) {
        let at = match self.by_key.get(key) {
            Some(&at) => {
                let beside = at + 1 == self.groups.len();
                let group = &self.groups[at];
                let taken = if beside { group.has(part) } else { group.has_kind(part) };
                (!taken).then_some(at)
            }
            None => None,
        };
        let at = at.unwrap_or_else(|| {
            if self.by_key.insert(key.to_owned(), self.groups.len()).is_some() {
                self.repeated.0 += 1;
                self.repeated.1.get_or_insert_with(|| key.to_owned());
            }
            self.groups.push(Group { key: key.to_owned(), ..Group::default() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        match part {
            Part::Image { rank } => group.images.push((rank, name.into(), found)),
            Part::Text => group.text = Some(found),
            Part::Json => group.json = Some(found),
        }
    }

    /// In an archive without a proper end the last sample may lack members, which its neighbour tells.
    pub(super) fn check_last(&mut self) {
        if let [.., before, last] = self.groups.as_mut_slice()
            && !last.is_damaged()
            && !before.is_damaged()
            && last.parts() != before.parts()
        {
            last.cut = true;
        }
    }

    pub(super) fn into_scan(self, scan: &mut Scan) {
        scan.repeated = self.repeated;
        for group in self.groups {
            if let Some(entry) = group.into_entry(scan) {
                scan.entries.push(entry);
            }
        }
    }
}

impl Group {
    /// The sample, if it has all it needs; what is wrong is counted, once a sample.
    fn into_entry(mut self, scan: &mut Scan) -> Option<Entry> {
        if self.cut {
            scan.tally.add(DamageKind::Cut);
            return None;
        }
        self.images.sort_by_key(|&(rank, ..)| rank);
        let (text, json) = (self.text.transpose(), self.json.transpose());
        // A part that the end of the shard has cut says nothing of what came after it.
        let is_cut = |found: &Result<Option<Span>, DamageKind>| *found == Err(DamageKind::Cut);
        if is_cut(&text) || is_cut(&json) {
            scan.tally.add(DamageKind::Cut);
            return None;
        }
        let mut images = self.images.into_iter();
        let Some((_, _, image)) = images.next() else {
            let damage = text.err().or(json.err());
            scan.tally.add(damage.unwrap_or(DamageKind::NoImage));
            return None;
        };
        for (_, name, _) in images {
            unread::count(&mut scan.left_out, unread::SECOND_PICTURE, &name);
        }
        let image = match image {
            Ok(image) => image,
            Err(damage) => {
                scan.tally.add(damage);
                return None;
            }
        };
        // Metadata that nobody needs destroys nothing.
        match (text, json) {
            (Ok(Some(text)), json) => {
                Some(Entry { key: self.key.into(), image, text: Some(text), json: json.ok().flatten() })
            }
            (Ok(None), Ok(Some(json))) => Some(Entry { key: self.key.into(), image, text: None, json: Some(json) }),
            (Ok(None), Ok(None)) => {
                scan.tally.add(DamageKind::NoCaption);
                scan.without_text += 1;
                None
            }
            (Err(damage), _) | (_, Err(damage)) => {
                scan.tally.add(damage);
                None
            }
        }
    }
}
