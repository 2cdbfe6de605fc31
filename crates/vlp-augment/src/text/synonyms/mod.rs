mod builtin;
mod morphology;
mod wordnet;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::AugmentError;
use morphology::base_forms;

/// Synonyms as EDA takes them from WordNet: all lemmas of all synsets that a word is in, whatever their part of speech.
///
/// ```
/// use vlp_augment::text::Synonyms;
///
/// let synonyms = Synonyms::builtin();
/// assert!(synonyms.of("picture").contains(&"photograph".to_owned()) || synonyms.of("picture").contains(&"image".to_owned()));
/// assert!(synonyms.of("qwxz").is_empty());
/// ```
#[derive(Default)]
pub struct Synonyms {
    synsets: Vec<(Pos, Vec<String>)>,
    /// Synsets of a lower-case lemma.
    of_lemma: HashMap<String, Vec<u32>>,
    /// Base forms of irregular words.
    exceptions: HashMap<(Pos, String), Vec<String>>,
}

/// Part of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pos {
    Noun,
    Verb,
    Adjective,
    Adverb,
}

impl Pos {
    const ALL: [Self; 4] = [Self::Noun, Self::Verb, Self::Adjective, Self::Adverb];

    /// What the dictionary's files are called after.
    fn suffix(self) -> &'static str {
        match self {
            Self::Noun => "noun",
            Self::Verb => "verb",
            Self::Adjective => "adj",
            Self::Adverb => "adv",
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        Some(match letter {
            "n" => Self::Noun,
            "v" => Self::Verb,
            // Satellites of an adjective are adjectives.
            "a" | "s" => Self::Adjective,
            "r" => Self::Adverb,
            _ => return None,
        })
    }
}

impl Synonyms {
    /// The table inside this crate: the synsets of WordNet 3.1 that hold a word of its tagged texts. Read once.
    pub fn builtin() -> Arc<Self> {
        static TABLE: LazyLock<Arc<Synonyms>> = LazyLock::new(|| Arc::new(builtin::read()));
        Arc::clone(&TABLE)
    }

    /// Reads the folder of a WordNet dictionary: `index.*` and `data.*` of nouns, verbs, adjectives and adverbs, and the
    /// irregular forms in `*.exc` where they are there.
    ///
    /// # Errors
    /// [`AugmentError::Read`] when a file is missing, [`AugmentError::Dictionary`] with file and line when one is damaged.
    pub fn from_wordnet(folder: impl AsRef<Path>) -> Result<Self, AugmentError> {
        wordnet::read(folder.as_ref())
    }

    /// The synonyms of a word in alphabetical order, the word itself apart; none for an unknown one.
    ///
    /// Inflected words have those of their base form. Lemmas are lower-cased, `_` and `-` become spaces, and what is no
    /// letter from a to z and no space is dropped.
    pub fn of(&self, word: &str) -> Vec<String> {
        let word_lower = word.to_lowercase();
        let mut found = BTreeSet::new();
        for pos in Pos::ALL {
            for form in base_forms(&word_lower, pos, self) {
                for lemma in self.synsets_of(&form, pos).flat_map(|(_, lemmas)| lemmas) {
                    found.insert(plain(lemma));
                }
            }
        }
        found.remove(word);
        // Lemmas of digits alone leave nothing.
        found.remove("");
        found.into_iter().collect()
    }

    /// Number of synsets.
    pub fn len(&self) -> usize {
        self.synsets.len()
    }

    /// Whether no word has a synonym.
    pub fn is_empty(&self) -> bool {
        self.synsets.is_empty()
    }

    fn synsets_of(&self, lemma: &str, pos: Pos) -> impl Iterator<Item = &(Pos, Vec<String>)> {
        let places = self.of_lemma.get(lemma).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&place| &self.synsets[place as usize]).filter(move |(its, _)| *its == pos)
    }

    fn insert(&mut self, pos: Pos, lemmas: Vec<String>) {
        let place = self.synsets.len() as u32;
        for lemma in &lemmas {
            let places = self.of_lemma.entry(lemma.to_lowercase()).or_default();
            // A synset may hold two spellings that differ in case only.
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        self.synsets.push((pos, lemmas));
    }

    fn insert_exception(&mut self, pos: Pos, form: &str, bases: impl Iterator<Item = String>) {
        self.exceptions.entry((pos, form.to_owned())).or_default().extend(bases);
    }
}

fn plain(lemma: &str) -> String {
    lemma
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if matches!(c, '_' | '-') { ' ' } else { c })
        .filter(|c| c.is_ascii_lowercase() || *c == ' ')
        .collect()
}

impl std::fmt::Debug for Synonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Synonyms({} synsets)", self.synsets.len())
    }
}
