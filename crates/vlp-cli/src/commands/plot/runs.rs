//! `vlp plot runs`: what happened, step by step.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use vlp::report::{LineChart, Series};

use super::metrics::Metrics;
use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Draws curves of one or several runs over their steps: the loss, and beside that of a single run its accuracy, unless keys are named.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Folders of runs, or metrics.jsonl files
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// What to draw, such as loss, grad_norm, lr; may be given again
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// What to draw against the axis on the right; may be given again
    #[arg(long = "right", value_name = "KEY")]
    right: Vec<String>,
    /// Steps over which a curve is smoothed; 1 leaves it as it is
    #[arg(long, default_value_t = 15.0)]
    smooth: f64,
    /// A logarithmic axis on the left
    #[arg(long)]
    log: bool,
    /// The picture
    #[arg(long, default_value = "curves.png")]
    out: PathBuf,
}

impl Args {
    pub(crate) fn run(mut self, screen: Screen) -> Result<(), Failure> {
        let runs = self.runs.iter().map(|run| Metrics::read(run)).collect::<Result<Vec<_>, _>>()?;
        if self.keys.is_empty() {
            self.keys.push("loss".to_owned());
            let accuracy = |key: &&str| key.split('_').any(|word| word.starts_with("acc"));
            if let ([run], []) = (&runs[..], &self.right[..]) {
                self.right.extend(run.keys().into_iter().find(accuracy).map(str::to_owned));
            }
        }
        let mut chart =
            LineChart::new(if runs.len() == 1 { &runs[0].run } else { "Runs" }).axes("step", self.keys.join(", "));
        if !self.right.is_empty() {
            chart = chart.secondary_axis(self.right.join(", "));
        }
        if self.log {
            chart = chart.log_y();
        }
        let mut curves = Vec::new();
        for run in &runs {
            for (key, right) in self.keys.iter().map(|key| (key, false)).chain(self.right.iter().map(|key| (key, true)))
            {
                let points = run.curve(key)?;
                let one_key = self.keys.len() + self.right.len() == 1;
                let name = match (runs.len(), one_key) {
                    (1, _) => key.clone(),
                    (_, true) => run.run.clone(),
                    _ => format!("{} {key}", run.run),
                };
                curves.push(Curve::new(&run.run, key, &points));
                let series = Series::new(name, points).smoothed(self.smooth);
                chart = chart.series(if right { series.secondary() } else { series });
            }
        }
        chart.save(&self.out).failed()?;
        screen.show(&Answered { out: self.out, curves })
    }
}

#[derive(Serialize)]
struct Answered {
    out: PathBuf,
    curves: Vec<Curve>,
}

#[derive(Serialize)]
struct Curve {
    run: String,
    key: String,
    points: usize,
    first: f64,
    last: f64,
    lowest: f64,
    highest: f64,
}

impl Curve {
    fn new(run: &str, key: &str, points: &[(f64, f64)]) -> Self {
        let values = || points.iter().map(|(_, value)| *value);
        Curve {
            run: run.to_owned(),
            key: key.to_owned(),
            points: points.len(),
            first: values().next().unwrap_or(f64::NAN),
            last: values().next_back().unwrap_or(f64::NAN),
            lowest: values().fold(f64::NAN, f64::min),
            highest: values().fold(f64::NAN, f64::max),
        }
    }
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["run", "key", "steps>", "first>", "last>", "lowest>", "highest>"]);
        for Curve { run, key, points, first, last, lowest, highest } in &self.curves {
            let mut cells = vec![run.clone(), key.clone(), points.to_string()];
            cells.extend([first, last, lowest, highest].map(|value| format!("{value:.4}")));
            table.row(cells);
        }
        table.write(out)?;
        writeln!(out, "\n{}", self.out.display())
    }
}
