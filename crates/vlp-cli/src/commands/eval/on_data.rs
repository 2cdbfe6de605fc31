//! What any model knows of any data: retrieval of captions, and classes where a field of the data names them.

use std::collections::HashMap;
use std::sync::Arc;

use vlp::data::{Annotation, Damage, Dataset, HostImages};
use vlp::eval::{Embeddings, HeadEmbeddings, Positives, Report, retrieval, zero_shot};
use vlp::pretrained::{Model, Templates};

use crate::batches::BatchArgs;
use crate::failure::{Blame, Failure};
use crate::screen::Screen;

/// Pictures of a data set as a model sees them, with what is written beside them.
struct Seen {
    annotations: Vec<Annotation>,
    pictures: Embeddings,
}

/// Recalls of captions by pictures and of pictures by captions; with `label`, the field that names a picture's class, also how many
/// pictures find the name of theirs. The rows bear the names that those of a run bear.
pub(super) fn evaluate(
    model: &Model,
    name: &str,
    dataset: &Arc<Dataset>,
    label: Option<(&str, &Templates)>,
    args: &BatchArgs,
    screen: Screen,
) -> Result<Report, Failure> {
    let seen = look(model, dataset, args, screen)?;
    let mut report = Report::new("one head");
    // Pictures with the same caption are all right answers to it.
    let captions = |sample: &Annotation| -> Vec<String> {
        std::iter::once(&sample.caption).chain(&sample.other_captions).cloned().collect()
    };
    let (texts, of_picture) = numbered(seen.annotations.iter().map(captions));
    let vectors = model.embed_texts(&texts).asked()?;
    let positives = Positives::from_lists(of_picture, texts.len()).failed()?;
    let found = retrieval(&seen.pictures, &vectors, &positives).failed()?;
    report.retrieval(&format!("{name}, picture to caption"), &found, &[1, 5, 10]);
    let found = retrieval(&vectors, &seen.pictures, &positives.transposed().failed()?).failed()?;
    report.retrieval(&format!("{name}, caption to picture"), &found, &[1, 5, 10]);
    if let Some((field, templates)) = label {
        let class = |sample: &Annotation| Some(vec![sample.metadata.text(field)?.to_owned()]);
        let classes: Option<Vec<_>> = seen.annotations.iter().map(class).collect();
        let classes =
            classes.ok_or_else(|| Failure::asked(format!("not every sample has a text in its field {field}")))?;
        let (names, of_picture) = numbered(classes.into_iter());
        let of_picture: Vec<usize> = of_picture.into_iter().flatten().collect();
        let vectors = model.class_embeddings(&names, templates).asked()?;
        report.zero_shot(&format!("{name}, zero-shot"), &zero_shot(&seen.pictures, &vectors, &of_picture).failed()?);
    }
    Ok(report)
}

fn look(model: &Model, dataset: &Arc<Dataset>, args: &BatchArgs, screen: Screen) -> Result<Seen, Failure> {
    let bar = screen.bar(dataset.len() as u64, "samples");
    let (mut annotations, mut images, mut batches, mut skipped) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut samples = dataset.pass(Arc::clone(model.resize()), args.workers).failed()?.peekable();
    while let Some(sample) = samples.next() {
        match sample {
            Ok(sample) => {
                annotations.push(sample.annotation);
                images.push(sample.image);
            }
            Err(Damage::Unreachable(error)) => return Err(Failure::failed(error)),
            Err(_) => skipped += 1,
        }
        if images.len() == args.batch || (samples.peek().is_none() && !images.is_empty()) {
            let batch = HostImages::collate(&images).failed()?.into_tensor(model.device(), model.normalization());
            batches.push(HeadEmbeddings::gather([model.embedder().embed_images(batch)]).failed()?.weak);
            images.clear();
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if skipped > 0 {
        screen.warn(format!("{skipped} damaged samples are left out of the evaluation"));
    }
    let rows: Vec<_> = batches.iter().map(Embeddings::rows).collect();
    if rows.is_empty() {
        return Err(Failure::failed("none of the samples could be read"));
    }
    let rows = ndarray::concatenate(ndarray::Axis(0), &rows).failed()?;
    Ok(Seen { annotations, pictures: Embeddings::new(rows).failed()? })
}

/// Distinct texts in the order of their first appearance, and for each of the lists the numbers of its texts.
fn numbered(lists: impl Iterator<Item = Vec<String>>) -> (Vec<String>, Vec<Vec<usize>>) {
    let (mut texts, mut known) = (Vec::new(), HashMap::new());
    let mut number = |text: String| {
        *known.entry(text.clone()).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        })
    };
    let numbers = lists.map(|list| list.into_iter().map(&mut number).collect()).collect();
    (texts, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let lists =
            [vec!["a", "b"], vec!["b"], vec!["c", "a"]].map(|list| list.into_iter().map(str::to_owned).collect());
        let (texts, numbers) = numbered(lists.into_iter());
        assert_eq!((texts, numbers), (vec!["a".into(), "b".into(), "c".into()], vec![vec![0, 1], vec![1], vec![2, 0]]));
    }
}
