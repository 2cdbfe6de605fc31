use ndarray::Axis;

use crate::Embeddings;
use crate::symmetric::eigenvalues;

/// How far embeddings spread over their space: what falls when a model collapses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean over the dimensions of the standard deviation, times the root of their number: 0 where all embeddings are
    /// equal, 1 where they point everywhere alike (Chen and He 2020, "Exploring simple Siamese representation learning").
    pub deviation: f64,
    /// `exp(-Σ p_k log p_k)` over `p_k = σ_k / Σ σ`, the singular values of the centred embeddings: how many directions
    /// they use, 1 to the width; 0 where all embeddings are equal (Roy and Vetterli 2007, "The effective rank"; RankMe
    /// does not centre).
    pub effective_rank: f64,
}

impl Spread {
    /// Measures embeddings; takes about the cube of their width in operations.
    pub fn of(embeddings: &Embeddings) -> Self {
        let x = embeddings.rows().mapv(f64::from);
        let deviation = x.std_axis(Axis(0), 0.0).mean().unwrap_or(0.0) * (embeddings.width() as f64).sqrt();
        let x = &x - &x.mean_axis(Axis(0)).expect("never without rows");
        let values = eigenvalues(x.t().dot(&x));
        // Zeros of the spectrum come out as roundings of the largest value, of either sign; their roots would count.
        let floor = values.iter().fold(0.0, |most: f64, v| most.max(*v)) * f64::EPSILON * values.len() as f64;
        // Rows of f32 leave this much of what should be equal.
        let noise = embeddings.len() as f64 * f64::from(f32::EPSILON).powi(2);
        let singular: Vec<f64> = values.into_iter().filter(|v| *v > floor.max(noise)).map(f64::sqrt).collect();
        let sum: f64 = singular.iter().sum();
        let entropy: f64 = singular.iter().map(|s| s / sum).map(|p| -p * p.ln()).sum();
        Spread { deviation, effective_rank: if singular.is_empty() { 0.0 } else { entropy.exp() } }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn equal_embeddings_have_no_spread() {
        let equal = Embeddings::new(Array2::from_shape_fn((50, 3), |(_, j)| 0.3 + j as f32)).expect("finite");
        let spread = Spread::of(&equal);
        assert!(spread.deviation < 1e-6 && spread.effective_rank == 0.0, "{spread:?}");
    }

    #[test]
    fn all_axes_alike_give_full_rank_and_deviation_one() {
        let axes = array![
            [1.0, 0.0, 0.0],
            [-1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, -1.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, -1.0]
        ];
        let spread = Spread::of(&Embeddings::new(axes).expect("finite"));
        assert!((spread.deviation - 1.0).abs() < 1e-12 && (spread.effective_rank - 3.0).abs() < 1e-12, "{spread:?}");
    }

    #[test]
    fn the_rank_weighs_singular_values() {
        let rows = array![[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let spread = Spread::of(&Embeddings::new(rows).expect("finite"));
        // Singular values 2 and √2.
        let p = 2.0 / (2.0 + 2f64.sqrt());
        let want = (-p * p.ln() - (1.0 - p) * (1.0 - p).ln()).exp();
        assert!((spread.effective_rank - want).abs() < 1e-12, "{spread:?} {want}");
    }

    #[test]
    fn one_direction_is_rank_one() {
        let line = Embeddings::new(array![[3.0, 4.0], [-3.0, -4.0], [0.6, 0.8]]).expect("finite");
        assert!((Spread::of(&line).effective_rank - 1.0).abs() < 1e-6);
    }
}
