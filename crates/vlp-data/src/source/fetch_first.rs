use std::path::Path;

use super::field_names::CAPTION_FIELDS;

/// What to do with a list of pictures behind addresses, told by the names of its columns or by the cells that stand in their place; none
/// where it is no such list.
pub(super) fn fetch_first<'a>(names: impl IntoIterator<Item = &'a str>, path: &Path) -> Option<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let address = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        name.starts_with("http://") || name.starts_with("https://")
    };
    let column =
        |name: &str| matches!(name.trim().to_ascii_lowercase().as_str(), "url" | "urls" | "image_url" | "img_url");
    let without_header = names.iter().any(|name| address(name));
    if !without_header && !names.iter().any(|name| column(name)) {
        return None;
    }
    let header = if without_header { "It has no header, and its" } else { "Its" };
    let format = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let first = if without_header { "put a header `caption<TAB>url` before it, " } else { "" };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let url = names.iter().find(|name| column(name)).copied().unwrap_or("url");
    let caption = names.iter().find(|name| CAPTION_FIELDS.iter().any(|usual| usual.eq_ignore_ascii_case(name)));
    let caption = caption.copied().unwrap_or("caption");
    Some(format!(
        "{header} pictures are behind addresses: {first}fetch them first with `img2dataset --url_list {name} --input_format {format} \
         --url_col {url} --caption_col {caption} --output_format webdataset --output_folder shards`, then open `shards`"
    ))
}
