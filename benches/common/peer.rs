//! Answers `benches/peers/losses.py`, which asks for each number in turn so that both sides are measured alternately.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use burn::tensor::Device;
use serde_json::{Value, json};

use super::cases::LOSSES;
use super::{Loss, Run, Sizes, label};

/// Reads one question per line, writes one line of JSON for each:
///
/// - `list`: names and sizes of all losses
/// - `check LOSS`: value and gradients at the small size
/// - `time LOSS SIZES forward|forward_backward SECONDS`: milliseconds of single runs, after one that does not count
pub(crate) fn serve(device: &Device) -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["list"] => list(),
            ["check", name] => check(find(name)?, device),
            ["time", name, sizes, pass, seconds] => {
                let loss = find(name)?;
                let sizes = loss.sizes.iter().find(|known| label(known) == sizes).ok_or(line.clone())?;
                json!(times(&Run::new(loss, sizes, device, pass == "forward_backward"), seconds.parse()?))
            }
            _ => return Err(format!("not a question: {line}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Loss, String> {
    LOSSES.iter().find(|loss| loss.name == name).ok_or_else(|| format!("no loss is called {name}"))
}

fn list() -> Value {
    let named = |sizes: &Sizes| Value::Object(sizes.iter().map(|&(name, size)| (name.into(), size.into())).collect());
    let described = |loss: &Loss| {
        let sizes: Vec<_> = loss.sizes.iter().map(|sizes| json!([label(sizes), named(sizes)])).collect();
        json!({"name": loss.name, "check": named(loss.check), "sizes": sizes})
    };
    LOSSES.iter().map(described).collect()
}

fn check(loss: &Loss, device: &Device) -> Value {
    let (value, gradients) = Run::new(loss, loss.check, device, true).numbers();
    json!({"loss": value, "gradients": gradients})
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
