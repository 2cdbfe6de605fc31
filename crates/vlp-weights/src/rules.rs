//! What stands where in two layouts, as a table that works in both directions.

use std::collections::BTreeSet;

use crate::error::KeyProblems;
use crate::{HostTensor, StateDict};

/// How tensors on the near side become those on the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// Another name only.
    Same,
    /// `[in, out]` and `[out, in]`.
    Transpose,
    /// Without axes near, this many axes of length one far.
    Scalar(usize),
    /// This many leading axes of length one far.
    Lead(usize),
    /// One leading axis of length one near.
    Unlead,
    /// Queries, keys and values stacked near, three tensors far.
    Thirds,
    /// Queries, and keys on values, near; all three stacked far.
    QueryAndKeyValue,
}

/// One line of a table. `{i}` in a name stands for the number of a block.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    near: Vec<String>,
    far: Vec<String>,
    how: Move,
    optional: bool,
}

pub(crate) fn rule(near: &[&str], how: Move, far: &[&str]) -> Rule {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Rule { near: owned(near), far: owned(far), how, optional: false }
}

/// One rule for the weight and one for the bias of a layer.
pub(crate) fn layer(near: &str, far: &str) -> [Rule; 2] {
    ["weight", "bias"].map(|part| rule(&[&format!("{near}.{part}")], Move::Same, &[&format!("{far}.{part}")]))
}

impl Rule {
    /// The tensor need not be there.
    pub(crate) fn optional(self) -> Self {
        Rule { optional: true, ..self }
    }

    /// The same below a prefix on each side.
    pub(crate) fn below(mut self, near: &str, far: &str) -> Self {
        self.near.iter_mut().for_each(|name| name.insert_str(0, near));
        self.far.iter_mut().for_each(|name| name.insert_str(0, far));
        self
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToFar,
    ToNear,
}

/// Moves every tensor that a rule names. What no rule names, what is missing and what has an impossible shape is all
/// reported together.
pub(crate) fn apply(rules: &[Rule], mut dict: StateDict, direction: Direction) -> Result<StateDict, KeyProblems> {
    let mut problems = KeyProblems::default();
    let mut moved = StateDict { metadata: std::mem::take(&mut dict.metadata), ..StateDict::new() };
    let names: Vec<String> = dict.names().map(str::to_string).collect();
    for rule in rules {
        let (from, to) = match direction {
            Direction::ToFar => (&rule.near, &rule.far),
            Direction::ToNear => (&rule.far, &rule.near),
        };
        for block in blocks(&from[0], &names) {
            let name = |pattern: &String| pattern.replace("{i}", &block.to_string());
            let from: Vec<String> = from.iter().map(name).collect();
            let tensors: Vec<Option<HostTensor>> = from.iter().map(|name| dict.remove(name)).collect();
            if rule.optional && tensors.iter().all(Option::is_none) {
                continue;
            }
            let absent = from.iter().zip(&tensors).filter(|(_, tensor)| tensor.is_none());
            problems.missing.extend(absent.map(|(name, _)| name.clone()));
            let Some(tensors) = tensors.into_iter().collect::<Option<Vec<HostTensor>>>() else { continue };
            let found = from.iter().zip(&tensors).map(|(name, tensor)| format!("{name} {:?}", tensor.shape()));
            let found = found.collect::<Vec<_>>().join(" and ");
            match change(rule.how, direction, tensors) {
                Some(tensors) => to.iter().zip(tensors).for_each(|(pattern, tensor)| {
                    moved.insert(name(pattern), tensor);
                }),
                None => problems.shapes.push(format!("{found}: expected {}", expected(rule.how, direction))),
            }
        }
    }
    problems.unknown.extend(dict.names().map(str::to_string));
    if problems.is_empty() { Ok(moved) } else { Err(problems) }
}

/// The numbers that `{i}` stands for: those that occur, and those that should when some are left out. A pattern without
/// blocks has one.
fn blocks(pattern: &str, names: &[String]) -> BTreeSet<usize> {
    let Some((prefix, _)) = pattern.split_once("{i}") else { return BTreeSet::from([0]) };
    let number = |name: &String| -> Option<usize> {
        let number = name.strip_prefix(prefix)?.split('.').next()?;
        // Only the usual way to write a number, so that the name comes out the same again.
        number.parse().ok().filter(|parsed: &usize| parsed.to_string() == number)
    };
    let found: BTreeSet<usize> = names.iter().filter_map(number).collect();
    (0..found.len().max(1)).chain(found).collect()
}

/// Does what a rule says; none when a shape does not allow it.
fn change(how: Move, direction: Direction, mut tensors: Vec<HostTensor>) -> Option<Vec<HostTensor>> {
    use Direction::{ToFar, ToNear};
    match (how, direction) {
        (Move::Same, _) => return Some(tensors),
        (Move::Thirds, ToNear) => {
            let equal = tensors.iter().all(|tensor| tensor.shape() == tensors[0].shape());
            return Some(vec![HostTensor::join(&tensors).filter(|_| equal)?]);
        }
        (Move::QueryAndKeyValue, ToFar) => {
            let (query, pair) = (tensors[0].shape().first()?, tensors[1].shape().first()?);
            let double = *pair == 2 * query;
            return Some(vec![HostTensor::join(&tensors).filter(|_| double)?]);
        }
        _ => (),
    }
    let tensor = tensors.pop()?;
    let shape = tensor.shape().to_vec();
    let without = |leading: usize| {
        let (ones, rest) = shape.split_at_checked(leading)?;
        ones.iter().all(|&side| side == 1).then(|| rest.to_vec())
    };
    let with = |leading: usize| [vec![1; leading], shape.clone()].concat();
    Some(match (how, direction) {
        (Move::Transpose, _) => vec![tensor.transpose()?],
        (Move::Scalar(axes), ToFar) => vec![tensor.reshape(vec![1; axes])?],
        (Move::Scalar(_), ToNear) => vec![tensor.reshape([])?],
        (Move::Lead(axes), ToFar) => vec![tensor.reshape(with(axes))?],
        (Move::Lead(axes), ToNear) => vec![tensor.reshape(without(axes)?)?],
        (Move::Unlead, ToFar) => vec![tensor.reshape(without(1)?)?],
        (Move::Unlead, ToNear) => vec![tensor.reshape(with(1))?],
        (Move::Thirds, ToFar) => {
            let first = *shape.first()?;
            tensor.split(&[first / 3; 3])?
        }
        (Move::QueryAndKeyValue, ToNear) => {
            let width = shape.first()? / 3;
            tensor.split(&[width, 2 * width])?
        }
        (Move::Same, _) | (Move::Thirds, ToNear) | (Move::QueryAndKeyValue, ToFar) => return None,
    })
}

fn expected(how: Move, direction: Direction) -> String {
    use Direction::{ToFar, ToNear};
    match (how, direction) {
        (Move::Same, _) => "any shape".to_string(),
        (Move::Transpose, _) => "two axes".to_string(),
        (Move::Scalar(_), _) => "one number".to_string(),
        (Move::Lead(_), ToFar) | (Move::Unlead, ToNear) => "any shape".to_string(),
        (Move::Lead(axes), ToNear) => format!("{axes} leading axes of length 1"),
        (Move::Unlead, ToFar) => "a leading axis of length 1".to_string(),
        (Move::Thirds, ToFar) | (Move::QueryAndKeyValue, ToNear) => "a first axis divisible by 3".to_string(),
        (Move::Thirds, ToNear) => "three equal shapes".to_string(),
        (Move::QueryAndKeyValue, ToFar) => "the second twice as long as the first".to_string(),
    }
}
