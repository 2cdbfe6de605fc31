use serde_json::{Map, Value};

use crate::Damage;
use crate::python_json::parse_object;

/// The fields of a sample beside picture and captions, such as its `.json` member; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    fields: Map<String, Value>,
    unreadable: Option<Box<str>>,
}

impl Metadata {
    /// Reads an object as Python's `json` does: not-a-number and infinities become null, halves of surrogate pairs U+FFFD.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let fields = parse_object(bytes).map_err(Damage::Metadata)?;
        Ok(Self { fields, unreadable: None })
    }

    /// The same for metadata that the sample can do without: what cannot be read leaves it without fields.
    pub(crate) fn parse_or_note(bytes: &[u8]) -> Self {
        match parse_object(bytes) {
            Ok(fields) => Self { fields, unreadable: None },
            Err(reason) => Self::noted(&reason),
        }
    }

    /// No fields, for this reason.
    pub(crate) fn noted(reason: &str) -> Self {
        Self { fields: Map::new(), unreadable: Some(reason.into()) }
    }

    pub(crate) fn insert(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    pub(crate) fn remove(&mut self, field: &str) {
        self.fields.remove(field);
    }

    pub(crate) fn fields_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.fields
    }

    /// All fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A field as it stands in the file.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    /// A field that holds a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field)?.as_str()
    }

    /// Why there are no fields although the sample has a `.json`; its caption is written elsewhere, so that it can be used.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }
}
