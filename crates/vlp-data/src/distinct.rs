//! What no two rows of a batch may share.

use std::collections::BTreeSet;

use crate::nearest::nearest;
use crate::source::ColumnRole;
use crate::{Annotation, Damage, DataError, Dataset};

/// Names that stand for picture and caption whatever the source calls them.
const PICTURE: &str = "picture";
const CAPTION: &str = "caption";

/// Samples looked at before a name counts as unknown.
const LOOKED_AT: usize = 256;

impl Dataset {
    /// The values of a field that may occur once in a batch; none where the sample has no such field.
    pub(crate) fn distinct_values(&self, index: usize, annotation: &Annotation, field: &str) -> Vec<String> {
        if let Some(value) = annotation.metadata.get(field) {
            // Numbers and other values count by how they are written.
            return vec![value.as_str().map_or_else(|| value.to_string(), str::to_owned)];
        }
        let role = self.role(index, field).or(match field {
            PICTURE => Some(ColumnRole::Picture),
            CAPTION => Some(ColumnRole::Caption),
            _ => None,
        });
        match role {
            Some(ColumnRole::Picture) => vec![self.name(index)],
            Some(ColumnRole::Caption) => {
                std::iter::once(&annotation.caption).chain(&annotation.other_captions).cloned().collect()
            }
            None => Vec::new(),
        }
    }

    /// Refuses a field that none of many samples has.
    pub(crate) fn check_field(&self, field: &str) -> Result<(), DataError> {
        let mut names = BTreeSet::from([PICTURE.to_owned(), CAPTION.to_owned()]);
        let every = self.len().div_ceil(LOOKED_AT).max(1);
        let mut looked_at = 0;
        for index in (0..self.len()).step_by(every) {
            let annotation = match self.annotation(index) {
                Ok(annotation) => annotation,
                Err(Damage::Unreachable(unreachable)) => return Err(DataError::Unreachable(unreachable)),
                Err(_) => continue,
            };
            if !self.distinct_values(index, &annotation, field).is_empty() {
                return Ok(());
            }
            looked_at += 1;
            names.extend(annotation.metadata.fields().keys().cloned());
        }
        if looked_at == 0 {
            return Ok(());
        }
        let nearest = nearest(field, names.iter().map(String::as_str));
        let nearest = nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        let names = names.iter().take(30).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Err(DataError::UnknownField { field: field.to_owned(), looked_at, names, nearest })
    }
}
