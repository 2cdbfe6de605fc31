use super::clip_benchmark::Export;
use super::field_names::CaptionFields;
use super::tar_options::TarOptions;
use crate::{Damage, Metadata};

/// How the captions of a shard's samples are found.
#[derive(Debug)]
pub(super) struct Reading {
    fields: CaptionFields,
    export: Option<Export>,
}

impl Reading {
    /// `export` is that of CLIP_benchmark which the shard belongs to.
    pub(super) fn new(options: &TarOptions, export: Option<Export>) -> Self {
        let lines = options.caption_lines || export == Some(Export::Retrieval);
        Self { fields: CaptionFields::new(&options.captions, lines), export }
    }

    /// What members with text end in.
    pub(super) fn text_field(&self) -> &'static str {
        if matches!(self.export, Some(Export::Classes(_))) { "cls" } else { "txt" }
    }

    /// Whether the fields of a sample with this text must be read for its captions.
    pub(super) fn needs_fields(&self, text: &str) -> bool {
        !matches!(self.export, Some(Export::Classes(_))) && self.fields.are_needed(text)
    }

    /// The captions of a sample with this text and these metadata, to which the number of a class is added.
    pub(super) fn captions(&self, text: &str, metadata: &mut Metadata) -> Result<Vec<String>, Damage> {
        let Some(Export::Classes(names)) = &self.export else { return Ok(self.fields.captions(text, metadata)) };
        let text = text.trim();
        let class = text.parse().ok().filter(|class| *class < names.len());
        let class: usize = class.ok_or_else(|| {
            let shown: String = text.chars().take(20).collect();
            Damage::Metadata(format!("class `{shown}` of {}, as many as classnames.txt has lines", names.len()))
        })?;
        metadata.insert("class", class);
        Ok(vec![names[class].clone()])
    }
}
