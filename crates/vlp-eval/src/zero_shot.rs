use ndarray::{Array2, Axis};

use crate::retrieval::{best_rank, check_count};
use crate::top_k::largest;
use crate::{Embeddings, EvalError};

/// What stands for the label in a template: here and in OpenAI's lists, and in CLIP_benchmark's.
const PLACES: [&str; 2] = ["{}", "{c}"];

/// Every label in every template, and the number of the label each prompt describes. `{}` or `{c}` stands for the label.
///
/// ```
/// let (texts, classes) = vlp_eval::prompts(&["cat", "dog"], &["a photo of a {}.", "{c}"])?;
/// assert_eq!(texts, ["a photo of a cat.", "cat", "a photo of a dog.", "dog"]);
/// assert_eq!(classes, [0, 0, 1, 1]);
/// # Ok::<(), vlp_eval::EvalError>(())
/// ```
///
/// # Errors
/// When a template has no place for the label: every class would get the same text.
pub fn prompts(
    labels: &[impl AsRef<str>],
    templates: &[impl AsRef<str>],
) -> Result<(Vec<String>, Vec<usize>), EvalError> {
    let places = |template: &str| PLACES.iter().any(|place| template.contains(place));
    if let Some(template) = templates.iter().find(|template| !places(template.as_ref())) {
        return Err(EvalError::Template { template: template.as_ref().to_owned() });
    }
    let classes = labels.iter().enumerate();
    Ok(classes
        .flat_map(|(class, label)| templates.iter().map(move |t| (fill(t.as_ref(), label.as_ref()), class)))
        .unzip())
}

/// Puts the label into every place in one pass, so that a label with braces in it stays as it is.
fn fill(template: &str, label: &str) -> String {
    let mut filled = String::with_capacity(template.len() + label.len());
    let mut rest = template;
    while let Some((at, place)) = PLACES.iter().filter_map(|place| Some((rest.find(place)?, place))).min() {
        filled.push_str(&rest[..at]);
        filled.push_str(label);
        rest = &rest[at + place.len()..];
    }
    filled + rest
}

/// One vector a class: the mean of its prompts' normalised vectors, normalised again (CLIP's prompt ensembling).
///
/// For a mixture of two heads, make the classes of each head and mix those.
///
/// # Errors
/// When `classes` does not have one number a prompt, or leaves out a number below its largest.
pub fn class_embeddings(prompts: &Embeddings, classes: &[usize]) -> Result<Embeddings, EvalError> {
    check_count("class numbers of the prompts", prompts.len(), classes.len())?;
    let total = classes.iter().max().map_or(0, |c| c + 1);
    let mut counts = vec![0usize; total];
    classes.iter().for_each(|class| counts[*class] += 1);
    if let Some(class) = counts.iter().position(|count| *count == 0) {
        return Err(EvalError::NoPrompt { class, classes: total });
    }
    let mut sums = Array2::<f64>::zeros((total, prompts.width()));
    for (row, class) in prompts.rows().axis_iter(Axis(0)).zip(classes) {
        sums.row_mut(*class).zip_mut_with(&row, |sum, v| *sum += f64::from(*v));
    }
    for (mut row, count) in sums.rows_mut().into_iter().zip(counts) {
        row /= count as f64;
    }
    Embeddings::new(sums.mapv(|v| v as f32))
}

/// How well pictures find their class by the similarity to its prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct ZeroShot {
    /// The most similar class of each picture; the lower number where two are equally similar.
    pub predictions: Vec<usize>,
    /// Share of the pictures whose class comes first.
    pub top1: f64,
    /// Share of the pictures whose class is among the first five; 1 where there are no more than five.
    pub top5: f64,
    /// Mean over the classes that occur of the share of their pictures whose class comes first.
    pub mean_class_recall: f64,
    /// Number of classes: chance is one in this many.
    pub classes: usize,
}

/// Classifies pictures among classes known by their prompts only.
///
/// # Errors
/// When the widths differ, or `labels` does not hold a class for every picture.
pub fn zero_shot(images: &Embeddings, classes: &Embeddings, labels: &[usize]) -> Result<ZeroShot, EvalError> {
    check_labels(labels, images.len(), classes.len())?;
    let mut ranks = Vec::with_capacity(images.len());
    let mut predictions = Vec::with_capacity(images.len());
    images.similarity_blocks(classes, |start, block| {
        for (index, row) in block.rows().into_iter().enumerate() {
            ranks.push(best_rank(row, &[labels[start + index]]));
            predictions.extend(largest(row, 1));
        }
        Ok(())
    })?;
    let share = |k: usize| ranks.iter().filter(|rank| **rank <= k).count() as f64 / ranks.len() as f64;
    let mut hits = vec![(0usize, 0usize); classes.len()];
    for (label, rank) in labels.iter().zip(&ranks) {
        hits[*label].0 += usize::from(*rank == 1);
        hits[*label].1 += 1;
    }
    let recalls: Vec<f64> = hits.iter().filter(|h| h.1 > 0).map(|h| h.0 as f64 / h.1 as f64).collect();
    Ok(ZeroShot {
        predictions,
        top1: share(1),
        top5: share(5),
        mean_class_recall: recalls.iter().sum::<f64>() / recalls.len() as f64,
        classes: classes.len(),
    })
}

pub(crate) fn check_labels(labels: &[usize], samples: usize, classes: usize) -> Result<(), EvalError> {
    check_count("labels of the samples", samples, labels.len())?;
    match labels.iter().find(|label| **label >= classes) {
        Some(&index) => Err(EvalError::OutOfRange { what: "class", index, len: classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn both_forms_of_a_place_are_filled_and_a_template_without_one_is_refused() {
        let (texts, _) = prompts(&["{c}"], &["a {} and a {c}"]).expect("places");
        assert_eq!(texts, ["a {c} and a {c}"]);
        let error = prompts(&["cat"], &["a {}", "a photo"]).expect_err("no place");
        assert!(error.to_string().contains("'a photo'"), "{error}");
    }

    #[test]
    fn a_class_is_the_direction_of_its_prompts_whatever_their_lengths() {
        let prompts = Embeddings::new(array![[5.0, 0.0], [0.0, 0.1], [-3.0, 0.0]]).expect("finite");
        let classes = class_embeddings(&prompts, &[0, 0, 1]).expect("no gaps");
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!((classes.rows()[[0, 0]] - half).abs() < 1e-6 && (classes.rows()[[0, 1]] - half).abs() < 1e-6);
        assert_eq!(classes.rows().row(1), array![-1.0, 0.0]);
    }

    #[test]
    fn equal_similarities_go_to_the_lower_class() {
        let images = Embeddings::new(array![[1.0, 0.0], [1.0, 0.0]]).expect("finite");
        let classes = Embeddings::new(array![[0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]).expect("finite");
        let result = zero_shot(&images, &classes, &[1, 2]).expect("valid");
        assert_eq!(result.predictions, [1, 1]);
        assert_eq!((result.top1, result.top5, result.mean_class_recall), (0.5, 1.0, 0.5));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let e = Embeddings::new(array![[1.0, 0.0], [0.0, 1.0]]).expect("finite");
        assert_eq!(class_embeddings(&e, &[0, 2]), Err(EvalError::NoPrompt { class: 1, classes: 3 }));
        assert!(matches!(class_embeddings(&e, &[0]), Err(EvalError::Count { expected: 2, got: 1, .. })));
        assert!(matches!(zero_shot(&e, &e, &[0]), Err(EvalError::Count { .. })));
        assert!(matches!(zero_shot(&e, &e, &[0, 2]), Err(EvalError::OutOfRange { index: 2, len: 2, .. })));
    }
}
