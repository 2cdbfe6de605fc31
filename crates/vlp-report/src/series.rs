/// One curve of a [`LineChart`](crate::LineChart).
#[derive(Debug, Clone)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) window: Option<f64>,
    pub(crate) secondary: bool,
}

impl Series {
    /// A curve through `(x, y)` points in the order given. Points that are not finite leave a gap.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Series { name: name.into(), points: points.into_iter().collect(), window: None, secondary: false }
    }

    /// A curve over 0, 1, 2, ...
    pub fn from_values(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Series::new(name, values.into_iter().enumerate().map(|(x, y)| (x as f64, y)))
    }

    /// Draws the raw curve pale, and strong what [`smooth`] makes of it over about `window` points.
    pub fn smoothed(mut self, window: f64) -> Self {
        self.window = Some(window);
        self
    }

    /// Measures the curve on the right axis, which is always linear.
    pub fn secondary(mut self) -> Self {
        self.secondary = true;
        self
    }

    /// The points with y smoothed, if this series asks for it.
    pub(crate) fn smooth_points(&self) -> Option<Vec<(f64, f64)>> {
        let values: Vec<f64> = self.points.iter().map(|p| p.1).collect();
        let smoothed = smooth(&values, self.window?);
        Some(self.points.iter().zip(smoothed).map(|(p, y)| (p.0, y)).collect())
    }
}

/// Gaussian average around every point: it does not lag behind the curve, as an average over the past would.
///
/// `m_t = sum_i w_i x_(t+i) / sum_i w_i` with `w_i = exp(-i^2 / (2 s^2))`, `s = window / 4`, over the finite values
/// within `3 s` of t. Where the input is not finite the output is NaN. A window of 1 or less returns the input.
pub fn smooth(values: &[f64], window: f64) -> Vec<f64> {
    let deviation = if window > 1.0 { window.min(4.0 * values.len() as f64) / 4.0 } else { 0.0 };
    let reach = (3.0 * deviation) as usize;
    let weights: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / deviation).powi(2)).exp()).collect();
    let average = |at: usize| {
        let first = at.saturating_sub(reach);
        let around = values[first..values.len().min(at + reach + 1)].iter().enumerate();
        let (sum, total) = around.filter(|(_, v)| v.is_finite()).fold((0.0, 0.0), |(sum, total), (offset, value)| {
            let weight = weights[(first + offset).abs_diff(at)];
            (sum + weight * value, total + weight)
        });
        sum / total
    };
    let point = |(at, value): (usize, &f64)| match value.is_finite() {
        true if reach > 0 => average(at),
        true => *value,
        false => f64::NAN,
    };
    values.iter().enumerate().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_stays_where_it_is_away_from_its_ends() {
        let line: Vec<f64> = (0..200).map(|i| 3.0 - 0.5 * f64::from(i)).collect();
        let smoothed = smooth(&line, 20.0);
        assert!(line.iter().zip(&smoothed).skip(15).take(170).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(smooth(&[3.0; 50], 10.0).iter().all(|v| (v - 3.0).abs() < 1e-12));
    }

    #[test]
    fn values_that_are_not_finite_leave_a_gap_and_no_trace() {
        let smoothed = smooth(&[1.0, f64::NAN, 4.0, f64::INFINITY], 4.0);
        assert!(smoothed[1].is_nan() && smoothed[3].is_nan());
        let weight = (-2.0f64).exp();
        assert!((smoothed[0] - (1.0 + weight * 4.0) / (1.0 + weight)).abs() < 1e-12);
    }

    #[test]
    fn noise_shrinks() {
        let noise: Vec<f64> = (0..500).map(|i| (f64::from(i) * 12.9898).sin()).collect();
        let power = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
        assert!(power(&smooth(&noise, 30.0)) < 0.05 * power(&noise));
    }

    #[test]
    fn narrow_and_giant_windows_and_no_values_are_fine() {
        for window in [1.0, 0.0, -5.0, f64::NAN, 1.2] {
            assert_eq!(smooth(&[3.0, 1.0, 2.0], window), [3.0, 1.0, 2.0], "{window}");
        }
        assert!(smooth(&[3.0, 1.0, 2.0], f64::INFINITY).iter().all(|v| (v - 2.0).abs() < 0.2));
        assert!(smooth(&[], 10.0).is_empty());
    }
}
