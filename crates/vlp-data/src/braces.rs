use std::ops::Range;

use crate::DataError;

/// Most names one pattern may stand for.
const MOST_NAMES: usize = 10_000_000;

/// The names a pattern with braces stands for, as a shell and open_clip's `--train-data` have it: `{a,b}` lists, `{00..99}`
/// and `{a..e}` ranges with an optional step (`{0..10..2}`), nested, and `::` between patterns. Numbers keep their leading zeros.
///
/// ```
/// let names = vlp_data::expand_braces("cc-{08..10}.tar::sbu.tar").unwrap();
/// assert_eq!(names, ["cc-08.tar", "cc-09.tar", "cc-10.tar", "sbu.tar"]);
/// ```
///
/// # Errors
/// When a brace has no partner, or the pattern stands for more than ten million names.
pub fn expand_braces(patterns: &str) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for pattern in patterns.split("::") {
        let expanded =
            expand(pattern, 0).map_err(|reason| DataError::Pattern { pattern: pattern.to_owned(), reason })?;
        names.extend(expanded);
    }
    Ok(names)
}

/// Deeper nesting than anybody writes.
const MOST_LEVELS: usize = 16;

fn expand(pattern: &str, level: usize) -> Result<Vec<String>, String> {
    if level > MOST_LEVELS {
        return Err(format!("braces are nested more than {MOST_LEVELS} deep"));
    }
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some(start) = rest.find(['{', '}']) {
        if rest.as_bytes()[start] == b'}' {
            return Err("a `}` without its `{`".to_owned());
        }
        let (inside, after) = group(rest, start)?;
        let parts = alternatives(&rest[inside]);
        let options = match parts.as_slice() {
            [one] => match range(one)? {
                Some(numbers) => numbers,
                // `{x}` stands for itself; what is inside may have braces of its own.
                None => expand(one, level + 1)?.iter().map(|name| format!("{{{name}}}")).collect(),
            },
            many => many.iter().map(|part| expand(part, level + 1)).collect::<Result<Vec<_>, _>>()?.concat(),
        };
        if names.len().saturating_mul(options.len()) > MOST_NAMES {
            return Err(format!("it stands for more than {MOST_NAMES} names"));
        }
        names =
            names.iter().flat_map(|name| options.iter().map(move |o| format!("{name}{}{o}", &rest[..start]))).collect();
        rest = &rest[after..];
    }
    names.iter_mut().for_each(|name| name.push_str(rest));
    Ok(names)
}

/// What lies between the brace at `start` and its partner, and where it goes on.
fn group(text: &str, start: usize) -> Result<(Range<usize>, usize), String> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok((start + 1..at, at + 1));
        }
    }
    Err("a `{` without its `}`".to_owned())
}

/// The parts between commas that lie in no inner brace.
fn alternatives(inside: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[from..]);
    parts
}

/// The values of `first..last` or `first..last..step`; none if it is no range.
fn range(text: &str) -> Result<Option<Vec<String>>, String> {
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, "1"),
        [first, last, step] => (first, last, step),
        _ => return Ok(None),
    };
    let Some(step) = step.parse::<i64>().ok().map(i64::unsigned_abs) else { return Ok(None) };
    let step = step.max(1);
    let between = |first: i64, last: i64| {
        let count = (first.abs_diff(last) / step).saturating_add(1);
        if count > MOST_NAMES as u64 {
            return Err(format!("it stands for more than {MOST_NAMES} names"));
        }
        let sign = if first <= last { 1 } else { -1 };
        // Between two numbers that fit, every value fits.
        Ok((0..count).map(move |i| first.wrapping_add(sign * (i * step) as i64)))
    };
    if let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let padded = [first, last].iter().any(|n| n.trim_start_matches('-').starts_with('0') && n.len() > 1);
        let width = if padded { first.len().max(last.len()) } else { 0 };
        if width > 64 {
            return Err("a number of more than 64 digits".to_owned());
        }
        return Ok(Some(between(from, to)?.map(|n| format!("{n:0width$}")).collect()));
    }
    if let ([from], [to]) = (first.as_bytes(), last.as_bytes())
        && from.is_ascii_alphabetic()
        && to.is_ascii_alphabetic()
    {
        let letters = between((*from).into(), (*to).into())?;
        return Ok(Some(letters.map(|n| char::from(n as u8).to_string()).collect()));
    }
    Ok(None)
}
