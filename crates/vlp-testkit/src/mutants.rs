//! Damaged text: small changes at random places, the same for the same seed.

/// Characters that mean something in JSON, TOML, CSV or a brace pattern, and bytes that are no UTF-8.
const TELLING: &[u8] = b"{}[]()\"',:;=#.|\\/\t\n\r 0189-+eE\x00\xff\x80\xe2";

/// How many times as many mutants as usual a test reads: what `VLP_MUTANTS_TIMES` says, 1 without it. `scripts/mutated-files.sh`
/// sets it.
///
/// # Panics
/// When it says anything but a number above 0.
pub fn times() -> u64 {
    let times =
        std::env::var("VLP_MUTANTS_TIMES").map_or(1, |times| times.parse().expect("VLP_MUTANTS_TIMES is a number"));
    assert!(times > 0, "VLP_MUTANTS_TIMES is 0: no mutant would be read");
    times
}

/// One to four changes: a byte replaced, put in or flipped, a stretch doubled, removed or moved elsewhere.
pub fn mutate_text(original: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    // Numerical Recipes' generator, the upper bits.
    let mut below = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % n.max(1)
    };
    let mut bytes = original.to_vec();
    for _ in 0..=below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = below(bytes.len());
        let end = (at + 1 + below(24)).min(bytes.len());
        match below(7) {
            0 => bytes[at] = below(256) as u8,
            1 => bytes[at] = TELLING[below(TELLING.len())],
            2 => bytes[at] ^= 1 << below(8),
            3 => bytes.insert(at, TELLING[below(TELLING.len())]),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.drain(at..end)),
            _ => {
                let piece: Vec<u8> = bytes.drain(at..end).collect();
                let to = below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}
