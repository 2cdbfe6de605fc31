//! The one way in which commands print tables.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;
use vlp::augment::printable_lines;

/// Rows under a head, in columns as wide as their widest cell. The columns are written with two blanks between them; one whose name ends
/// in `>` stands to the right.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let head = columns.iter().map(|name| name.trim_end_matches('>').to_owned()).collect();
        Table { head, right: columns.iter().map(|name| name.ends_with('>')).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells that it lacks are blank.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        // A line break or an escape sequence in a caption must not break the table or drive the terminal.
        let clean = |text: String| {
            let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            printable_lines(&plain).into_owned()
        };
        self.rows.push(cells.into_iter().map(Into::into).map(clean).collect());
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut widths: Vec<usize> = self.head.iter().map(|cell| cell.width()).collect();
        for row in &self.rows {
            widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.width().max(*width));
        }
        let mut line = |cells: &[String]| {
            let mut text = String::new();
            for ((cell, &width), &right) in cells.iter().zip(&widths).zip(&self.right) {
                let blanks = " ".repeat(width.saturating_sub(cell.width()));
                text += &if right { format!("{blanks}{cell}  ") } else { format!("{cell}{blanks}  ") };
            }
            writeln!(out, "{}", text.trim_end())
        };
        if self.head.iter().any(|name| !name.is_empty()) {
            line(&self.head)?;
            let rule: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
            line(&rule)?;
        }
        self.rows.iter().try_for_each(|row| line(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(table: &Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_whatever_the_script() {
        let mut table = Table::new(&["name", "count>"]);
        table.row(["猫", "7"]);
        table.row(["médian", "123456"]);
        assert_eq!(text(&table), "name     count\n------  ------\n猫           7\nmédian  123456\n");
    }

    #[test]
    fn control_characters_are_blanks_and_a_table_without_names_has_no_head() {
        let mut table = Table::new(&["", ""]);
        table.row(["a\nb", "\u{1b}[31mred"]);
        table.row(["short"]);
        assert_eq!(text(&table), "a b     [31mred\nshort\n");
    }
}
