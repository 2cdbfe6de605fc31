//! Figures of CLIP_benchmark, lightly and open_clip on features of closed form; see `golden/metrics.json` for the
//! formulas and where each figure comes from.

use ndarray::Array2;
use serde_json::Value;
use vlp_eval::{Embeddings, Knn, Positives, accuracy, class_embeddings, retrieval, zero_shot};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/metrics.json")).expect("the golden file is JSON")
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("{key} is no number in {case}"))
}

fn count(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap_or_else(|| panic!("{key} is no count in {case}")) as usize
}

fn predictions(case: &Value) -> Vec<usize> {
    serde_json::from_value(case["predictions"].clone()).expect("a list of classes")
}

/// The generator behind all of them: uniform in [0, 1).
struct Uniform(u32);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / 2f64.powi(32)
    }
}

fn noise(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
    let mut uniform = Uniform(seed as u32);
    Array2::from_shape_simple_fn((rows, columns), || (0..12).map(|_| uniform.next()).sum::<f64>() - 6.0)
}

fn labels(n: usize, classes: usize, seed: usize) -> Vec<usize> {
    let mut uniform = Uniform(seed as u32);
    (0..n).map(|_| (uniform.next() * classes as f64) as usize).collect()
}

fn rows_of(matrix: &Array2<f64>, indices: &[usize]) -> Array2<f64> {
    matrix.select(ndarray::Axis(0), indices)
}

fn embeddings(vectors: Array2<f64>) -> Embeddings {
    Embeddings::new(vectors.mapv(|v| v as f32)).expect("finite")
}

/// The figures are exact fractions in f64 or f32; their decisions are wider apart than our rounding.
fn close(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() < 1e-6, "{what}: {got} is not {want}");
}

#[test]
fn zero_shot_equals_clip_benchmark() {
    for case in golden()["zero_shot"].as_array().expect("a list") {
        let [classes, prompts, dim, n, seed] = ["classes", "prompts", "dim", "n", "seed"].map(|key| count(case, key));
        let centres = noise(classes, dim, seed);
        let mut texts = Array2::zeros((classes * prompts, dim));
        let mut class_of = Vec::new();
        for class in 0..classes {
            let around = noise(prompts, dim, seed + 1000 * (class + 1)) * 0.5;
            for prompt in 0..prompts {
                texts.row_mut(class * prompts + prompt).assign(&(&centres.row(class) + &around.row(prompt)));
                class_of.push(class);
            }
        }
        let mut truth = labels(n, classes, seed + 500);
        truth.iter_mut().step_by(5).for_each(|label| *label = 0);
        let images = rows_of(&centres, &truth) + noise(n, dim, seed + 7) * number(case, "noise");

        let classifier = class_embeddings(&embeddings(texts), &class_of).expect("every class has prompts");
        let first: Vec<f64> = serde_json::from_value(case["classifier_row0"].clone()).expect("a row");
        for (got, want) in classifier.rows().row(0).iter().zip(first) {
            close(f64::from(*got), want, "classifier");
        }
        let images = embeddings(images);
        let logits: Vec<f64> = serde_json::from_value(case["logits_first_image_times_100"].clone()).expect("a row");
        for (got, want) in images.similarity(&classifier).expect("one width").row(0).iter().zip(logits) {
            close(f64::from(*got), want / 100.0, "cosine");
        }
        let result = zero_shot(&images, &classifier, &truth).expect("valid");
        assert_eq!(result.predictions, predictions(case));
        close(result.top1, number(case, "acc1"), "top-1");
        // The reference leaves out top-5 of fewer than five classes, where we count every picture as found.
        close(result.top5, case["acc5"].as_f64().unwrap_or(1.0), "top-5");
        close(result.mean_class_recall, number(case, "mean_per_class_recall"), "mean class recall");
    }
}

#[test]
fn retrieval_equals_clip_benchmark() {
    for case in golden()["retrieval"].as_array().expect("a list") {
        let [n, each, dim, seed] = ["images", "captions_per_image", "dim", "seed"].map(|key| count(case, key));
        let centres = noise(n, dim, seed);
        let group: Vec<usize> = (0..n * each).map(|caption| caption / each).collect();
        let captions = rows_of(&centres, &group) + noise(n * each, dim, seed + 7) * number(case, "noise");
        let (images, captions) = (embeddings(centres), embeddings(captions));
        let to_caption = Positives::by_group(&(0..n).collect::<Vec<_>>(), &group).expect("every image has captions");
        let texts = retrieval(&images, &captions, &to_caption).expect("valid");
        let pictures = retrieval(&captions, &images, &to_caption.transposed().expect("paired")).expect("valid");
        for k in [1, 5, 10] {
            close(texts.recall_at(k), number(case, &format!("text_retrieval_recall@{k}")), "text retrieval");
            close(pictures.recall_at(k), number(case, &format!("image_retrieval_recall@{k}")), "image retrieval");
        }
    }
}

#[test]
fn retrieval_equals_open_clip() {
    let golden = golden();
    let case = &golden["open_clip_retrieval"];
    let features = |phase: f64| {
        embeddings(Array2::from_shape_fn((13, 5), |(i, j)| (0.37 * ((i + 1) * (j + 1)) as f64 + phase).sin()))
    };
    let (images, texts) = (features(0.1), features(0.35));
    for (name, queries, candidates) in [("image_to_text", &images, &texts), ("text_to_image", &texts, &images)] {
        let result = retrieval(queries, candidates, &Positives::paired(13)).expect("valid");
        for k in [1, 5, 10] {
            close(result.recall_at(k), number(case, &format!("{name}_R@{k}")), name);
        }
        close(result.median_rank(), number(case, &format!("{name}_median_rank")), name);
        close(result.mean_rank(), number(case, &format!("{name}_mean_rank")), name);
    }
}

#[test]
fn nearest_neighbours_equal_lightly() {
    for case in golden()["knn"].as_array().expect("a list") {
        let [classes, dim, bank, queries, seed] =
            ["classes", "dim", "bank", "queries", "seed"].map(|key| count(case, key));
        let centres = noise(classes, dim, seed);
        let (known, asked) = (labels(bank, classes, seed + 500), labels(queries, classes, seed + 600));
        let around = |labels: &[usize], seed| {
            embeddings(rows_of(&centres, labels) + noise(labels.len(), dim, seed) * number(case, "noise"))
        };
        let knn = Knn { k: count(case, "k"), temperature: number(case, "temperature") };
        let got = knn.predict(&around(&known, seed + 1), &known, &around(&asked, seed + 2)).expect("valid");
        assert_eq!(got, predictions(case));
        close(accuracy(&got, &asked).expect("some"), number(case, "top1"), "top-1");
    }
}
