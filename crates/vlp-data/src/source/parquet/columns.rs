use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::{BasicTypeInfo, ColumnDescPtr, SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use super::ParquetOptions;
use crate::source::fetch_first::fetch_first;

/// Names that are tried for the picture and for the caption; the first one present is taken.
const IMAGES: [&str; 13] = [
    "image",
    "jpg",
    "jpeg",
    "png",
    "webp",
    "img",
    "image_bytes",
    "image_path",
    "file_name",
    "filepath",
    "filename",
    "file_path",
    "path",
];
const CAPTIONS: [&str; 7] = ["caption", "captions", "text", "txt", "title", "sentences", "raw"];

/// What img2dataset's tables have, whatever it was told to write.
const KEY: &str = "key";
const STATUS: &str = "status";

/// Where the pictures of a file are.
#[derive(Debug, Clone)]
pub(super) enum Pictures {
    /// In this column, or where it is null in the file that the path names.
    Embedded { column: usize, description: ColumnDescPtr },
    /// In files that a column names.
    Paths,
    /// In files that are named by their keys, in a folder named like the table (img2dataset's `files`).
    Keys,
}

/// Which columns of a file are what.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) pictures: Pictures,
    /// Name of the column with the picture or its path.
    pub(super) image: String,
    pub(super) captions: Vec<String>,
    /// Columns that are not read: neither picture nor caption, nor one text, number or truth value a row.
    pub(super) unread: Vec<String>,
    /// Whether rows say whether their picture was fetched.
    pub(super) status: bool,
    /// The columns that are read when the table is opened: all but the pictures.
    pub(super) projection: SchemaDescPtr,
}

impl Columns {
    /// Finds the columns by the options, or else by their usual names.
    pub(super) fn find(schema: &SchemaDescriptor, options: &ParquetOptions) -> Result<Self, String> {
        let fields = schema.root_schema().get_fields();
        let named = |name: &str| fields.iter().find(|field| field.name() == name);
        let pick = |chosen: &Option<String>, usual: &[&str]| match chosen {
            Some(name) => named(name),
            None => usual.iter().find_map(|name| named(name)),
        };
        let missing = |what: &str, option: &str, chosen: &Option<String>, usual: &[&str]| {
            let wanted = chosen.as_ref().map_or_else(|| usual.join(", "), Clone::clone);
            let there: Vec<&str> = fields.iter().map(|field| field.name()).take(20).collect();
            let advice = fetch_first(there.iter().copied(), Path::new("table.parquet")).unwrap_or_default();
            let there = there.join(", ");
            format!("no column of {what} named {wanted} among {there}: name it in `ParquetOptions::{option}`. {advice}")
        };
        let status = named(KEY).is_some() && named(STATUS).is_some_and(is_text);
        let (image, pictures) = match pick(&options.image_column, &IMAGES) {
            Some(field) => (field.name().to_owned(), pictures(schema, field)?),
            None if status && options.image_column.is_none() => (KEY.to_owned(), Pictures::Keys),
            None => return Err(missing("pictures", "image_column", &options.image_column, &IMAGES)),
        };
        let caption = pick(&options.caption_column, &CAPTIONS)
            .ok_or_else(|| missing("captions", "caption_column", &options.caption_column, &CAPTIONS))?;
        let mut captions = vec![caption.name().to_owned()];
        for name in &options.other_caption_columns {
            let chosen = Some(name.clone());
            named(name).ok_or_else(|| missing("captions", "other_caption_columns", &chosen, &CAPTIONS))?;
            captions.push(name.clone());
        }
        let unread = fields.iter().filter(|field| {
            let used = field.name() == image || captions.iter().any(|name| name == field.name());
            !used && !is_scalar(field)
        });
        let unread = unread.map(|field| field.name().to_owned()).collect();
        let kept = fields.iter().filter_map(|field| match field.name() {
            name if captions.iter().any(|caption| caption == name) => Some(Ok(Arc::clone(field))),
            name if name == image && field.is_group() => path_of(field).transpose(),
            _ => is_scalar(field).then(|| Ok(Arc::clone(field))),
        });
        let kept = kept.collect::<Result<Vec<_>, String>>()?;
        let root = Type::group_type_builder(schema.name()).with_fields(kept).build();
        let root = root.map_err(|error| error.to_string())?;
        Ok(Self {
            pictures,
            image,
            captions,
            unread,
            status,
            projection: Arc::new(SchemaDescriptor::new(Arc::new(root))),
        })
    }
}

fn pictures(schema: &SchemaDescriptor, field: &TypePtr) -> Result<Pictures, String> {
    let name = field.name();
    if is_text(field) {
        return Ok(Pictures::Paths);
    }
    let path: &[&str] = if field.is_group() { &[name, "bytes"] } else { &[name] };
    let column = schema.columns().iter().position(|column| {
        let flat = column.max_rep_level() == 0 && column.physical_type() == PhysicalType::BYTE_ARRAY;
        flat && column.path().parts().iter().map(String::as_str).eq(path.iter().copied())
    });
    match column {
        Some(column) => Ok(Pictures::Embedded { column, description: schema.column(column) }),
        None if field.is_group() && member(field, "path").is_some_and(is_text) => Ok(Pictures::Paths),
        None => Err(format!("column {name} is neither text, binary nor a structure of `bytes` and `path`")),
    }
}

fn member<'a>(group: &'a Type, name: &str) -> Option<&'a TypePtr> {
    group.get_fields().iter().find(|field| field.name() == name)
}

/// The structure of a picture, with its path alone; none where it has none.
fn path_of(group: &TypePtr) -> Result<Option<TypePtr>, String> {
    let Some(path) = member(group, "path").filter(|path| is_text(path)) else { return Ok(None) };
    let alone = Type::group_type_builder(group.name())
        .with_repetition(group.get_basic_info().repetition())
        .with_fields(vec![Arc::clone(path)])
        .build();
    alone.map(|group| Some(Arc::new(group))).map_err(|error| error.to_string())
}

fn is_text(field: &TypePtr) -> bool {
    let annotated = |info: &BasicTypeInfo| {
        matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
            || matches!(info.logical_type_ref(), Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
    };
    field.is_primitive()
        && field.get_physical_type() == PhysicalType::BYTE_ARRAY
        && !is_repeated(field)
        && annotated(field.get_basic_info())
}

/// Whether a column has one text, number or truth value in each row.
fn is_scalar(field: &TypePtr) -> bool {
    use PhysicalType::{BOOLEAN, DOUBLE, FLOAT, INT32, INT64};
    let number = || {
        let info = field.get_basic_info();
        let decimal = info.converted_type() == ConvertedType::DECIMAL
            || matches!(info.logical_type_ref(), Some(LogicalType::Decimal { .. }));
        let half = matches!(info.logical_type_ref(), Some(LogicalType::Float16));
        decimal || half || matches!(field.get_physical_type(), BOOLEAN | INT32 | INT64 | FLOAT | DOUBLE)
    };
    is_text(field) || (field.is_primitive() && !is_repeated(field) && number())
}

fn is_repeated(field: &TypePtr) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == parquet::basic::Repetition::REPEATED
}
