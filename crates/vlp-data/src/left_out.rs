use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DamageKind;

/// What was left out, by reason: how often, and three examples each.
///
/// A reason is the name of a kind of damage (`no_caption`) or a few words (`files ending in .heic`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeftOut {
    reasons: BTreeMap<String, Reason>,
}

/// How often something was left out for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// How often.
    pub count: u64,
    /// The first few, in words.
    pub examples: Vec<String>,
}

/// Examples kept for each reason.
const EXAMPLES: usize = 3;

/// Reasons told apart; hostile files could invent more.
const MOST_REASONS: usize = 100;

/// What stands for all further reasons.
const OTHER: &str = "other reasons";

impl LeftOut {
    /// Counts one; the example is only made where it is kept.
    pub fn add(&mut self, reason: &str, example: impl FnOnce() -> String) {
        let known = self.reasons.len() < MOST_REASONS || self.reasons.contains_key(reason);
        let reason = self.reasons.entry(if known { reason } else { OTHER }.to_owned()).or_default();
        reason.count += 1;
        if reason.examples.len() < EXAMPLES {
            reason.examples.push(example());
        }
    }

    /// Counts several without examples.
    pub fn add_count(&mut self, reason: &str, count: u64) {
        self.reasons.entry(reason.to_owned()).or_default().count += count;
    }

    /// Adds what another one has.
    pub fn merge(&mut self, other: &Self) {
        for (name, more) in &other.reasons {
            let reason = self.reasons.entry(name.clone()).or_default();
            reason.count += more.count;
            let room = EXAMPLES - reason.examples.len().min(EXAMPLES);
            reason.examples.extend(more.examples.iter().take(room).cloned());
        }
    }

    /// How often something was left out for this reason.
    pub fn count(&self, reason: &str) -> u64 {
        self.reasons.get(reason).map_or(0, |reason| reason.count)
    }

    /// How often something was left out.
    pub fn total(&self) -> u64 {
        self.reasons.values().map(|reason| reason.count).sum()
    }

    /// How many samples and pictures were left out: all but files that are neither, and rows whose picture img2dataset never fetched.
    pub fn lost(&self) -> u64 {
        self.iter().filter(|(name, _)| !is_no_loss(name)).map(|(_, reason)| reason.count).sum()
    }

    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The reasons by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Reason)> {
        self.reasons.iter().map(|(name, reason)| (name.as_str(), reason))
    }
}

/// Whether what is left out for this reason is neither a sample nor a picture.
fn is_no_loss(reason: &str) -> bool {
    const PICTURES: [&str; 22] = [
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "avif",
        "heic", "heif", "hif", "jxl", "jp2", "j2k", "jpx",
    ];
    match reason.strip_prefix("files ending in .") {
        Some(ending) => !PICTURES.contains(&ending),
        None => ["hidden files", "files without an ending", DamageKind::NotFetched.name()].contains(&reason),
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reasons.is_empty() {
            return f.write_str("nothing");
        }
        for (number, (name, reason)) in self.reasons.iter().enumerate() {
            let line = if number == 0 { "" } else { "\n" };
            write!(f, "{line}{} x {name}", reason.count)?;
            for example in &reason.examples {
                write!(f, "\n    {example}")?;
            }
        }
        Ok(())
    }
}
