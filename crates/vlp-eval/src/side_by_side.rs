use crate::{Report, Row, Unit};

/// Several reports with the same rows as one table, a column each, and chance in the last: the heads of a model, or models.
///
/// A row that one report lacks stays empty in its column. Without reports the table is its title.
///
/// ```
/// use vlp_eval::{Report, side_by_side};
///
/// let (mut weak, mut strong) = (Report::new("weak head"), Report::new("strong head"));
/// weak.share("R@1", 0.2, Some(0.01));
/// strong.share("R@1", 0.3, Some(0.01));
/// let table = side_by_side("Retrieval", &[weak, strong]);
/// assert!(table.ends_with("R@1           20.0 %       30.0 %   1.0 %"));
/// ```
pub fn side_by_side(title: &str, reports: &[Report]) -> String {
    let rows: Vec<&Row> = reports.first().map_or_else(Vec::new, |first| first.rows.iter().collect());
    let show = |value: f64, unit: Unit| match unit {
        Unit::Share => format!("{:.1} %", 100.0 * value),
        // Under the digits of the shares.
        Unit::Number => format!("{value:.1}  "),
    };
    let cell = |report: &Report, row: &Row| {
        let found = report.rows.iter().find(|other| other.name == row.name);
        found.map_or_else(String::new, |found| show(found.value, found.unit))
    };
    let mut columns: Vec<(String, Vec<String>)> = reports
        .iter()
        .map(|report| (report.title.clone(), rows.iter().map(|row| cell(report, row)).collect()))
        .collect();
    let chance = |row: &&Row| row.chance.map_or_else(String::new, |chance| show(chance, row.unit));
    if !reports.is_empty() {
        columns.push(("chance".to_owned(), rows.iter().map(chance).collect()));
    }
    let longest = |head: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(head.chars().count())
    };
    let first = longest(title, &mut rows.iter().map(|row| row.name.as_str()));
    let widths: Vec<usize> =
        columns.iter().map(|(head, cells)| longest(head, &mut cells.iter().map(String::as_str))).collect();

    let mut lines = Vec::with_capacity(rows.len() + 2);
    let line = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells: String = cells.zip(&widths).map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("{name:<first$}{cells}").trim_end().to_owned()
    };
    lines.push(line(title, &mut columns.iter().map(|(head, _)| head.as_str())));
    lines.push("-".repeat(first + widths.iter().map(|width| width + 2).sum::<usize>()));
    for (index, row) in rows.iter().enumerate() {
        lines.push(line(&row.name, &mut columns.iter().map(|(_, cells)| cells[index].as_str())));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_a_missing_row_leaves_a_gap() {
        let (mut a, mut b) = (Report::new("a"), Report::new("b"));
        a.share("recall", 0.5, Some(0.25));
        a.number("median rank", 7.0, None);
        b.share("recall", 0.125, Some(0.25));
        let table = side_by_side("set", &[a, b]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "set               a       b  chance");
        assert_eq!(lines[2], "recall       50.0 %  12.5 %  25.0 %");
        assert_eq!(lines[3], "median rank   7.0");
        assert_eq!(lines[1].len(), lines[0].len());
    }

    #[test]
    fn without_reports_only_the_title_is_left() {
        assert!(side_by_side("empty", &[]).starts_with("empty\n"));
    }
}
