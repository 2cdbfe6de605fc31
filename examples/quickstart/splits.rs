//! A split of the data as the trained model sees it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use burn::tensor::Device;
use vlp::augment::{Image, Normalization, recipes};
use vlp::core::Embedder;
use vlp::data::{Annotation, Damage, Dataset, HostImages, HostTokens, Limits, Tokenizer};
use vlp::eval::{HeadEmbeddings, embed_images, embed_texts};

use crate::args::Setup;

const BATCH: usize = 256;

/// All readable samples of a split, with their pictures' embeddings.
pub(crate) struct Split {
    pub(crate) pictures: Vec<Image>,
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) images: HeadEmbeddings,
}

impl Split {
    pub(crate) fn open<M: Embedder>(model: &M, prefix: &str, setup: &Setup) -> Result<Self, Box<dyn Error>> {
        let dataset = Arc::new(Dataset::open(&setup.data, prefix, Limits::default())?);
        Self::embed(model, &dataset, setup)
    }

    pub(crate) fn embed<M: Embedder>(model: &M, dataset: &Arc<Dataset>, setup: &Setup) -> Result<Self, Box<dyn Error>> {
        let device = plain(&setup.device);
        let (mut pictures, mut annotations, mut skipped) = (Vec::new(), Vec::new(), 0);
        for sample in dataset.pass(recipes::eval(setup.recipe.views.size), setup.workers)? {
            match sample {
                Ok(sample) => {
                    pictures.push(sample.image);
                    annotations.push(sample.annotation);
                }
                // Not damaged: not read.
                Err(Damage::Unreachable(unreachable)) => return Err(unreachable.into()),
                Err(_) => skipped += 1,
            }
        }
        if skipped > 0 {
            eprintln!("warning: {skipped} damaged samples left out of the evaluation");
        }
        let batches: Vec<HostImages> = pictures.chunks(BATCH).map(HostImages::collate).collect::<Result<_, _>>()?;
        let upload = |batch: &HostImages| batch.to_tensor(&device, &Normalization::IMAGENET);
        let images = embed_images(model, batches.iter().map(upload))?;
        Ok(Split { pictures, annotations, images })
    }

    /// A metadata field of every sample; empty where it is missing.
    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        self.annotations.iter().map(|sample| sample.metadata.text(name).unwrap_or("")).collect()
    }
}

/// Embeds captions or prompts.
pub(crate) fn embed_captions<M: Embedder>(
    model: &M,
    captions: &[impl AsRef<str>],
    tokenizer: &dyn Tokenizer,
    device: &Device,
) -> Result<HeadEmbeddings, Box<dyn Error>> {
    let device = plain(device);
    let batches = captions.chunks(BATCH).map(|chunk| HostTokens::encode(tokenizer, chunk.iter().map(AsRef::as_ref)));
    Ok(embed_texts(model, batches.map(|batch| batch.to_tensor(&device)))?)
}

/// The same device without autodiff: evaluation tracks no gradients and normalises by running statistics.
fn plain(device: &Device) -> Device {
    device.clone().without_autodiff()
}

/// Distinct values in order of first appearance, and the number of each sample's value among them.
pub(crate) fn numbered<'a>(values: &[&'a str]) -> (Vec<&'a str>, Vec<usize>) {
    let (mut names, mut known) = (Vec::new(), BTreeMap::new());
    let numbers = values
        .iter()
        .map(|&value| {
            *known.entry(value).or_insert_with(|| {
                names.push(value);
                names.len() - 1
            })
        })
        .collect();
    (names, numbers)
}
