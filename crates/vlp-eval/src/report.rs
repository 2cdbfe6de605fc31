use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Retrieval, ZeroShot};

/// How a value reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share in `[0, 1]`, printed in percent.
    Share,
    /// A rank or another number, printed as it is.
    Number,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The result.
    pub value: f64,
    /// What guessing reaches, where that is known.
    pub chance: Option<f64>,
    /// How both read.
    pub unit: Unit,
}

/// Results against chance: `Display` prints an aligned table, serde writes every digit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was evaluated.
    pub title: String,
    /// The results in order.
    pub rows: Vec<Row>,
}

impl Report {
    /// A report without results.
    pub fn new(title: impl Into<String>) -> Self {
        Report { title: title.into(), rows: Vec::new() }
    }

    /// Adds a share in `[0, 1]`.
    pub fn share(&mut self, name: impl Into<String>, value: f64, chance: Option<f64>) {
        self.rows.push(Row { name: name.into(), value, chance, unit: Unit::Share });
    }

    /// Adds a number that is no share.
    pub fn number(&mut self, name: impl Into<String>, value: f64, chance: Option<f64>) {
        self.rows.push(Row { name: name.into(), value, chance, unit: Unit::Number });
    }

    /// Adds the recalls at `ks` and the median rank.
    pub fn retrieval(&mut self, name: &str, result: &Retrieval, ks: &[usize]) {
        for &k in ks {
            self.share(format!("{name} R@{k}"), result.recall_at(k), Some(result.chance_at(k)));
        }
        self.number(format!("{name} median rank"), result.median_rank(), None);
    }

    /// Adds top-1, top-5 where there are more than five classes, and the mean recall of the classes.
    pub fn zero_shot(&mut self, name: &str, result: &ZeroShot) {
        let chance = 1.0 / result.classes as f64;
        self.share(format!("{name} top-1"), result.top1, Some(chance));
        if result.classes > 5 {
            self.share(format!("{name} top-5"), result.top5, Some(5.0 * chance));
        }
        self.share(format!("{name} mean class recall"), result.mean_class_recall, Some(chance));
    }

    /// Adds the results of another report, each name after the other's title.
    pub fn append(&mut self, other: Report) {
        let renamed = |row: Row| Row { name: format!("{}: {}", other.title, row.name), ..row };
        self.rows.extend(other.rows.into_iter().map(renamed));
    }

    /// The first result of this name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.value)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: f64, unit: Unit| match unit {
            Unit::Share => format!("{:.2} %", 100.0 * value),
            // Under the digits of the shares.
            Unit::Number => format!("{value:.1} "),
        };
        let cells: Vec<[String; 3]> = self
            .rows
            .iter()
            .map(|row| {
                let chance = row.chance.map_or_else(String::new, |chance| text(chance, row.unit));
                [row.name.clone(), text(row.value, row.unit), chance]
            })
            .collect();
        let head = [self.title.as_str(), "value", "chance"];
        let width = |column: usize| {
            let longest = cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            longest.max(head[column].chars().count())
        };
        let [name, value, chance] = [width(0), width(1), width(2)];
        writeln!(f, "{:<name$}  {:>value$}  {:>chance$}", head[0], head[1], head[2])?;
        write!(f, "{}", "-".repeat(name + value + chance + 4))?;
        for [a, b, c] in &cells {
            let line = format!("{a:<name$}  {b:>value$}  {c:>chance$}");
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("unseen artist");
        report.share("image to text R@1", 0.105_4, Some(0.000_688));
        report.number("image to text médian rank", 17.0, None);
        report
    }

    #[test]
    fn columns_are_aligned() {
        let lines = [
            "unseen artist                value  chance",
            "------------------------------------------",
            "image to text R@1          10.54 %  0.07 %",
            "image to text médian rank    17.0",
        ];
        assert_eq!(report().to_string(), lines.join("\n"));
    }

    #[test]
    fn json_keeps_every_digit_and_reads_back() {
        let json = serde_json::to_string(&report()).expect("plain data");
        assert!(
            json.contains(r#"{"name":"image to text R@1","value":0.1054,"chance":0.000688,"unit":"share"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Report>(&json).expect("own output"), report());
    }

    #[test]
    fn appended_results_carry_the_title_they_came_under() {
        let mut all = Report::new("emoji");
        all.append(report());
        assert_eq!(all.value("unseen artist: image to text R@1"), Some(0.105_4));
        assert_eq!(all.value("image to text R@1"), None);
    }
}
