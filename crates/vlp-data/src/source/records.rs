//! Rows of a table of text, cut into cells.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Quoting;
use super::files::open_file;
use crate::{Damage, DataError};

/// A longer line is damage.
const LINE_BYTES: u64 = 16 << 20;

/// A quoted cell may go on over so many lines and bytes; one that does not end by then was never meant to be quoted.
const CELL_LINES: usize = 100;
const CELL_BYTES: usize = 1 << 20;

/// The cells of one row, one behind another.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell; empty where there are not so many.
    pub(super) fn get(&self, number: usize) -> &[u8] {
        let begin = if number == 0 { 0 } else { self.ends.get(number - 1).copied().unwrap_or(self.bytes.len()) };
        let end = self.ends.get(number).copied().unwrap_or(self.bytes.len());
        &self.bytes[begin.min(end)..end]
    }

    /// Cells `first` to `last`, both included, with the separator between them again.
    pub(super) fn joined(&self, first: usize, last: usize, separator: u8) -> Vec<u8> {
        (first..=last).map(|number| self.get(number)).collect::<Vec<_>>().join(&separator)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|number| self.get(number))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// A table of text, read row by row.
#[derive(Debug)]
pub(super) struct Records {
    lines: BufReader<File>,
    /// Lines read to find the end of a quoted cell that did not come.
    ahead: VecDeque<Line>,
    end_of_line: u8,
    pub(super) separator: u8,
    quoting: Quoting,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong(u64),
}

/// How far a line went.
enum Reached {
    RowEnd,
    /// It ends inside quotes.
    InQuotes,
    /// A cell of several lines goes on behind its closing quote.
    Malformed,
}

impl Records {
    pub(super) fn open(path: &Path, separator: u8, quoting: Quoting) -> Result<Self, DataError> {
        let read_error = |source| DataError::Read { path: path.to_owned(), source };
        let mut lines = BufReader::with_capacity(1 << 16, open_file(path)?);
        let begin = lines.fill_buf().map_err(read_error)?;
        if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
            let reason = "the text is UTF-16: save it as UTF-8".to_owned();
            return Err(DataError::Table { path: path.to_owned(), reason });
        }
        // Old spreadsheets end lines with a carriage return alone.
        let end_of_line = if begin.contains(&b'\r') && !begin.contains(&b'\n') { b'\r' } else { b'\n' };
        if begin.starts_with(b"\xef\xbb\xbf") {
            lines.consume(3);
        }
        Ok(Self { lines, ahead: VecDeque::new(), end_of_line, separator, quoting })
    }

    /// Reads the next row that is not blank; false at the end. Damage concerns this row alone, unless it is of reading.
    pub(super) fn read(&mut self, cells: &mut Cells) -> Result<bool, Damage> {
        loop {
            cells.clear();
            let line = match self.line()? {
                None => return Ok(false),
                Some(Line::TooLong(bytes)) => return Err(too_long(bytes)),
                Some(Line::Text(line)) if line.is_empty() => continue,
                Some(Line::Text(line)) => line,
            };
            return match self.cut(&line, false, cells) {
                Reached::InQuotes => self.read_on(cells).map(|()| true),
                Reached::RowEnd | Reached::Malformed => Ok(true),
            };
        }
    }

    /// Reads the lines that a quoted cell goes on over. Where its end does not come they are rows again.
    fn read_on(&mut self, cells: &mut Cells) -> Result<(), Damage> {
        let begin = cells.bytes.len();
        for number in 0..CELL_LINES {
            if number == self.ahead.len() {
                match self.fresh_line()? {
                    Some(line) => self.ahead.push_back(line),
                    None => break,
                }
            }
            let Some(Line::Text(line)) = self.ahead.get(number) else { break };
            if cells.bytes.len() - begin + line.len() > CELL_BYTES {
                break;
            }
            let line = line.clone();
            cells.bytes.push(b'\n');
            match self.cut(&line, true, cells) {
                Reached::InQuotes => {}
                Reached::Malformed => break,
                Reached::RowEnd => {
                    self.ahead.drain(..=number);
                    return Ok(());
                }
            }
        }
        let begin: String = String::from_utf8_lossy(&cells.bytes)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(60)
            .collect();
        let reason = format!("a quotation mark opens a cell and none closes it within {CELL_LINES} lines (`{begin}`)");
        Err(Damage::Row(reason))
    }

    /// Cuts a line into cells; with `in_quotes` it goes on inside the cell that the line before has left open.
    fn cut(&self, line: &[u8], mut in_quotes: bool, cells: &mut Cells) -> Reached {
        let (mut at, mut several_lines) = (0, in_quotes);
        loop {
            if !in_quotes && self.quoting == Quoting::Minimal && line.get(at) == Some(&b'"') {
                in_quotes = true;
                at += 1;
            }
            if in_quotes {
                loop {
                    let Some(quote) = line[at..].iter().position(|&byte| byte == b'"') else {
                        cells.bytes.extend_from_slice(&line[at..]);
                        return Reached::InQuotes;
                    };
                    cells.bytes.extend_from_slice(&line[at..at + quote]);
                    at += quote + 1;
                    if line.get(at) != Some(&b'"') {
                        break;
                    }
                    cells.bytes.push(b'"');
                    at += 1;
                }
                // On one line text behind the closing quote belongs to the cell, as in other readers. Over several lines it means that
                // this quote opens another cell.
                if several_lines && line.get(at).is_some_and(|&byte| byte != self.separator) {
                    return Reached::Malformed;
                }
                (in_quotes, several_lines) = (false, false);
            }
            match line[at..].iter().position(|&byte| byte == self.separator) {
                Some(length) => {
                    cells.bytes.extend_from_slice(&line[at..at + length]);
                    cells.end();
                    at += length + 1;
                }
                None => {
                    cells.bytes.extend_from_slice(&line[at..]);
                    cells.end();
                    return Reached::RowEnd;
                }
            }
        }
    }

    fn line(&mut self) -> Result<Option<Line>, Damage> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.fresh_line(),
        }
    }

    fn fresh_line(&mut self) -> Result<Option<Line>, Damage> {
        let failed = |error: io::Error| Damage::Io(error.to_string());
        let mut line = Vec::new();
        let read = (&mut self.lines).take(LINE_BYTES + 1).read_until(self.end_of_line, &mut line).map_err(failed)?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&self.end_of_line) {
            line.pop();
        } else if read as u64 > LINE_BYTES {
            let skipped = self.lines.skip_until(self.end_of_line).map_err(failed)?;
            return Ok(Some(Line::TooLong((read + skipped) as u64)));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(Line::Text(line)))
    }
}

fn too_long(bytes: u64) -> Damage {
    Damage::TooLarge { member: "a line (a quote without its end?)".to_owned(), bytes, limit: LINE_BYTES }
}
