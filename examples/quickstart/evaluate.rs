//! What the trained model knows about an unseen artist and about unseen concepts.

use std::error::Error;

use vlp::core::Embedder;
use vlp::eval::{
    Embeddings, HeadEmbeddings, Knn, Positives, Report, accuracy, class_embeddings, prompts, retrieval, zero_shot,
};

use crate::args::Setup;
use crate::splits::{Split, embed_captions, numbered};

/// Captions of the training set are a label and its keywords; prompts without keywords are averaged over these forms.
const TEMPLATES: [&str; 3] = ["{}", "{}: {}", "{}: {}, {}"];
/// Share of the weak head in the mixture of both; fixed beforehand, not chosen on the test pictures.
const WEAK_SHARE: f32 = 0.5;

pub(crate) struct Results {
    /// One report a head, with the same rows.
    pub(crate) reports: Vec<Report>,
    pub(crate) concepts: Split,
    /// Distinct captions of unseen concepts, one a concept.
    pub(crate) captions: Vec<String>,
    /// The caption's number of each picture.
    pub(crate) caption_of: Vec<usize>,
    /// Pictures and captions of unseen concepts by the head that is shown.
    pub(crate) shown: (Embeddings, Embeddings),
}

pub(crate) fn evaluate<M: Embedder>(model: &M, setup: &Setup) -> Result<Results, Box<dyn Error>> {
    let embed = |captions: &[String]| embed_captions(model, captions, setup.tokenizer.as_ref(), &setup.device);
    let train = Split::embed(model, &setup.train, setup)?;
    let artist = Split::open(model, "test-artist", setup)?;
    let concepts = Split::open(model, "test-concepts", setup)?;

    let artist_captions: Vec<String> = artist.annotations.iter().map(|sample| sample.caption.clone()).collect();
    let artist_texts = embed(&artist_captions)?;
    let values: Vec<&str> = concepts.annotations.iter().map(|sample| sample.caption.as_str()).collect();
    let (captions, caption_of) = numbered(&values);
    let captions: Vec<String> = captions.into_iter().map(str::to_owned).collect();
    let concept_texts = embed(&captions)?;
    let labels = artist.field("label");
    let (classes, class_of) = numbered(&labels);
    let (prompts, class_of_prompt) = prompts(&classes, &TEMPLATES)?;
    let prompt_texts = embed(&prompts)?;

    let mut reports = Vec::new();
    for head in heads(&train.images)? {
        let mut report = Report::new(head.name);
        let [images, texts] = [&artist.images, &artist_texts].map(|all| head.of(all));
        let (images, texts) = (images?, texts?);
        let found = retrieval(&images, &texts, &Positives::paired(images.len()))?;
        report.retrieval("unseen artist, picture to caption", &found, &[1, 5, 10]);
        let found = retrieval(&texts, &images, &Positives::paired(images.len()))?;
        report.retrieval("unseen artist, caption to picture", &found, &[1, 5, 10]);
        let classifier = class_embeddings(&head.of(&prompt_texts)?, &class_of_prompt)?;
        report.zero_shot("unseen artist, zero-shot", &zero_shot(&images, &classifier, &class_of)?);

        let (pictures, captions) = (head.of(&concepts.images)?, head.of(&concept_texts)?);
        let positives = Positives::by_group(&caption_of, &(0..captions.len()).collect::<Vec<_>>())?;
        let found = retrieval(&pictures, &captions, &positives)?;
        report.retrieval("unseen concepts, picture to caption", &found, &[1, 5, 10]);
        let positives = Positives::by_group(&(0..captions.len()).collect::<Vec<_>>(), &caption_of)?;
        let found = retrieval(&captions, &pictures, &positives)?;
        report.retrieval("unseen concepts, caption to picture", &found, &[1, 5, 10]);

        let groups: Vec<&str> = [&train, &artist, &concepts].iter().flat_map(|split| split.field("group")).collect();
        let (names, number) = numbered(&groups);
        let (bank_labels, rest) = number.split_at(train.annotations.len());
        let (artist_labels, concept_labels) = rest.split_at(artist.annotations.len());
        let bank = head.of(&train.images)?;
        let knn = Knn { k: 20, temperature: 0.1 };
        for (split, queries, truth) in
            [("unseen artist", &images, artist_labels), ("unseen concepts", &pictures, concept_labels)]
        {
            let share = accuracy(&knn.predict(&bank, bank_labels, queries)?, truth)?;
            let title = format!("{split}, kNN into {} groups", names.len());
            report.share(title, share, Some(1.0 / names.len() as f64));
        }
        reports.push(report);
    }
    let shown = heads(&train.images)?.pop().ok_or("a model without heads")?;
    let shown = (shown.of(&concepts.images)?, shown.of(&concept_texts)?);
    Ok(Results { reports, concepts, captions, caption_of, shown })
}

/// One way to read the embeddings.
struct Head {
    name: &'static str,
    weight: Option<f32>,
}

/// The heads a model has; the last one is what the pictures show.
fn heads(any: &HeadEmbeddings) -> Result<Vec<Head>, Box<dyn Error>> {
    let head = |name, weight| Head { name, weight };
    Ok(match any.strong {
        None => vec![head("one head", None)],
        Some(_) => {
            vec![head("weak head", Some(1.0)), head("strong head", Some(0.0)), head("both heads", Some(WEAK_SHARE))]
        }
    })
}

impl Head {
    fn of(&self, all: &HeadEmbeddings) -> Result<Embeddings, Box<dyn Error>> {
        match (self.weight, &all.strong) {
            (Some(weight), Some(_)) => Ok(all.mixture(weight)?.ok_or("a mixture needs both heads")?),
            _ => Ok(all.weak.clone()),
        }
    }
}
