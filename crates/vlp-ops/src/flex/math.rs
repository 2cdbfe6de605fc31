//! Exponentials and what is made of them, written so that the compiler turns loops over them into vector code.

/// Numbers that a loop treats at once: four registers of the widest kind, so that sums do not wait for one another.
pub(super) const LANES: usize = 64;

/// `exp(x)` for `x <= 0` to 2 units in the last place; 0 below -87.3, where f32 has no normal number left.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    exp_of_sum(x, 0.0)
}

/// `exp(x + low)` as [`exp`], for a `low` so small that the sum in f32 would lose it.
#[inline(always)]
pub(super) fn exp_of_sum(x: f32, low: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, the first with so few digits that its products are exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding this leaves the nearest whole number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    let shifted = x * LOG2_E + SHIFT;
    let power = shifted - SHIFT;
    let r = (x - power * LN_2_HIGH) - power * LN_2_LOW + low;
    // The minimax polynomial of Cephes' expf on [-ln 2 / 2, ln 2 / 2].
    let mut p = 1.987_569_1e-4f32;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    let two_to_power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    let result = p * two_to_power;
    if x < -87.336_54 { 0.0 } else { result }
}

/// `log(1 + y)` for y in `[0, 1]`, with small y kept to the last digit: `2 atanh(y / (2 + y))` as a series.
#[inline(always)]
pub(super) fn log_1p(y: f32) -> f32 {
    let t = y / (2.0 + y);
    let s = t * t;
    let mut p = 1.0f32 / 15.0;
    p = p * s + 1.0 / 13.0;
    p = p * s + 1.0 / 11.0;
    p = p * s + 1.0 / 9.0;
    p = p * s + 1.0 / 7.0;
    p = p * s + 1.0 / 5.0;
    p = p * s + 1.0 / 3.0;
    2.0 * (t + t * s * p)
}

/// `(softplus(x), σ(x))` from one exponential.
#[inline(always)]
pub(super) fn softplus_and_sigmoid(x: f32) -> (f32, f32) {
    let e = exp(-x.abs());
    let inverse = 1.0 / (1.0 + e);
    let positive = x > 0.0;
    (if positive { x } else { 0.0 } + log_1p(e), if positive { inverse } else { e * inverse })
}

/// The largest number; NaN counts nothing.
#[inline(always)]
pub(super) fn largest(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane = larger(*lane, value);
        }
    }
    rest.iter().chain(&lanes).fold(f32::NEG_INFINITY, |a, &b| larger(a, b))
}

/// Where `value` stands first.
#[inline(always)]
pub(super) fn position(values: &[f32], value: f32) -> Option<usize> {
    let block = values.chunks(LANES).position(|block| block.iter().fold(false, |found, &x| found | (x == value)))?;
    let from = block * LANES;
    values[from..].iter().position(|&x| x == value).map(|at| from + at)
}

/// The sum of `f` over all numbers, in f32 lanes joined in f64.
#[inline(always)]
pub(super) fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += f(value);
        }
    }
    let rest: f64 = rest.iter().map(|&value| f64::from(f(value))).sum();
    (rest + lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>()) as f32
}

/// Computes an expression in code for the widest vector instructions that this machine has.
///
/// There is a copy of the expression for every set of instructions, so once it is long the compiler would rather call than inline it, and
/// what is called is compiled for the oldest set. Hence the closure is always inlined, and so should be those that its loops call.
macro_rules! vectorised {
    ($body:expr) => {{
        // Consuming something makes the closure one to call once. Another would be called through a function that takes it by value, which
        // nothing inlines.
        let once = crate::flex::math::Once;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let crate::flex::math::Once = { once };
                $body
            },
        )
    }};
}
pub(super) use vectorised;

/// See [`vectorised`].
pub(super) struct Once;

#[cfg(test)]
mod tests {
    use super::*;

    /// From -100 to 0 in steps that hit no pattern.
    fn grid() -> impl Iterator<Item = f32> {
        (0..200_000).map(|i| -(i as f32) * 5.003e-4)
    }

    #[test]
    fn the_exponential_is_good_to_two_units_in_the_last_place() {
        for x in grid().filter(|&x| x > -87.3) {
            let (actual, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((actual / expected - 1.0).abs() < 2.4e-7, "exp({x}) = {actual}, not {expected}");
        }
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-87.4), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn softplus_keeps_small_values_and_the_sigmoid_both_ends() {
        for x in grid().chain(grid().map(|x| -x)).filter(|x| x.abs() < 87.0) {
            let (softplus, sigmoid) = softplus_and_sigmoid(x);
            let e = f64::from(x).exp();
            assert!((f64::from(softplus) / e.ln_1p() - 1.0).abs() < 5e-7, "softplus({x}) = {softplus}");
            assert!((f64::from(sigmoid) / (e / (1.0 + e)) - 1.0).abs() < 5e-7, "σ({x}) = {sigmoid}");
        }
        assert_eq!(softplus_and_sigmoid(200.0), (200.0, 1.0));
        assert_eq!(softplus_and_sigmoid(-200.0), (0.0, 0.0));
        assert!(softplus_and_sigmoid(f32::NAN).0.is_nan());
    }

    #[test]
    fn reductions_see_every_element_whatever_the_length() {
        for length in [1, 63, 64, 65, 129, 1000] {
            let values: Vec<f32> = (0..length).map(|i| ((i * 37) % length) as f32).collect();
            assert_eq!(largest(&values), (length - 1) as f32);
            assert_eq!(sum(&values, |x| x), values.iter().sum::<f32>());
            let at = position(&values, (length - 1) as f32).unwrap();
            assert_eq!(values[at], (length - 1) as f32);
            assert!(values[..at].iter().all(|&x| x < (length - 1) as f32));
        }
        assert_eq!(position(&[1.0, 2.0], 3.0), None);
    }
}
