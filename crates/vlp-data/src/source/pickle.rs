//! Python's pickle format as data: lists, tuples, dicts, strings and numbers, with nothing executed.
//!
//! A pickle is a program for a stack machine. Of its instructions those that build plain data are carried out here; those that
//! import or call something are taken as *names* only (an object array of numpy calls three, which are known), and any other
//! name is an error. Values live in an arena and refer to each other by number: no depth of nesting and no cycle can overflow
//! a stack.

use std::collections::HashMap;

/// Number of a value in the arena.
pub(super) type Id = u32;

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes,
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// An imported name.
    Global(String),
    /// A call that was not made: the name and its arguments, later its state.
    Object {
        name: String,
        state: Option<Id>,
    },
}

/// The values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    values: Vec<Value>,
}

/// What an object array of numpy imports, under its old and its new module name, and its scalars.
const KNOWN: [&str; 8] = [
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "numpy ndarray",
    "numpy dtype",
    "_codecs encode",
    "builtins list",
];

impl Pickle {
    /// Reads a pickle of protocol 0 to 5.
    ///
    /// # Errors
    /// A sentence, when the bytes are no pickle, are cut off, or hold anything but plain data.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, Id), String> {
        Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), pickle: Pickle::default() }
            .run()
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// The entry of a dict under a string key; none in a dict of thousands, which is no row and would be searched for each.
    pub(super) fn field(&self, dict: Id, key: &str) -> Option<&Value> {
        let Value::Dict(entries) = self.get(dict) else { return None };
        if entries.len() > 1000 {
            return None;
        }
        let (_, value) =
            entries.iter().rev().find(|(k, _)| matches!(self.get(*k), Value::Text(text) if text == key))?;
        Some(self.get(*value))
    }

    /// The items of a list or tuple, or of numpy's array of objects.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::List(items) | Value::Tuple(items) => Some(items),
            // State of an array: version, shape, dtype, order, items.
            Value::Object { name, state: Some(state) } if name.ends_with("_reconstruct") => match self.get(*state) {
                Value::Tuple(parts) => match self.get(*parts.get(4)?) {
                    Value::List(items) => Some(items),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    pickle: Pickle,
}

type Step<T> = Result<T, String>;

impl Machine<'_> {
    fn run(mut self) -> Step<(Pickle, Id)> {
        loop {
            let op = self.take(1)?[0];
            match op {
                b'.' => {
                    let top = self.pop()?;
                    return Ok((self.pickle, top));
                }
                // PROTO, FRAME.
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.popped_to_mark()?),
                b'2' => {
                    let top = *self.stack.last().ok_or("nothing to double")?;
                    self.stack.push(top);
                }
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                // Integers: text, 4, 1, 2 bytes, long of n bytes.
                b'I' | b'L' => {
                    let line = self.line()?;
                    let value = match line.as_str() {
                        "00" => Value::Bool(false),
                        "01" => Value::Bool(true),
                        text => {
                            Value::Int(text.trim_end_matches('L').parse().map_err(|_| format!("the number {text:?}"))?)
                        }
                    };
                    self.push(value)?;
                }
                b'J' => {
                    let n = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(n.into()))?;
                }
                b'K' | b'M' => {
                    let n = self.number(if op == b'K' { 1 } else { 2 })?;
                    self.push(Value::Int(n as i64))?;
                }
                0x8a => {
                    let length = self.number(1)?;
                    let n = self.long(length)?;
                    self.push(Value::Int(n))?;
                }
                b'F' => {
                    let line = self.line()?;
                    self.push(Value::Float(line.parse().map_err(|_| format!("the number {line:?}"))?))?;
                }
                b'G' => {
                    let n = f64::from_be_bytes(self.array()?);
                    self.push(Value::Float(n))?;
                }
                // Strings: by the length of their length, and as lines.
                b'X' | 0x8c | 0x8d => {
                    let width = match op {
                        b'X' => 4,
                        0x8c => 1,
                        _ => 8,
                    };
                    let text = self.counted(width)?;
                    self.push(Value::Text(text))?;
                }
                b'V' => {
                    let line = self.line()?;
                    self.push(Value::Text(line))?;
                }
                b'S' => {
                    let line = self.line()?;
                    self.push(Value::Text(line.trim_matches(['\'', '"']).to_owned()))?;
                }
                b'T' | b'U' => {
                    let text = self.counted(if op == b'T' { 4 } else { 1 })?;
                    self.push(Value::Text(text))?;
                }
                b'B' | b'C' | 0x8e | 0x96 => {
                    let length = self.number(match op {
                        b'B' => 4,
                        b'C' => 1,
                        _ => 8,
                    })?;
                    self.take(length)?;
                    self.push(Value::Bytes)?;
                }
                b']' => self.push(Value::List(Vec::new()))?,
                b')' => self.push(Value::Tuple(Vec::new()))?,
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b'l' | b't' | b'd' => {
                    let items = self.popped_to_mark()?;
                    let value = match op {
                        b'l' => Value::List(items),
                        b't' => Value::Tuple(items),
                        _ => Value::Dict(pairs(&items)?),
                    };
                    self.push(value)?;
                }
                0x85..=0x87 => {
                    let at = self.stack.len().checked_sub(usize::from(op - 0x84)).ok_or("a tuple of too little")?;
                    let items = self.stack.split_off(at);
                    self.push(Value::Tuple(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend_list(&[item])?;
                }
                b'e' => {
                    let items = self.popped_to_mark()?;
                    self.extend_list(&items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.extend_dict(vec![(key, value)])?;
                }
                b'u' => {
                    let items = self.popped_to_mark()?;
                    self.extend_dict(pairs(&items)?)?;
                }
                // The memo: by line, 1 and 4 bytes, and by count.
                b'p' | b'q' | b'r' | 0x94 => {
                    let key = match op {
                        0x94 => self.memo.len() as u32,
                        _ => self.memo_key(op, b'p', b'q')?,
                    };
                    let top = *self.stack.last().ok_or("nothing to remember")?;
                    self.memo.insert(key, top);
                }
                b'g' | b'h' | b'j' => {
                    let key = self.memo_key(op, b'g', b'h')?;
                    let id = *self.memo.get(&key).ok_or_else(|| format!("nothing remembered under {key}"))?;
                    self.stack.push(id);
                }
                b'c' => {
                    let name = format!("{} {}", self.line()?, self.line()?);
                    self.import(name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    match (self.pickle.get(module), self.pickle.get(name)) {
                        (Value::Text(module), Value::Text(name)) => {
                            let name = format!("{module} {name}");
                            self.import(name)?;
                        }
                        _ => return Err("an import without a name".to_owned()),
                    }
                }
                b'R' => {
                    let (_arguments, callee) = (self.pop()?, self.pop()?);
                    let Value::Global(name) = self.pickle.get(callee) else {
                        return Err("a call of something without a name".to_owned());
                    };
                    let value = Value::Object { name: name.clone(), state: None };
                    self.push(value)?;
                }
                b'b' => {
                    let given = self.pop()?;
                    let top = *self.stack.last().ok_or("a state of nothing")?;
                    match &mut self.pickle.values[top as usize] {
                        Value::Object { state, .. } => *state = Some(given),
                        _ => return Err("a state of something that has none".to_owned()),
                    }
                }
                other => {
                    return Err(format!(
                        "instruction 0x{other:02x} at byte {}, which plain data do not need",
                        self.at - 1
                    ));
                }
            }
        }
    }

    fn import(&mut self, name: String) -> Step<()> {
        if !KNOWN.contains(&name.as_str()) {
            return Err(format!(
                "it wants to import `{}`, which is never done here",
                name.chars().take(80).collect::<String>()
            ));
        }
        self.push(Value::Global(name))
    }

    fn take(&mut self, length: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| format!("it ends after {} bytes, inside a value", self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    /// A little-endian number of some bytes.
    fn number(&mut self, width: usize) -> Step<usize> {
        let value = self.take(width)?.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        usize::try_from(value).map_err(|_| format!("a length of {value}"))
    }

    /// A little-endian integer in two's complement.
    fn long(&mut self, width: usize) -> Step<i64> {
        if width > 8 {
            return Err(format!("an integer of {width} bytes"));
        }
        let taken = self.take(width)?;
        let fill = if taken.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        Ok(i64::from_le_bytes(std::array::from_fn(|i| taken.get(i).copied().unwrap_or(fill))))
    }

    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a line without its end")?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn counted(&mut self, width: usize) -> Step<String> {
        let length = self.number(width)?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn memo_key(&mut self, op: u8, line: u8, byte: u8) -> Step<u32> {
        if op == line {
            let text = self.line()?;
            return text.parse().map_err(|_| format!("the memo {text:?}"));
        }
        Ok(self.number(if op == byte { 1 } else { 4 })? as u32)
    }

    fn push(&mut self, value: Value) -> Step<()> {
        let id = Id::try_from(self.pickle.values.len()).map_err(|_| "more than four billion values".to_owned())?;
        self.pickle.values.push(value);
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Step<Id> {
        self.stack.pop().ok_or_else(|| "nothing on the stack".to_owned())
    }

    fn popped_to_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len()).ok_or("no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn extend_list(&mut self, items: &[Id]) -> Step<()> {
        let top = *self.stack.last().ok_or("items without their list")?;
        match &mut self.pickle.values[top as usize] {
            Value::List(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => Err("items for something that is no list".to_owned()),
        }
    }

    fn extend_dict(&mut self, entries: Vec<(Id, Id)>) -> Step<()> {
        let top = *self.stack.last().ok_or("entries without their dict")?;
        match &mut self.pickle.values[top as usize] {
            Value::Dict(dict) => {
                dict.extend(entries);
                Ok(())
            }
            _ => Err("entries for something that is no dict".to_owned()),
        }
    }
}

fn pairs(items: &[Id]) -> Step<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("a key without its value".to_owned());
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}
