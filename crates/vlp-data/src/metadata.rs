use serde_json::{Map, Value};

use crate::Damage;

/// The fields of a sample beside picture and captions, such as its `.json` member; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    fields: Map<String, Value>,
}

impl Metadata {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let fields = serde_json::from_slice(bytes).map_err(|error| Damage::Metadata(error.to_string()))?;
        Ok(Self { fields })
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
}
