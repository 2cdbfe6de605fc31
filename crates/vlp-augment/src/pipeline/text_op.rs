use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::image_op::require;
use super::{Operation, Step, TextPipeline};
use crate::text::Synonyms;
use crate::{
    AugmentError, Identity, KeywordShuffle, OneOf, RandomApply, RandomDeletion, RandomInsertion, RandomSwap,
    RemoveStopWords, SynonymReplacement, TextSequence, TextTransform,
};

/// An operation on captions as data, the name in the key `op`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TextOp {
    /// [`Identity`].
    Identity {},
    /// [`RemoveStopWords`].
    RemoveStopWords {},
    /// [`SynonymReplacement`].
    SynonymReplacement {
        /// Words that are replaced; 1 when left out.
        #[serde(default = "one")]
        words: usize,
    },
    /// [`RandomInsertion`].
    RandomInsertion {
        /// Words that are put in; 1 when left out.
        #[serde(default = "one")]
        words: usize,
    },
    /// [`RandomSwap`].
    RandomSwap {},
    /// [`RandomDeletion`].
    RandomDeletion {
        /// Probability for each word; 0.1 when left out.
        #[serde(default = "tenth")]
        probability: f64,
    },
    /// [`KeywordShuffle`].
    KeywordShuffle {
        /// Fewest keywords to keep; 0 when left out.
        #[serde(default)]
        at_least: usize,
    },
    /// [`OneOf`].
    OneOf {
        /// Exactly one of them happens.
        choices: Vec<Choice>,
    },
}

/// One possibility of [`TextOp::OneOf`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// How likely it is in proportion to the others.
    pub weight: f64,
    /// What happens then.
    pub step: Step<TextOp>,
}

fn one() -> usize {
    1
}

/// A caption has a few dozen words; each insertion costs time and memory.
fn counted(op: &str, words: usize) -> Result<(), AugmentError> {
    require(op, "words", words, (1..=1000).contains(&words), "1 to 1000")
}

fn tenth() -> f64 {
    0.1
}

impl Operation for TextOp {
    const KIND: &'static str = "text operation";
    const PRESET_KIND: &'static str = "text preset";
    const NAMES: &'static [&'static str] = &[
        "identity",
        "remove-stop-words",
        "synonym-replacement",
        "random-insertion",
        "random-swap",
        "random-deletion",
        "keyword-shuffle",
        "one-of",
    ];
    const PRESETS: &'static [&'static str] = &["none", "clip-rocket/weak", "clip-rocket/strong", "eda"];

    fn preset(name: &str) -> Option<Vec<Step<Self>>> {
        let stop_words = Step::with(0.8, Self::RemoveStopWords {});
        let choice = |weight, op| Choice { weight, step: Step::always(op) };
        let synonym = || Self::SynonymReplacement { words: 1 };
        let deletion = || Self::RandomDeletion { probability: 0.1 };
        Some(match name {
            "none" => Vec::new(),
            "clip-rocket/weak" => vec![stop_words],
            "clip-rocket/strong" => {
                let choices = vec![choice(0.4, synonym()), choice(0.4, Self::RandomSwap {}), choice(0.2, deletion())];
                vec![stop_words, Step::always(Self::OneOf { choices })]
            }
            // Wei and Zou (2019): the four operations, equally likely.
            "eda" => {
                let insertion = Self::RandomInsertion { words: 1 };
                let ops = [synonym(), insertion, Self::RandomSwap {}, deletion()];
                vec![Step::always(Self::OneOf { choices: ops.map(|op| choice(1.0, op)).into() })]
            }
            _ => return None,
        })
    }

    fn check(&self) -> Result<(), AugmentError> {
        match self {
            Self::SynonymReplacement { words } => counted("synonym-replacement", *words),
            Self::RandomInsertion { words } => counted("random-insertion", *words),
            Self::RandomDeletion { probability } => {
                let holds = (0.0..=1.0).contains(probability);
                require("random-deletion", "probability", probability, holds, "a probability, 0 to 1")
            }
            Self::OneOf { choices } => {
                let weights: Vec<f64> = choices.iter().map(|choice| choice.weight).collect();
                let holds = weights.iter().all(|w| *w >= 0.0 && w.is_finite()) && weights.iter().sum::<f64>() > 0.0;
                require("one-of", "the list of weights", weights, holds, "0 or more each, and one of them above 0")?;
                choices.iter().try_for_each(|choice| choice.step.check("one-of"))
            }
            Self::Identity {} | Self::RemoveStopWords {} | Self::RandomSwap {} | Self::KeywordShuffle { .. } => Ok(()),
        }
    }
}

impl TextPipeline {
    /// The transforms; synonyms come from this dictionary.
    pub fn build(&self, synonyms: &Arc<Synonyms>) -> TextSequence {
        let steps = self.steps().iter();
        steps.fold(TextSequence::new(), |sequence, step| sequence.then(step.transform(synonyms)))
    }
}

impl Step<TextOp> {
    fn transform(&self, synonyms: &Arc<Synonyms>) -> Arc<dyn TextTransform> {
        let synonyms = || Arc::clone(synonyms);
        let transform: Arc<dyn TextTransform> = match &self.op {
            TextOp::Identity {} => Arc::new(Identity),
            TextOp::RemoveStopWords {} => Arc::new(RemoveStopWords),
            TextOp::SynonymReplacement { words } => Arc::new(SynonymReplacement::new(*words, synonyms())),
            TextOp::RandomInsertion { words } => Arc::new(RandomInsertion::new(*words, synonyms())),
            TextOp::RandomSwap {} => Arc::new(RandomSwap),
            TextOp::RandomDeletion { probability } => Arc::new(RandomDeletion { probability: *probability }),
            TextOp::KeywordShuffle { at_least } => Arc::new(KeywordShuffle { at_least: *at_least }),
            TextOp::OneOf { choices } => Arc::new(
                choices
                    .iter()
                    .fold(OneOf::new(), |one_of, choice| one_of.or(choice.weight, choice.step.transform(&synonyms()))),
            ),
        };
        // A step that always happens tosses no coin.
        if self.p < 1.0 { Arc::new(RandomApply::new(self.p, transform)) } else { transform }
    }
}
