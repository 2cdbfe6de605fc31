/// Maps values to a share of an axis and finds round numbers to write beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// An axis over the finite values (positive ones if `log`), widened by `margin` of its length on both sides.
    /// `None` when there is no such value.
    pub(crate) fn over(values: impl Iterator<Item = f64>, log: bool, margin: f64) -> Option<Self> {
        let scale = |v: f64| if log { v.log10() } else { v };
        let (low, high) = values
            .map(scale)
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        // A constant still needs an axis of some length.
        let around = if low == 0.0 { 0.5 } else { (low.abs() * 0.1).max(f64::MIN_POSITIVE) };
        let length = high - low;
        let pad = if length > 0.0 && length.is_finite() { length * margin } else { around };
        Some(Axis { low: low - pad, high: high + pad, log })
    }

    /// The place of a value, 0 at the low end and 1 at the high; `None` where the axis has no place for it.
    pub(crate) fn share(&self, value: f64) -> Option<f64> {
        let value = if self.log { value.log10() } else { value };
        let share = value / (self.high - self.low) - self.low / (self.high - self.low);
        share.is_finite().then_some(share)
    }

    /// About `count` round values on the axis with their labels.
    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        if !self.log {
            return linear_ticks(self.low, self.high, count);
        }
        let decades = self.low.ceil() as i32..=self.high.floor() as i32;
        let within = |v: f64| (self.low..=self.high).contains(&v.log10());
        let spread = decades.clone().count();
        if spread >= 3 {
            let stride = spread.div_ceil(count.max(1)).max(1);
            return decades.step_by(stride).map(|e| (10f64.powi(e), number(10f64.powi(e)))).collect();
        }
        let fine: Vec<(f64, String)> = (self.low.floor() as i32..=self.high.floor() as i32)
            .flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)))
            .filter(|v| within(*v))
            .map(|v| (v, number(v)))
            .collect();
        if fine.len() >= 3 {
            return fine;
        }
        linear_ticks(10f64.powf(self.low), 10f64.powf(self.high), count)
    }
}

fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999);
    let Some(step) = step.filter(|s| s.is_finite() && *s > 0.0) else { return Vec::new() };
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let values: Vec<f64> = (0..=(last - first).max(0.0) as usize)
        .map(|i| (first + i as f64) * step)
        // At the far end of f64 a step is lost in rounding: keep what the axis can place.
        .filter(|v| (low..=high).contains(v))
        .collect();
    let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    // One exponent for the whole axis, so that its labels compare at a glance.
    let exponent = if largest > 0.0 && !(0.01..1e6).contains(&largest) { largest.log10().floor() as i32 } else { 0 };
    let unit = 10f64.powi(exponent);
    let decimals = (0..8).find(|d| is_whole(step / unit * 10f64.powi(*d))).unwrap_or(8) as usize;
    let label = |v: f64| {
        let digits = grouped(&format!("{:.decimals$}", v / unit));
        match exponent {
            _ if v.abs() < step * 1e-6 => "0".to_owned(),
            0 => digits,
            _ => format!("{digits}e{exponent}"),
        }
    };
    values.into_iter().map(|v| (v, label(v))).collect()
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-6 * value
}

/// A number for people: 12,000, 0.25, 3e-5.
pub(crate) fn number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return trimmed_exponent(value);
    }
    let text = format!("{value:.4}");
    grouped(text.trim_end_matches('0').trim_end_matches('.'))
}

/// Three digits after the point at most, as in 1.5e-3.
fn trimmed_exponent(value: f64) -> String {
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        None => text,
    }
}

/// Commas between thousands from 10,000 on.
fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |d| ("-", d));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if digits.len() > 4 && index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, log: bool) -> Vec<String> {
        let axis = Axis::over([low, high].into_iter(), log, 0.0).expect("finite");
        axis.ticks(6).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(labels(0.0, 30.0, false), ["0", "5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(3.11, 5.9, false), ["3.5", "4.0", "4.5", "5.0", "5.5"]);
        assert_eq!(labels(0.0, 23_000.0, false), ["0", "5000", "10,000", "15,000", "20,000"]);
        assert_eq!(labels(0.0, 0.0015, false), ["0", "0.25e-3", "0.50e-3", "0.75e-3", "1.00e-3", "1.25e-3", "1.50e-3"]);
        assert_eq!(labels(-2.0, 2.0, false), ["-2", "-1", "0", "1", "2"]);
    }

    #[test]
    fn log_ticks_are_decades_or_finer_where_decades_are_few() {
        assert_eq!(labels(1e-6, 1.0, true), ["1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(labels(0.9, 60.0, true), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(labels(3.1, 3.9, true), ["3.2", "3.4", "3.6", "3.8"]);
    }

    #[test]
    fn a_constant_lies_in_the_middle_of_an_axis_of_its_own_size() {
        for value in [1e-5, 5.3, -700.0, 0.0, 5e-324] {
            let axis = Axis::over([value].into_iter(), false, 0.04).expect("finite");
            assert!((axis.share(value).expect("on the axis") - 0.5).abs() < 1e-9, "{value}");
        }
        let axis = Axis::over([1e-5].into_iter(), false, 0.04).expect("finite");
        assert!(axis.ticks(6).iter().all(|(v, _)| *v > 8e-6 && *v < 1.2e-5), "{:?}", axis.ticks(6));
    }

    #[test]
    fn extreme_ranges_neither_panic_nor_grow() {
        for (low, high) in
            [(0.0, 0.0), (5.0, 5.0), (-1e308, 1e308), (1e300, 1.0000001e300), (0.0, 5e-324), (1.0, 1.0 + 1e-15)]
        {
            let axis = Axis::over([low, high].into_iter(), false, 0.04).expect("finite");
            assert!(axis.ticks(6).len() <= 12, "{low} {high}");
            assert!(axis.share(low).is_none_or(|s| (-0.01..=1.01).contains(&s)), "{low} {high}");
        }
        assert!(Axis::over([f64::NAN, f64::INFINITY].into_iter(), false, 0.0).is_none());
        assert!(Axis::over([-1.0, 0.0].into_iter(), true, 0.0).is_none());
    }
}
