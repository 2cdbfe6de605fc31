use crate::{DataError, expand_braces};

/// The names that patterns stand for: braces as [`expand_braces`] has them, then `*`, `?`, `[...]` and `**` against the files there
/// are, in the order of their names. Remote names are not matched.
///
/// # Errors
/// When a pattern is malformed or no file matches it.
pub fn expand_names(patterns: &str) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for name in expand_braces(patterns)? {
        let is_pattern = name.contains(['*', '?', '[']) && !name.contains("://") && !name.starts_with("pipe:");
        // A file of that very name goes before.
        if !is_pattern || std::path::Path::new(&name).exists() {
            names.push(name);
            continue;
        }
        let wrong = |reason: String| DataError::Pattern { pattern: name.clone(), reason };
        let before = names.len();
        for path in glob::glob(&name).map_err(|error| wrong(format!("no pattern of files: {}", error.msg)))? {
            let path = path.map_err(|error| wrong(format!("cannot be looked through: {error}")))?;
            let Ok(path) = path.into_os_string().into_string() else {
                return Err(wrong("a file that it matches has a name that is not UTF-8: rename it".to_owned()));
            };
            names.push(path);
        }
        if names.len() == before {
            return Err(wrong("no file matches it".to_owned()));
        }
    }
    Ok(names)
}
