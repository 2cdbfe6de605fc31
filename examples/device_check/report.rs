//! The report as JSON and as Markdown.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::agreement::Agreement;
use crate::ceilings::Ceilings;
use crate::curve::Curve;
use crate::operations::Measurement;
use crate::steps::Step;

/// Everything that was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) device: String,
    pub(crate) quick: bool,
    pub(crate) agreements: Vec<Agreement>,
    pub(crate) curve: Curve,
    pub(crate) ceilings: Ceilings,
    pub(crate) operations: Vec<Measurement>,
    pub(crate) steps: Vec<Step>,
}

impl Report {
    pub(crate) fn agrees(&self) -> bool {
        self.curve.passes() && self.agreements.iter().all(Agreement::passes)
    }

    pub(crate) fn verdict(&self) -> String {
        let failed = self.agreements.iter().filter(|case| !case.passes());
        let failed: Vec<_> =
            failed.map(|case| format!("{} in {} ({})", case.name, case.precision, shown(case))).collect();
        let (curve, number) = (100.0 * self.curve.difference(), self.agreements.len());
        match (failed.is_empty(), self.curve.passes()) {
            (true, true) => format!("agrees with flex: {number} cases; training losses differ by {curve:.2} % at most"),
            (_, true) => format!("differs from flex: {}", failed.join(", ")),
            _ => format!("differs from flex: training losses by {curve:.2} %; {}", failed.join(", ")),
        }
    }

    pub(crate) fn write(&self, out: &Path) -> Result<(), Box<dyn Error>> {
        std::fs::write(out.join("device-check.json"), serde_json::to_string_pretty(self)?)?;
        std::fs::write(out.join("device-check.md"), self.markdown()?)?;
        Ok(())
    }

    fn markdown(&self) -> Result<String, std::fmt::Error> {
        let Report { device, curve, ceilings, .. } = self;
        let mut text = format!("# {device}{}\n\n{}\n", if self.quick { ", tiny sizes" } else { "" }, self.verdict());
        writeln!(text, "\n## Against flex\n\nDifferences in units of the largest element.\n")?;
        writeln!(text, "| case | precision | values, gradients | tolerance | |\n|---|---|---|---|---|")?;
        for case in &self.agreements {
            let verdict = if case.passes() { "agrees" } else { "**differs**" };
            writeln!(
                text,
                "| {} | {} | {} | {:.0e} | {verdict} |",
                case.name,
                case.precision,
                shown(case),
                case.tolerance
            )?;
        }
        let [first, last] =
            [0, curve.device.len() - 1].map(|at| format!("{:.4} / {:.4}", curve.device[at], curve.flex[at]));
        writeln!(
            text,
            "\nTraining, {} steps: loss {first} at the first, {last} at the last (device / flex); largest difference {:.2} %, \
             tolerance {:.0} %.",
            curve.device.len(),
            100.0 * curve.difference(),
            100.0 * curve.tolerance,
        )?;
        writeln!(
            text,
            "\n## Ceilings\n\nMatrix product of {} rows: {:.4} TFLOP/s in f32, {:.4} in bf16. Memory: {:.0} GB/s read and written.",
            ceilings.rows, ceilings.matmul_f32, ceilings.matmul_bf16, ceilings.copy,
        )?;
        writeln!(
            text,
            "\n## Operations\n\n| case | precision | sizes | forward (ms) | with backward (ms) | TFLOP/s |"
        )?;
        writeln!(text, "|---|---|---|---|---|---|")?;
        for Measurement { name, precision, sizes, forward, both, tflops } in &self.operations {
            let [forward, both, tflops] = [forward, both, tflops].map(|number| cell(*number));
            writeln!(text, "| {name} | {precision} | {sizes} | {forward} | {both} | {tflops} |")?;
        }
        writeln!(
            text,
            "\n## Training steps\n\n| model | precision | batch | samples/s | TFLOP/s | of the matrix product | GiB |"
        )?;
        writeln!(text, "|---|---|---|---|---|---|---|")?;
        for Step { model, precision, batch, samples, tflops, share, gibibytes } in &self.steps {
            let samples = samples.as_ref().map_or_else(Clone::clone, |samples| format!("{samples:.1}"));
            let share = share.map_or_else(|| "-".to_string(), |share| format!("{:.0} %", 100.0 * share));
            let (tflops, gibibytes) = (cell(*tflops), cell(*gibibytes));
            writeln!(text, "| {model} | {precision} | {batch} | {samples} | {tflops} | {share} | {gibibytes} |")?;
        }
        Ok(text)
    }
}

fn shown(case: &Agreement) -> String {
    match &case.differences {
        Ok([values, gradients]) => format!("{values:.1e}, {gradients:.1e}"),
        Err(error) => error.lines().next().unwrap_or_default().replace('|', "/"),
    }
}

fn cell(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_string(), |number| format!("{number:.3}"))
}
