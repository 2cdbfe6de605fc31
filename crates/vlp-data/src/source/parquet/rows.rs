use std::path::Path;

use parquet::data_type::ByteArray;
use parquet::record::{Field, Row as Record, reader::TreeBuilder};
use serde_json::{Number, Value};

use super::columns::{Columns, Pictures};
use super::file::{Group, ParquetFile};
use crate::source::Row;
use crate::{Damage, Limits, Metadata};

/// Text that a table may take up in memory, beyond so many times its length: dictionaries say a text once and mean it
/// a million times.
const TEXT_BYTES: u64 = 256 << 20;
const TEXT_RATIO: u64 = 64;

/// Reads all columns but the pictures of a row group, and hands over each row with its number.
pub(super) fn read_rows(
    file: &ParquetFile,
    columns: &Columns,
    number: usize,
    text: &mut u64,
    limits: &Limits,
    mut each: impl FnMut(u64, Result<Row, Damage>),
) -> Result<(), String> {
    let group = Group { file, number };
    let wanted = file.metadata.row_group(number).num_rows() as u64;
    let records = TreeBuilder::new().as_iter(columns.projection.clone(), &group).map_err(|error| error.to_string())?;
    let most = TEXT_BYTES + TEXT_RATIO * file.bytes.length();
    let mut rows = 0;
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        let row = row(record, columns, &file.bytes.path, rows, limits, text);
        if *text > most {
            return Err(format!("{} bytes of Parquet unpack to more than {most} bytes of text", file.bytes.length()));
        }
        each(rows, row);
        rows += 1;
    }
    match rows == wanted {
        true => Ok(()),
        false => Err(format!("{rows} of the {wanted} rows that the footer claims")),
    }
}

fn row(
    record: Record,
    columns: &Columns,
    file: &Path,
    number: u64,
    limits: &Limits,
    text: &mut u64,
) -> Result<Row, Damage> {
    let (mut path, mut captions, mut metadata, mut length) = (None, None, Metadata::default(), 0);
    for (name, field) in record.into_columns() {
        if name == columns.caption {
            captions = Some(texts(&field)?);
        } else if name == columns.image && !matches!(columns.pictures, Pictures::Keys) {
            path = path_in(field);
        } else if let Some(value) = scalar(field) {
            length += name.len() as u64 + value.as_str().map_or(8, str::len) as u64;
            metadata.insert(&name, value);
        }
    }
    let captions = captions.unwrap_or_default();
    *text += length + captions.iter().map(|caption| caption.len() as u64).sum::<u64>();
    if length > limits.metadata_bytes {
        return Err(Damage::TooLarge { member: "metadata".to_owned(), bytes: length, limit: limits.metadata_bytes });
    }
    if columns.status && metadata.text("status") != Some("success") {
        return Err(Damage::NotFetched(metadata.text("status").unwrap_or("null").chars().take(80).collect()));
    }
    let stem = || file.file_stem().unwrap_or_default().to_string_lossy();
    let key = metadata.get("key").and_then(|key| match key {
        Value::String(key) => Some(key.clone()),
        Value::Number(key) => Some(key.to_string()),
        _ => None,
    });
    let path = match columns.pictures {
        Pictures::Paths => path.unwrap_or_default(),
        // A key that climbs would name a file elsewhere.
        Pictures::Keys => match key {
            Some(key) if !key.contains(['/', '\\']) && !key.is_empty() => format!("{}/{key}", stem()),
            _ => return Err(Damage::Name(key.unwrap_or_default().chars().take(80).collect())),
        },
        Pictures::Embedded { .. } => {
            path.filter(|path| !path.is_empty()).or(key).unwrap_or_else(|| format!("{}/{number:09}", stem()))
        }
    };
    Ok(Row { path, captions, metadata })
}

/// The path of a picture: text, or the only member of its structure.
fn path_in(field: Field) -> Option<String> {
    match field {
        Field::Str(path) => Some(path),
        Field::Group(record) => record.into_columns().into_iter().find_map(|(_, field)| path_in(field)),
        _ => None,
    }
}

fn texts(field: &Field) -> Result<Vec<String>, Damage> {
    Ok(match field {
        Field::Null => Vec::new(),
        Field::Str(text) => vec![text.clone()],
        Field::Bytes(bytes) => vec![utf8(bytes)?],
        Field::ListInternal(list) => {
            list.elements().iter().map(texts).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
        // A caption that is a number is still a caption, as in open_clip's tables.
        other => scalar(other.clone()).map(|value| value.to_string()).into_iter().collect(),
    })
}

fn utf8(bytes: &ByteArray) -> Result<String, Damage> {
    std::str::from_utf8(bytes.data()).map(str::to_owned).map_err(|_| Damage::Encoding)
}

/// A value of a column beside picture and caption; none where it is null or no JSON.
fn scalar(field: Field) -> Option<Value> {
    let float = |value: f64| Number::from_f64(value).map(Value::Number);
    Some(match field {
        Field::Str(text) => text.into(),
        Field::Bool(value) => value.into(),
        Field::Byte(value) => value.into(),
        Field::Short(value) => value.into(),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => value.into(),
        Field::Long(value) | Field::TimeMicros(value) => value.into(),
        Field::TimestampMillis(value) | Field::TimestampMicros(value) => value.into(),
        Field::UByte(value) => value.into(),
        Field::UShort(value) => value.into(),
        Field::UInt(value) => value.into(),
        Field::ULong(value) => value.into(),
        // As it is written, not as the nearest double.
        Field::Float(value) => float(value.to_string().parse().ok()?)?,
        Field::Double(value) => float(value)?,
        _ => return None,
    })
}
