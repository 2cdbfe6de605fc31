use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::fetch_first::fetch_first;
use super::field_names::{CaptionFields, IMAGE_FIELDS};
use super::files::open_file;
use super::text_table::usual_folders;
use super::{Row, Table};
use crate::{Damage, DataError, Limits, Metadata, SourceOptions};

impl Table {
    /// Reads JSON lines: an object a line, with the picture's path (`image`, `file_name`, `filepath`, `image_path`, `path`, `filename`,
    /// ...) and one caption or a list of them (`caption`, `captions`, `text`, `title`, `sentences`, ...). A list may hold texts or objects
    /// with a text in `raw`, `caption`, `text` or `sentence`. Paths are relative to the file's folder; the other fields become metadata.
    ///
    /// # Errors
    /// When the file cannot be read or no line can be used.
    pub fn from_json_lines(path: impl AsRef<Path>, limits: Limits) -> Result<Self, DataError> {
        Self::read_json_lines(path.as_ref(), &SourceOptions::with_limits(limits))?.finish()
    }

    /// The same with a say in which fields are what, not yet checked for rows.
    pub(crate) fn read_json_lines(path: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        let mut lines = BufReader::new(open_file(path)?);
        let longest = options.limits.metadata_bytes;
        let mut objects = Objects::new(path, options);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut lines).take(longest + 1).read_until(b'\n', &mut line);
            match read {
                Ok(0) => break,
                Ok(_) if line.len() as u64 > longest => {
                    let member = "line".to_owned();
                    objects.table.push_damage(&Damage::TooLarge { member, bytes: line.len() as u64, limit: longest });
                    if let Err(error) = lines.skip_until(b'\n') {
                        objects.table.push_damage(&Damage::Io(error.to_string()));
                        break;
                    }
                }
                Ok(_) if without_mark(&line).trim_ascii().is_empty() => {}
                Ok(_) => match Metadata::parse(without_mark(&line)) {
                    Ok(metadata) => objects.push(metadata),
                    Err(damage) => objects.table.push_damage(&damage),
                },
                Err(error) => {
                    objects.table.push_damage(&Damage::Io(error.to_string()));
                    break;
                }
            }
        }
        objects.into_table()
    }
}

/// A line without the byte order mark that some editors begin files with.
pub(super) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// A table that is made of JSON objects.
pub(super) struct Objects<'a> {
    pub(super) table: Table,
    path: &'a Path,
    options: &'a SourceOptions,
    captions: CaptionFields,
    /// Fields of the first object without a picture.
    first_without: Option<Vec<String>>,
}

impl<'a> Objects<'a> {
    pub(super) fn new(path: &'a Path, options: &'a SourceOptions) -> Self {
        let root = options.root.clone().unwrap_or_else(|| Table::folder_of(path));
        Self {
            table: Table::new(path.display().to_string(), root, options.limits.clone()),
            path,
            options,
            captions: CaptionFields::of(options),
            first_without: None,
        }
    }

    pub(super) fn push(&mut self, mut metadata: Metadata) {
        let held = |name: &str| metadata.text(name).is_some();
        let image = match &self.options.image {
            Some(name) => held(name).then(|| name.clone()),
            None => IMAGE_FIELDS.iter().find(|name| held(name)).map(|name| (*name).to_owned()),
        };
        let captions = self.captions.captions("", &metadata);
        if let (Some(image), Some(caption)) = (&image, self.captions.name_in(&metadata)) {
            self.table.name_columns(image, &caption);
        }
        self.captions.remove_from(&mut metadata);
        let path = match image {
            Some(name) => {
                let path = metadata.text(&name).unwrap_or_default().to_owned();
                metadata.remove(&name);
                path
            }
            None => {
                self.first_without.get_or_insert_with(|| metadata.fields().keys().take(20).cloned().collect());
                String::new()
            }
        };
        self.table.push(Row { path, captions, metadata });
    }

    /// The table, of the split that is asked for.
    pub(super) fn into_table(mut self) -> Result<Table, DataError> {
        if self.table.rows.is_empty()
            && let Some(names) = self.first_without
        {
            let wanted = self.options.image.clone().unwrap_or_else(|| IMAGE_FIELDS.join(", "));
            let advice = fetch_first(names.iter().map(String::as_str), self.path)
                .unwrap_or_else(|| "Name the field of the picture in `image`".to_owned());
            let reason = format!("no field {wanted} in the first object, which has {}. {advice}", names.join(", "));
            return Err(DataError::Table { path: self.path.to_owned(), reason });
        }
        if let Some(split) = &self.options.split {
            self.table.keep_split(split)?;
        }
        if self.options.join_rows {
            self.table.join_rows();
        }
        if self.options.root.is_none() {
            self.table.look_for_pictures(usual_folders(self.path));
        }
        Ok(self.table)
    }
}
