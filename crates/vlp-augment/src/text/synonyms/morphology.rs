use super::{Pos, Synonyms};

/// Endings and what takes their place, of WordNet's `morphy` (with `ves` to `f`, as the Natural Language Toolkit has it).
fn endings(pos: Pos) -> &'static [(&'static str, &'static str)] {
    match pos {
        Pos::Noun => &[
            ("s", ""),
            ("ses", "s"),
            ("ves", "f"),
            ("xes", "x"),
            ("zes", "z"),
            ("ches", "ch"),
            ("shes", "sh"),
            ("men", "man"),
            ("ies", "y"),
        ],
        Pos::Verb => {
            &[("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")]
        }
        Pos::Adjective => &[("er", ""), ("est", ""), ("er", "e"), ("est", "e")],
        Pos::Adverb => &[],
    }
}

/// The word itself and its base forms, as far as the dictionary has them: irregular ones, else those that endings lead to.
pub(super) fn base_forms(word: &str, pos: Pos, dictionary: &Synonyms) -> Vec<String> {
    let known = |forms: &[String]| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for form in forms {
            if !found.contains(form) && dictionary.synsets_of(form, pos).next().is_some() {
                found.push(form.clone());
            }
        }
        found
    };
    if let Some(bases) = dictionary.exceptions.get(&(pos, word.to_owned())) {
        return known(&[&[word.to_owned()], bases.as_slice()].concat());
    }
    let mut forms = vec![word.to_owned()];
    let mut candidates = forms.clone();
    loop {
        forms = forms
            .iter()
            .flat_map(|form| {
                let stems = endings(pos).iter().filter_map(move |(old, new)| Some((form.strip_suffix(old)?, new)));
                stems.map(|(stem, new)| format!("{stem}{new}"))
            })
            .collect();
        candidates.extend(forms.iter().cloned());
        let found = known(&candidates);
        if !found.is_empty() || forms.is_empty() {
            return found;
        }
        candidates.clear();
    }
}
