use ndarray::{Array1, Array2, Axis};

use crate::retrieval::check_count;
use crate::symmetric::solve;
use crate::zero_shot::check_labels;
use crate::{Embeddings, EvalError, accuracy};

/// A linear classifier on frozen embeddings, fitted by ridge regression on the classes: exact, without steps or seeds.
///
/// ```text
/// minimise over W, b:  1/n Σ_i ‖W x_i + b - y_i‖² + penalty · v · ‖W‖²      y_i the class, one-hot
/// v = mean over the dimensions of the variance of x
/// ```
///
/// It differs from the logistic regression of most papers by the loss only; the penalty is in units of the embeddings'
/// variance, so that one value suits any model.
///
/// ```
/// use ndarray::array;
/// use vlp_eval::{Embeddings, LinearProbe};
/// # fn main() -> Result<(), vlp_eval::EvalError> {
/// let train = Embeddings::new(array![[1.0, 0.1], [1.0, -0.1], [0.1, 1.0], [-0.1, 1.0]])?;
/// let classifier = LinearProbe::default().fit(&train, &[0, 0, 1, 1])?;
/// assert_eq!(classifier.predict(&Embeddings::new(array![[0.2, 0.9]])?)?, [1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearProbe {
    /// How much large weights cost, above 0.
    pub penalty: f64,
}

impl Default for LinearProbe {
    /// A hundredth of the embeddings' variance.
    fn default() -> Self {
        LinearProbe { penalty: 0.01 }
    }
}

/// What [`LinearProbe::fit`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearClassifier {
    /// `[dim, classes]`.
    weights: Array2<f64>,
    /// One a class.
    bias: Array1<f64>,
}

impl LinearProbe {
    /// Fits the classifier.
    ///
    /// # Errors
    /// When there is not one label a sample, or the penalty is not finite and above 0.
    pub fn fit(&self, samples: &Embeddings, labels: &[usize]) -> Result<LinearClassifier, EvalError> {
        if !(self.penalty > 0.0 && self.penalty.is_finite()) {
            let value = self.penalty.to_string();
            return Err(EvalError::Setting { name: "the penalty", value, must: "finite and above 0" });
        }
        let classes = labels.iter().max().map_or(0, |c| c + 1);
        check_labels(labels, samples.len(), classes)?;
        let (n, dim) = (samples.len() as f64, samples.width());
        let x = samples.rows().mapv(f64::from);
        let mean = x.mean_axis(Axis(0)).expect("never without rows");
        let x = x - &mean;
        let mut shares = Array1::<f64>::zeros(classes);
        labels.iter().for_each(|label| shares[*label] += 1.0 / n);
        // Xᵀ Y of centred X: the sums of each class.
        let mut sums = Array2::<f64>::zeros((dim, classes));
        for (row, label) in x.rows().into_iter().zip(labels) {
            sums.column_mut(*label).scaled_add(1.0 / n, &row);
        }
        let mut gram = x.t().dot(&x) / n;
        let ridge = self.penalty * gram.diag().sum() / dim as f64;
        gram.diag_mut().mapv_inplace(|v| v + ridge);
        // Not definite only where all embeddings are equal: then the most frequent class is the answer.
        let weights = solve(gram.view(), sums.view()).unwrap_or_else(|| Array2::zeros((dim, classes)));
        let bias = shares - mean.dot(&weights);
        Ok(LinearClassifier { weights, bias })
    }

    /// The penalty among `penalties` that classifies every fifth sample best when fitted on the others; the first of equals.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit), and when there are fewer than five samples or no penalties.
    pub fn chosen(penalties: &[f64], samples: &Embeddings, labels: &[usize]) -> Result<Self, EvalError> {
        check_count("labels of the samples", samples.len(), labels.len())?;
        let (held, kept): (Vec<usize>, Vec<usize>) = (0..samples.len()).partition(|i| i % 5 == 4);
        let of = |indices: &[usize]| -> Vec<usize> { indices.iter().map(|i| labels[*i]).collect() };
        let (train, test) = (samples.select(&kept)?, samples.select(&held)?);
        let (train_labels, test_labels) = (of(&kept), of(&held));
        let mut best: Option<(f64, Self)> = None;
        for &penalty in penalties {
            let probe = LinearProbe { penalty };
            let share = accuracy(&probe.fit(&train, &train_labels)?.predict(&test)?, &test_labels)?;
            if best.is_none_or(|(found, _)| share > found) {
                best = Some((share, probe));
            }
        }
        best.map(|(_, probe)| probe).ok_or(EvalError::Empty { what: "the list of penalties" })
    }
}

impl LinearClassifier {
    /// The class of each embedding; the lower number where scores are equal.
    ///
    /// # Errors
    /// When the embeddings are not as wide as those it was fitted on.
    pub fn predict(&self, samples: &Embeddings) -> Result<Vec<usize>, EvalError> {
        if samples.width() != self.weights.nrows() {
            return Err(EvalError::Width { left: self.weights.nrows(), right: samples.width() });
        }
        let scores = samples.rows().mapv(f64::from).dot(&self.weights) + &self.bias;
        let best = |row: ndarray::ArrayView1<'_, f64>| {
            row.iter().enumerate().fold(0, |best, (class, score)| if *score > row[best] { class } else { best })
        };
        Ok(scores.rows().into_iter().map(best).collect())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn samples() -> (Embeddings, Vec<usize>) {
        let rows =
            Array2::from_shape_fn((60, 5), |(i, j)| ((i * 7 + j * 3) as f32 * 0.7).sin() + (i % 3 == j) as u8 as f32);
        (Embeddings::new(rows).expect("finite"), (0..60).map(|i| i % 3).collect())
    }

    #[test]
    fn two_samples_are_fitted_as_worked_out_by_hand() {
        // Mean (½, ½), centred ±(½, -½); variance ¼ each, so the penalty 1 adds ¼ to the diagonal of [[¼, -¼], [-¼, ¼]].
        let two = Embeddings::new(array![[1.0, 0.0], [0.0, 1.0]]).expect("finite");
        let fitted = LinearProbe { penalty: 1.0 }.fit(&two, &[0, 1]).expect("valid");
        // Xᵀ Y / n = ¼ [[1, -1], [-1, 1]], whose columns the sum multiplies by ½ + ¼.
        let third = 1.0 / 3.0;
        let want = array![[third, -third], [-third, third]];
        assert!((&fitted.weights - &want).iter().all(|d| d.abs() < 1e-12), "{}", fitted.weights);
        assert!(fitted.bias.iter().all(|b| (b - 0.5).abs() < 1e-12), "{}", fitted.bias);
    }

    #[test]
    fn the_gradient_of_the_objective_is_zero_at_the_fit() {
        let (samples, labels) = samples();
        let probe = LinearProbe { penalty: 0.3 };
        let fitted = probe.fit(&samples, &labels).expect("valid");
        let x = samples.rows().mapv(f64::from);
        let variance = x.var_axis(Axis(0), 0.0).mean().expect("columns");
        let mut residual = x.dot(&fitted.weights) + &fitted.bias;
        labels.iter().enumerate().for_each(|(i, label)| residual[[i, *label]] -= 1.0);
        let gradient = x.t().dot(&residual) / 60.0 + &fitted.weights * (probe.penalty * variance);
        // Sums of 60 terms of magnitude 1 in f64.
        assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient}");
        assert!(residual.sum_axis(Axis(0)).iter().all(|g| g.abs() < 1e-10));
    }

    #[test]
    fn separable_classes_are_told_apart_and_equal_vectors_get_the_most_frequent_class() {
        let (samples, labels) = samples();
        let fitted = LinearProbe::default().fit(&samples, &labels).expect("valid");
        assert!(accuracy(&fitted.predict(&samples).expect("same width"), &labels).expect("some") > 0.9);
        let equal = Embeddings::new(Array2::ones((4, 2))).expect("finite");
        let fitted = LinearProbe::default().fit(&equal, &[1, 0, 1, 2]).expect("valid");
        assert_eq!(fitted.predict(&equal).expect("same width"), [1; 4]);
    }

    #[test]
    fn the_chosen_penalty_is_best_on_what_was_held_out() {
        let (samples, labels) = samples();
        let chosen = LinearProbe::chosen(&[1e9, 0.01], &samples, &labels).expect("valid");
        assert_eq!(chosen.penalty, 0.01);
        assert!(matches!(LinearProbe::chosen(&[], &samples, &labels), Err(EvalError::Empty { .. })));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (samples, labels) = samples();
        for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(LinearProbe { penalty }.fit(&samples, &labels), Err(EvalError::Setting { .. })));
        }
        assert!(matches!(LinearProbe::default().fit(&samples, &[0]), Err(EvalError::Count { .. })));
        let fitted = LinearProbe::default().fit(&samples, &labels).expect("valid");
        let narrow = Embeddings::new(array![[1.0]]).expect("finite");
        assert_eq!(fitted.predict(&narrow), Err(EvalError::Width { left: 5, right: 1 }));
    }
}
