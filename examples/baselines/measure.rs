//! What a trained model knows, and whether it has collapsed.

use std::collections::BTreeSet;
use std::sync::Arc;

use burn::tensor::Tensor;
use vlp::augment::recipes;
use vlp::core::{HeadVectors, ImageEncoder};
use vlp::data::{Damage, Dataset, HostImages};
use vlp::eval::{Embeddings, HeadEmbeddings, LinearProbe, Report, Spread, accuracy};
use vlp::prelude::Trained;

use crate::Failure;

/// The probe's penalty is one of these, chosen on a fifth of the training pictures.
const PENALTIES: [f64; 4] = [1e-3, 1e-2, 1e-1, 1.0];
/// The field that the probe predicts.
const FIELD: &str = "subgroup";

/// A set's pictures in front of the heads: by the encoder, by the method's units, and their labels.
struct Features {
    vectors: Embeddings,
    units: Option<(BTreeSet<i64>, usize)>,
    labels: Vec<String>,
}

/// The recipe's evaluation by the last head, and on the encoder's vectors a linear probe and signs of collapse.
pub(crate) fn measure(trained: &Trained, train: &Arc<Dataset>) -> Result<Report, Failure> {
    let mut report = Report::new("result");
    let mut reports = trained.evaluate()?.reports;
    report.rows = reports.pop().map(|report| report.rows).unwrap_or_default();

    let bank = features(trained, train)?;
    let mut sets = Vec::new();
    for set in &trained.recipe().eval.sets {
        sets.push((set.name.as_str(), features(trained, &Arc::new(set.source.open()?))?));
    }
    let all = || bank.labels.iter().chain(sets.iter().flat_map(|(_, set)| &set.labels));
    let names: Vec<&String> = all().collect::<BTreeSet<_>>().into_iter().collect();
    let numbers =
        |labels: &[String]| -> Vec<usize> { labels.iter().filter_map(|l| names.binary_search(&l).ok()).collect() };
    let known = numbers(&bank.labels);
    let classifier = LinearProbe::chosen(&PENALTIES, &bank.vectors, &known)?.fit(&bank.vectors, &known)?;
    for (name, set) in &sets {
        let share = accuracy(&classifier.predict(&set.vectors)?, &numbers(&set.labels))?;
        report.share(format!("{name}, linear probe of subgroups"), share, Some(1.0 / names.len() as f64));
    }
    if let Some((_, artist)) = sets.first() {
        let spread = Spread::of(&artist.vectors);
        report.number("features, deviation (1 is spread evenly)", spread.deviation, None);
        report.number("features, effective rank", spread.effective_rank, None);
        if let Some((used, number)) = &artist.units {
            report.share("units used by at least one picture", used.len() as f64 / *number as f64, None);
        }
    }
    Ok(report)
}

fn features(trained: &Trained, set: &Arc<Dataset>) -> Result<Features, Failure> {
    let mut samples = Vec::new();
    for sample in set.pass(recipes::eval(trained.recipe().views.size), 2)? {
        match sample {
            Ok(sample) => samples.push(sample),
            // Not damaged: not read.
            Err(Damage::Unreachable(unreachable)) => return Err(unreachable.into()),
            Err(_) => (),
        }
    }
    let (mut vectors, mut units) = (Vec::new(), None);
    for batch in samples.chunks(256) {
        let images = HostImages::collate(batch.iter().map(|sample| &sample.image))?;
        let encoded =
            trained.method.image_encoder().encode(images.into_tensor(trained.device(), &trained.normalization()));
        if let Some(scores) = trained.method.image_units(encoded.clone()) {
            let (used, number) = units.get_or_insert((BTreeSet::new(), scores.dims()[1]));
            *number = scores.dims()[1];
            used.extend(Tensor::argmax(scores, 1).try_into_vec_as::<i64>()?);
        }
        vectors.push(HeadVectors { weak: encoded, strong: None });
    }
    let label = |sample: &vlp::data::EvalSample| sample.annotation.metadata.text(FIELD).unwrap_or("").to_owned();
    Ok(Features { vectors: HeadEmbeddings::gather(vectors)?.weak, units, labels: samples.iter().map(label).collect() })
}
