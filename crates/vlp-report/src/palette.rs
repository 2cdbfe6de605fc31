/// A colour, red, green, blue.
pub(crate) type Rgb = [u8; 3];

pub(crate) const PAPER: Rgb = [255, 255, 255];
pub(crate) const INK: Rgb = [33, 37, 41];
pub(crate) const MUTED: Rgb = [108, 117, 125];
pub(crate) const RULE: Rgb = [226, 230, 234];
pub(crate) const AXIS: Rgb = [173, 181, 189];
pub(crate) const RIGHT: Rgb = [38, 166, 91];
pub(crate) const WRONG: Rgb = [222, 200, 200];
/// Where a matrix holds no number.
pub(crate) const NO_VALUE: Rgb = [206, 212, 218];

/// Told apart by lightness as well as hue, so that colour-blind readers and grey printers can follow.
const SERIES: [Rgb; 8] = [
    [31, 95, 175],
    [224, 112, 24],
    [35, 145, 85],
    [134, 72, 190],
    [200, 48, 62],
    [0, 150, 170],
    [150, 105, 60],
    [90, 98, 105],
];

/// The colour of the i-th series.
pub(crate) fn series(index: usize) -> Rgb {
    SERIES[index % SERIES.len()]
}

/// `colour` thinned with paper; `share` of 1 keeps it.
pub(crate) fn tint(colour: Rgb, share: f64) -> Rgb {
    mix(PAPER, colour, share)
}

fn mix(a: Rgb, b: Rgb, t: f64) -> Rgb {
    std::array::from_fn(|i| (f64::from(a[i]) + (f64::from(b[i]) - f64::from(a[i])) * t).round() as u8)
}

/// Black through purple and orange to pale yellow, of even steps in lightness: large values glow.
const GLOW: [Rgb; 9] = [
    [5, 5, 20],
    [30, 18, 75],
    [80, 20, 122],
    [130, 38, 129],
    [181, 55, 122],
    [228, 80, 100],
    [250, 130, 95],
    [254, 190, 130],
    [252, 250, 195],
];

/// The colour of a share of the range, `[0, 1]`; NaN has its own.
pub(crate) fn glow(share: f64) -> Rgb {
    if share.is_nan() {
        return NO_VALUE;
    }
    let position = share.clamp(0.0, 1.0) * (GLOW.len() - 1) as f64;
    let low = (position as usize).min(GLOW.len() - 2);
    mix(GLOW[low], GLOW[low + 1], position - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glow_grows_lighter_and_keeps_its_ends() {
        let luma = |c: Rgb| 0.299 * f64::from(c[0]) + 0.587 * f64::from(c[1]) + 0.114 * f64::from(c[2]);
        let steps: Vec<f64> = (0..=40).map(|i| luma(glow(f64::from(i) / 40.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[1] > pair[0]), "{steps:?}");
        assert_eq!(glow(-3.0), GLOW[0]);
        assert_eq!(glow(7.0), GLOW[8]);
        assert_eq!(glow(f64::NAN), NO_VALUE);
    }
}
