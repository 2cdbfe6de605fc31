//! Answers `benches/peers/losses.py` and `ops.py`, which ask for each number in turn so that both sides are measured alternately.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use burn::tensor::Device;
use serde_json::{Value, json};

use super::{Case, Precision, Run, Sizes, label};

/// Reads one question per line, writes one line of JSON for each:
///
/// - `list`: names and sizes of all cases
/// - `check CASE`: values and gradients at the small sizes
/// - `time CASE SIZES forward|forward_backward SECONDS`: milliseconds of single runs, after one that does not count
pub(crate) fn serve(cases: &[&Case], device: &Device) -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["list"] => list(cases),
            ["check", name] => check(find(cases, name)?, device),
            ["time", name, sizes, pass, seconds] => {
                let case = find(cases, name)?;
                let sizes = case.sizes.iter().find(|known| label(known) == sizes).ok_or(line.clone())?;
                json!(times(
                    &Run::new(case, sizes, device, Precision::F32, pass == "forward_backward"),
                    seconds.parse()?
                ))
            }
            _ => return Err(format!("not a question: {line}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn find<'c>(cases: &[&'c Case], name: &str) -> Result<&'c Case, String> {
    cases.iter().copied().find(|case| case.name == name).ok_or_else(|| format!("no case is called {name}"))
}

fn list(cases: &[&Case]) -> Value {
    let named = |sizes: &Sizes| Value::Object(sizes.iter().map(|&(name, size)| (name.into(), size.into())).collect());
    let described = |case: &&Case| {
        let sizes: Vec<_> = case.sizes.iter().map(|sizes| json!([label(sizes), named(sizes)])).collect();
        json!({"name": case.name, "check": named(case.check), "sizes": sizes})
    };
    cases.iter().map(described).collect()
}

fn check(case: &Case, device: &Device) -> Value {
    let (values, gradients) = Run::new(case, case.check, device, Precision::F32, true).numbers();
    json!({"values": values, "gradients": gradients})
}

/// At least three runs, then as many as fit.
fn times(run: &Run, seconds: f64) -> Vec<f64> {
    let once = || {
        let begun = Instant::now();
        run.once();
        begun.elapsed().as_secs_f64()
    };
    once();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || begun.elapsed().as_secs_f64() < seconds {
        times.push(once() * 1e3);
    }
    times
}
