use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;

use super::buffer::{fits, map, map_pairs, narrowed, tensor, values, widened};
use super::math::{exp, exp_of_sum};
use crate::gelu::{Gate, GeluOps, QUICK_SLOPE, TANH_CUBE, TANH_SLOPE, composed, composed_backward};

impl GeluOps for Flex {
    fn gated(x: FloatTensor<Self>, gate: Gate) -> FloatTensor<Self> {
        if !fits(&x) {
            return composed::<Self>(x, gate);
        }
        let (dtype, shape) = (x.dtype(), x.layout().shape().clone());
        let [x] = widened([x]);
        let x = values(&x);
        let y = match gate {
            Gate::Normal => map(
                x,
                #[inline(always)]
                |x| x * normal(x).0,
            ),
            Gate::Tanh => map(
                x,
                #[inline(always)]
                |x| x * sigmoid(tanh_argument(x)),
            ),
            Gate::Quick => map(
                x,
                #[inline(always)]
                |x| x * sigmoid(QUICK_SLOPE as f32 * x),
            ),
        };
        narrowed(tensor(y, shape), dtype)
    }

    fn gated_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>, gate: Gate) -> FloatTensor<Self> {
        if !fits(&x) {
            return composed_backward::<Self>(x, gradient, gate);
        }
        let (dtype, shape) = (x.dtype(), x.layout().shape().clone());
        let [x, gradient] = widened([x, gradient]);
        let (x, gradient) = (values(&x), values(&gradient));
        let d_x = match gate {
            Gate::Normal => map_pairs(
                x,
                gradient,
                #[inline(always)]
                |x, d| {
                    let (share, density) = normal(x);
                    d * (share + x * density)
                },
            ),
            Gate::Tanh => map_pairs(
                x,
                gradient,
                #[inline(always)]
                |x, d| {
                    let slope = TANH_SLOPE as f32 * (1.0 + 3.0 * TANH_CUBE as f32 * x * x);
                    d * gated_slope(x, sigmoid(tanh_argument(x)), slope)
                },
            ),
            Gate::Quick => map_pairs(
                x,
                gradient,
                #[inline(always)]
                |x, d| d * gated_slope(x, sigmoid(QUICK_SLOPE as f32 * x), QUICK_SLOPE as f32),
            ),
        };
        narrowed(tensor(d_x, shape), dtype)
    }
}

#[inline(always)]
fn tanh_argument(x: f32) -> f32 {
    TANH_SLOPE as f32 * (x + TANH_CUBE as f32 * x * x * x)
}

/// `σ + x σ (1 - σ) a'`, 0 or 1 where x is so far out that the product would be infinity times zero.
#[inline(always)]
fn gated_slope(x: f32, share: f32, slope: f32) -> f32 {
    let bend = share * (1.0 - share);
    share + if bend == 0.0 { 0.0 } else { x * bend * slope }
}

/// `1 / (1 + exp(-x))`, in the negative tail with all its digits.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let inverse = 1.0 / (1.0 + e);
    if x > 0.0 { inverse } else { e * inverse }
}

/// Distribution function and density of the normal distribution, from one exponential.
///
/// The tail is `Φ(-|x|) = q(|x|) exp(-x²/2)`, where q falls smoothly from 1/2: a minimax polynomial in `(|x| - 3) / (|x| + 3)`,
/// fitted on `[0, 13.4]` with a relative error of 7e-9. Further out the exponential is 0.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    const SHARE: f32 = 0.398_942_3;
    // Beyond, both are 0 or 1; the bound keeps the square finite. NaN returns through the product with x.
    let a = if x.abs() < 14.0 { x.abs() } else { 14.0 };
    // The square in two parts, the first exact: an error in the exponent would be one of the result's relative size.
    let high = f32::from_bits(a.to_bits() & 0xffff_f000);
    let e = exp_of_sum(-0.5 * high * high, -0.5 * (a - high) * (a + high));
    let t = (a - 3.0) / (a + 3.0);
    // Written out: over a loop in here the compiler makes no vector code of the loop around it.
    let mut q = 5.415_085e-5;
    q = q * t + 1.160_373_8e-4;
    q = q * t - 3.399_113_4e-4;
    q = q * t - 9.841_828e-4;
    q = q * t + 2.904_702_6e-3;
    q = q * t + 6.132_183e-3;
    q = q * t - 0.046_213_314;
    q = q * t + 0.123_225_02;
    q = q * t - 0.206_402_62;
    q = q * t + 0.121_513_95;
    let tail = q * e;
    (if x > 0.0 { 1.0 - tail } else { tail }, SHARE * e)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Φ(x) in f64: a series near zero, a continued fraction in the tail (Abramowitz and Stegun 26.2.10 and 26.2.14).
    fn reference(x: f64) -> (f64, f64) {
        let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let a = x.abs();
        let tail = if a < 3.0 {
            let (mut term, mut sum, mut n) = (a, a, 1.0);
            while term > 1e-18 * sum && n < 400.0 {
                term *= a * a / (2.0 * n + 1.0);
                sum += term;
                n += 1.0;
            }
            0.5 - density * sum
        } else {
            density / (1..200).rev().fold(a, |fraction, n| a + f64::from(n) / fraction)
        };
        (if x > 0.0 { 1.0 - tail } else { tail }, density)
    }

    fn grid() -> impl Iterator<Item = f32> {
        (-130_000..130_000).map(|i| i as f32 * 1.000_3e-4)
    }

    #[test]
    fn the_normal_distribution_is_good_to_four_units_in_the_last_place() {
        let (mut of_share, mut of_density) = (0f64, 0f64);
        for x in grid().filter(|x| x.abs() < 12.5) {
            let ((share, density), expected) = (normal(x), reference(f64::from(x)));
            of_share = of_share.max((f64::from(share) / expected.0 - 1.0).abs());
            of_density = of_density.max((f64::from(density) / expected.1 - 1.0).abs());
        }
        assert!(of_share < 5e-7 && of_density < 3e-7, "Φ to {of_share:e}, φ to {of_density:e}");
    }

    #[test]
    fn the_normal_distribution_ends_in_zero_and_one() {
        assert_eq!((normal(0.0).0, normal(f32::INFINITY).0, normal(f32::NEG_INFINITY).0), (0.5, 1.0, 0.0));
        assert_eq!(normal(1e30), (1.0, 0.0));
    }

    #[test]
    fn the_logistic_function_is_good_to_four_units_in_the_last_place() {
        for x in grid().map(|x| x * 6.0).filter(|x| x.abs() < 80.0) {
            let expected = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) / expected - 1.0).abs() < 5e-7, "σ({x}) = {}", sigmoid(x));
        }
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)), (1.0, 0.0));
    }
}
