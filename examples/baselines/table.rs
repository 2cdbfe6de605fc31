//! table.md, table.json and baselines.png out of the runs that are finished.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use vlp::methods::AnyMethodConfig;
use vlp::report::{BarChart, BarPanel};

use crate::Failure;
use crate::plan::Kind;
use crate::train::Finished;

/// The columns: heading, name in a run's report, factor to the unit of the heading.
const COLUMNS: [(&str, &str, f64); 9] = [
    ("zero-shot top-1, %", "unseen artist, zero-shot top-1", 100.0),
    ("top-5, %", "unseen artist, zero-shot top-5", 100.0),
    ("picture to caption R@5, %", "unseen concepts, picture to caption R@5", 100.0),
    ("caption to picture R@5, %", "unseen concepts, caption to picture R@5", 100.0),
    ("probe, artist, %", "unseen artist, linear probe of subgroups", 100.0),
    ("probe, concepts, %", "unseen concepts, linear probe of subgroups", 100.0),
    ("deviation", "features, deviation (1 is spread evenly)", 1.0),
    ("effective rank", "features, effective rank", 1.0),
    ("units used, %", "units used by at least one picture", 100.0),
];
/// What the picture shows of them.
const PANELS: [usize; 5] = [0, 2, 3, 4, 7];

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row<'a> {
    method: &'a str,
    recipe: Kind,
    steps: u64,
    /// Which seeds are in it.
    seeds: Vec<u64>,
    /// Mean wall-clock seconds of training: they depend on what else the machine did.
    seconds: f64,
    values: Vec<Value<'a>>,
}

/// A quantity over the seeds.
#[derive(Debug, Serialize)]
struct Value<'a> {
    name: &'a str,
    mean: f64,
    /// Of the sample, divided by one less than the seeds; none for one seed.
    deviation: Option<f64>,
    seeds: Vec<f64>,
}

pub(crate) fn write(runs: &[Finished], out: &Path) -> Result<(), Failure> {
    let rows = rows(runs);
    std::fs::write(out.join("table.md"), markdown(&rows)?)?;
    std::fs::write(out.join("table.json"), serde_json::to_string_pretty(&rows)?)?;
    picture(&rows).save(out.join("baselines.png"))?;
    Ok(())
}

fn rows(runs: &[Finished]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for method in AnyMethodConfig::NAMES {
        for recipe in Kind::ALL {
            let of: Vec<&Finished> = runs.iter().filter(|run| run.method == method && run.kind == recipe).collect();
            let Some(first) = of.first() else { continue };
            let seconds = of.iter().map(|run| run.seconds).sum::<f64>() / of.len() as f64;
            let values = COLUMNS.iter().filter_map(|(heading, name, factor)| {
                let seeds: Option<Vec<f64>> = of.iter().map(|run| Some(run.report.value(name)? * factor)).collect();
                let seeds = seeds?;
                let n = seeds.len() as f64;
                let mean = seeds.iter().sum::<f64>() / n;
                let squares = seeds.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                let deviation = (seeds.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
                Some(Value { name: heading, mean, deviation, seeds })
            });
            let values = values.collect();
            let seeds = of.iter().map(|run| run.seed).collect();
            rows.push(Row { method, recipe, steps: first.steps, seeds, seconds, values });
        }
    }
    rows
}

impl Row<'_> {
    fn value(&self, name: &str) -> Option<&Value<'_>> {
        self.values.iter().find(|value| value.name == name)
    }
}

fn markdown(rows: &[Row<'_>]) -> Result<String, std::fmt::Error> {
    let mut text = String::from("| method | recipe | seeds | steps |");
    COLUMNS.iter().try_for_each(|(heading, ..)| write!(text, " {heading} |"))?;
    text.push_str(" s a run |\n|---|---|--:|--:|");
    text.push_str(&"--:|".repeat(COLUMNS.len() + 1));
    for row in rows {
        write!(text, "\n| {} | {} | {} | {} |", row.method, row.recipe, row.seeds.len(), row.steps)?;
        for (heading, _, factor) in COLUMNS {
            // Deviations of features are below 1.
            let digits = if factor > 1.0 || heading == "effective rank" { 1 } else { 2 };
            match row.value(heading) {
                Some(Value { mean, deviation: Some(deviation), .. }) => {
                    write!(text, " {mean:.digits$} ± {deviation:.digits$} |")?;
                }
                Some(Value { mean, .. }) => write!(text, " {mean:.digits$} |")?,
                None => text.push_str(" |"),
            }
        }
        write!(text, " {:.0} |", row.seconds)?;
    }
    text.push('\n');
    Ok(text)
}

fn picture(rows: &[Row<'_>]) -> BarChart {
    // CLIP-rocket is CLIP by the improved recipe: one group.
    let of = |row: &Row<'_>| if row.method == "clip-rocket" { "clip" } else { row.method }.to_owned();
    let groups: Vec<&str> =
        AnyMethodConfig::NAMES.into_iter().filter(|name| rows.iter().any(|row| of(row) == *name)).collect();
    let name = |group: &&str| if *group == "clip" { "clip, clip-rocket" } else { *group }.to_owned();
    let mut chart = BarChart::new("Plain and improved recipes on emoji", groups.iter().map(name))
        .series(["plain recipe", "improved recipe"])
        .width(1300);
    for (heading, ..) in PANELS.map(|index| COLUMNS[index]) {
        let mut panel = BarPanel::new(heading);
        for recipe in Kind::ALL {
            let bar = |method: &&str| {
                let row = rows.iter().find(|row| of(row) == *method && row.recipe == recipe);
                row.and_then(|row| row.value(heading)).map_or_else(Vec::new, |value| value.seeds.clone())
            };
            panel = panel.bars(groups.iter().map(bar).collect());
        }
        chart = chart.panel(panel);
    }
    chart
}
