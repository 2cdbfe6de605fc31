use serde::{Deserialize, Serialize};

use crate::SampleRng;

/// Which of a sample's captions its views read: CLIP-rocket's `--caption-sampling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionSampling {
    /// One caption for all views of the sample.
    #[default]
    Single,
    /// Each view draws its own (CLIP-rocket's runs on 29 million pairs).
    Multi,
}

impl CaptionSampling {
    /// A caption for each of `views` views, drawn evenly from those that are not blank; empty ones when all are.
    pub fn draw<'a>(
        self,
        captions: impl IntoIterator<Item = &'a str>,
        views: usize,
        rng: &mut SampleRng,
    ) -> Vec<&'a str> {
        let usable: Vec<&str> = captions.into_iter().filter(|text| !text.trim().is_empty()).collect();
        let mut one = || usable.get(rng.below(usable.len())).copied().unwrap_or("");
        match self {
            Self::Single => vec![one(); views],
            Self::Multi => (0..views).map(|_| one()).collect(),
        }
    }
}
