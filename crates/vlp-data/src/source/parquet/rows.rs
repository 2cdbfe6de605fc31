use std::path::Path;

use half::f16;
use parquet::data_type::{ByteArray, Decimal};
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
    let (mut path, mut metadata, mut length) = (None, Metadata::default(), 0);
    let mut captions = vec![Vec::new(); columns.captions.len()];
    for (name, field) in record.into_columns() {
        if let Some(number) = columns.captions.iter().position(|caption| *caption == name) {
            captions[number] = texts(&field)?;
        } else if name == columns.image && !matches!(columns.pictures, Pictures::Keys) {
            path = path_in(field);
        } else if let Some(value) = scalar(field) {
            length += name.len() as u64 + value.as_str().map_or(8, str::len) as u64;
            metadata.insert(&name, value);
        }
    }
    let captions = captions.concat();
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
        Field::Group(record) => {
            let text =
                |wanted: &str| record.get_column_iter().find(|(name, _)| *name == wanted).map(|(_, field)| field);
            ["raw", "caption", "text", "sentence"].iter().find_map(|name| text(name)).map_or(Ok(Vec::new()), texts)?
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
        Field::Float16(value) => float(shortest(value))?,
        Field::Decimal(value) => decimal(&value)?,
        _ => return None,
    })
}

/// The double with the fewest digits that is this half.
fn shortest(value: f16) -> f64 {
    let wide = f64::from(value);
    if wide.fract() == 0.0 {
        return wide;
    }
    let written = (0..5).map(|digits| format!("{wide:.digits$e}"));
    let mut written = written.filter_map(|text| text.parse::<f64>().ok());
    written.find(|&short| f16::from_f64(short) == value).unwrap_or(wide)
}

/// Digits that every double keeps.
const EXACT_DIGITS: usize = 15;

/// A number where a double keeps all digits, and text otherwise.
fn decimal(value: &Decimal) -> Option<Value> {
    let bytes = value.data();
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    // The sign goes on to the left.
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    let begin = wide.len().checked_sub(bytes.len())?;
    wide[begin..].copy_from_slice(bytes);
    let unscaled = i128::from_be_bytes(wide);
    let scale = usize::try_from(value.scale()).ok().filter(|scale| *scale <= 38)?;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    let text = format!("{}{whole}{point}{fraction}", if negative { "-" } else { "" });
    match digits.trim_start_matches('0').len() {
        ..=EXACT_DIGITS if scale == 0 => text.parse::<i64>().ok().map(Value::from),
        ..=EXACT_DIGITS => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
        _ => Some(text.into()),
    }
}
