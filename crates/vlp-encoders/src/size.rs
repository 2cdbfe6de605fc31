//! What no model can be: sizes beyond every published one, and weights that do not fit into the machine.

use crate::EncoderError;

/// Elements of a vector: three times those of EVA-CLIP-18B's MLP.
pub(crate) const WIDTH: usize = 1 << 16;
/// Blocks of a tower, or of one stage of it.
pub(crate) const DEPTH: usize = 1 << 10;
/// Tokens of a text.
pub(crate) const CONTEXT: usize = 1 << 16;
/// Entries of a vocabulary: sixteen times the largest of a language model.
pub(crate) const VOCABULARY: usize = 1 << 22;
/// Pixels of a picture's side.
pub(crate) const IMAGE: usize = 8192;

/// Refuses values above their bound; each is a name, a value and the bound.
pub(crate) fn check_sizes(module: &'static str, sizes: &[(&str, usize, usize)]) -> Result<(), EncoderError> {
    match sizes.iter().find(|(_, value, most)| value > most) {
        Some((name, value, most)) => {
            Err(EncoderError::config(module, format!("{name} {value} is beyond any model: at most {most}")))
        }
        None => Ok(()),
    }
}

/// Refuses so many parameters in f32 if the machine has not the memory for them, before any of it is taken. Training takes four
/// times as much.
pub(crate) fn check_memory(module: &'static str, parameters: f64) -> Result<(), EncoderError> {
    within(module, parameters, physical_memory())
}

fn within(module: &'static str, parameters: f64, memory: Option<f64>) -> Result<(), EncoderError> {
    const GIB: f64 = (1u64 << 30) as f64;
    let bytes = 4.0 * parameters;
    match memory {
        Some(memory) if bytes > memory => Err(EncoderError::config(
            module,
            format!(
                "its weights would take {:.0} GiB, and this machine has {:.0} GiB: make it narrower or less deep",
                bytes / GIB,
                memory / GIB
            ),
        )),
        _ => Ok(()),
    }
}

/// Bytes of the machine's memory, where that can be told.
pub fn physical_memory() -> Option<f64> {
    parse(&String::from_utf8_lossy(&std::fs::read("/proc/meminfo").ok()?))
}

fn parse(table: &str) -> Option<f64> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kibibytes| 1024.0 * kibibytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_both_sizes() {
        assert_eq!(parse("MemFree: 1 kB\nMemTotal:       16384000 kB\nSwap: 1 kB\n"), Some(16_777_216_000.0));
        assert_eq!(parse("nothing"), None);
        let memory = Some(16.0 * (1u64 << 30) as f64);
        assert!(within("x", 4e9, memory).is_ok());
        let error = within("x", 5e9, memory).unwrap_err().to_string();
        assert!(error.contains("would take 19 GiB") && error.contains("has 16 GiB"), "{error}");
        assert!(within("x", 1e30, None).is_ok());
    }
}
