//! Captions: words and synonyms against the Natural Language Toolkit, EDA's operations by their rules and shares.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use vlp_augment::pipeline::TextPipeline;
use vlp_augment::text::{is_stop_word, word_tokenize};
use vlp_augment::{
    AugmentError, CaptionSampling, RandomInsertion, RemoveStopWords, SampleRng, SynonymReplacement, Synonyms,
    TextTransform,
};

fn cases(file: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(file).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn draw(transform: &dyn TextTransform, text: &str, index: u64) -> String {
    transform.apply(text.to_owned(), &mut SampleRng::new(0, 0, index, 0))
}

#[test]
fn words_are_those_of_the_toolkit() {
    let cases = cases(include_str!("golden/word_tokenize.json"));
    let wrong: Vec<_> = cases
        .iter()
        .map(|case| (case["text"].as_str().unwrap(), strings(&case["words"])))
        .filter(|(text, words)| word_tokenize(text) != *words)
        .map(|(text, words)| format!("{text:?}: {:?} is not {words:?}", word_tokenize(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() > 45);
}

#[test]
fn sentences_inside_a_caption_end() {
    assert_eq!(
        word_tokenize("The dog runs. The cat sleeps."),
        ["The", "dog", "runs", ".", "The", "cat", "sleeps", "."]
    );
}

/// The table leaves out synsets that hold no common word, so synonyms may be missing, but none is wrong.
#[test]
fn built_in_synonyms_are_among_the_toolkits_and_complete_for_most_words() {
    let cases = cases(include_str!("golden/synonyms.json"));
    let (mut found, mut all) = (0, 0);
    for case in &cases {
        let expected = strings(&case["synonyms"]);
        let ours = Synonyms::builtin().of(case["word"].as_str().unwrap());
        let foreign: Vec<_> = ours.iter().filter(|word| !expected.contains(word)).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", case["word"]);
        found += ours.len();
        all += expected.len();
    }
    assert!(cases.len() > 50 && found * 10 >= all * 6, "{found} of {all}");
}

#[test]
fn stop_words_go_whatever_their_case_and_one_word_stays() {
    assert_eq!(draw(&RemoveStopWords, "The cat, on a mat.", 0), "cat , mat .");
    assert_eq!(draw(&RemoveStopWords, "it is what it is", 0), "it is what it is");
    assert_eq!(draw(&RemoveStopWords, "", 0), "");
    assert!(is_stop_word("wouldn't") && !is_stop_word("cat"));
}

#[test]
fn a_word_is_replaced_wherever_it_stands() {
    let synonyms = Synonyms::builtin();
    let of_picture = synonyms.of("picture");
    let replace = SynonymReplacement::new(1, synonyms);
    let mut seen = std::collections::HashSet::new();
    for i in 0..200 {
        let view = draw(&replace, "the picture of the picture", i);
        let synonym = view.strip_prefix("the ").unwrap().split(" of the ").next().unwrap().to_owned();
        assert_eq!(view, format!("the {synonym} of the {synonym}"));
        assert!(of_picture.contains(&synonym), "{synonym}");
        seen.insert(synonym);
    }
    assert!(seen.len() > of_picture.len() / 2, "{seen:?} of {of_picture:?}");
    // Nothing to replace.
    assert_eq!(draw(&replace, "of the qwxz", 0), "of the qwxz");
    assert_eq!(draw(&replace, "  ", 0), "  ");
}

#[test]
fn an_inserted_word_is_a_synonym_and_the_rest_keeps_its_order() {
    let synonyms = Synonyms::builtin();
    let insert = RandomInsertion::new(1, Arc::clone(&synonyms));
    for i in 0..100 {
        let view = draw(&insert, "big dog", i);
        let inserted = view.replacen("dog", "", 1).replacen("big", "", 1).trim().to_owned();
        let possible = ["big", "dog"].map(|word| synonyms.of(word).first().cloned().unwrap());
        assert!(possible.iter().any(|word| view.contains(word.as_str())), "{view}: {inserted}");
        // Before the first or before the last word, never behind it.
        assert!(view.ends_with("dog"), "{view}");
    }
    assert_eq!(draw(&insert, "qwxz", 0), "qwxz");
}

/// The strong preset's shares: with a caption on which each operation leaves its own mark.
#[test]
fn exactly_one_operation_is_drawn_by_weight() {
    let strong = TextPipeline::preset("clip-rocket/strong").unwrap().build(&Synonyms::builtin());
    // No stop words, no synonyms but for one: 40 words, of which deletion leaves all with probability 0.9^40 = 1.5 %.
    let words: Vec<String> = (0..39).map(|i| format!("qx{i}")).chain(["photograph".to_owned()]).collect();
    let caption = words.join(" ");
    let mut counts = HashMap::<&str, i32>::new();
    let draws = 5000;
    for i in 0..draws {
        let view = draw(&strong, &caption, i);
        let mut sorted: Vec<&str> = view.split(' ').collect();
        sorted.sort_unstable();
        let mut original: Vec<&str> = caption.split(' ').collect();
        original.sort_unstable();
        let what = if view == caption {
            "nothing"
        } else if sorted == original {
            "swap"
        } else if !view.contains("photograph") && words[..39].iter().all(|word| view.split(' ').any(|w| w == word)) {
            "synonym"
        } else {
            "deletion"
        };
        *counts.entry(what).or_default() += 1;
    }
    // Standard deviation of 5000 draws at 0.4: 35. A deletion of `photograph` alone looks like a synonym: 0.2 * 0.1 * 0.9^39.
    for (what, share) in [("swap", 0.4), ("synonym", 0.4), ("deletion", 0.2 * 0.985)] {
        let expected = share * draws as f64;
        assert!((f64::from(counts[what]) - expected).abs() < 175.0, "{counts:?}");
    }
    assert!(counts.get("nothing").copied().unwrap_or(0) < 60, "{counts:?}");
}

#[test]
fn stop_words_are_removed_in_four_of_five_weak_captions() {
    let weak = TextPipeline::preset("clip-rocket/weak").unwrap().build(&Synonyms::builtin());
    let removed = (0..5000).filter(|&i| draw(&weak, "a cat on the mat", i) == "cat mat").count();
    let kept = (0..5000).filter(|&i| draw(&weak, "a cat on the mat", i) == "a cat on the mat").count();
    assert_eq!(removed + kept, 5000);
    // Standard deviation 28.
    assert!(removed.abs_diff(4000) < 142, "{removed}");
}

#[test]
fn captions_are_drawn_once_or_for_each_view() {
    let captions = ["a", " ", "b", "", "c"].map(str::to_owned);
    let rng = &mut SampleRng::new(0, 0, 0, 0);
    let mut mixed = 0;
    let mut counts = HashMap::<&str, i32>::new();
    for _ in 0..3000 {
        let all = || captions.iter().map(String::as_str);
        let single = CaptionSampling::Single.draw(all(), 3, rng);
        assert!(single.len() == 3 && single.iter().all(|caption| *caption == single[0]));
        *counts.entry(single[0]).or_default() += 1;
        let multi = CaptionSampling::Multi.draw(all(), 2, rng);
        mixed += i32::from(multi[0] != multi[1]);
    }
    // 1000 each, standard deviation 26; two in three pairs differ.
    assert!(counts.len() == 3 && counts.values().all(|n| (n - 1000).abs() < 130), "{counts:?}");
    assert!((mixed - 2000).abs() < 130, "{mixed}");
    assert_eq!(CaptionSampling::Multi.draw([], 2, rng), ["", ""]);
    assert_eq!(CaptionSampling::Single.draw([" "], 1, rng), [""]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_caption_becomes_empty(text in "\\PC{1,40}", seed: u64) {
        let strong = TextPipeline::preset("eda").unwrap().build(&Synonyms::builtin());
        let rng = &mut SampleRng::new(seed, 0, 0, 0);
        let view = strong.apply(RemoveStopWords.apply(text.clone(), rng), rng);
        prop_assert_eq!(view.trim().is_empty(), text.trim().is_empty());
    }

    #[test]
    fn words_keep_every_letter(text in "[a-z0-9 .,!?']{0,40}") {
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert_eq!(letters(&word_tokenize(&text).concat()), letters(&text));
    }
}

const HEAD: &str = "  1 This software and database is being provided to you\n";

/// A dictionary of one synset in each part of speech; a file can be replaced.
fn dictionary(folder: &Path, replaced: Option<(&str, &str)>) {
    let offset = HEAD.len();
    for (suffix, letter, lemmas) in [
        ("noun", "n", "dog 0 hound 0"),
        ("verb", "v", "run 0 race 0"),
        ("adj", "s", "big(a) 0 large 0"),
        ("adv", "r", "quickly 0 fast 0"),
    ] {
        let data = format!("{HEAD}{offset:08} 03 {letter} 02 {lemmas} 000 | gloss; with words\n");
        let index: String = lemmas
            .split(' ')
            .step_by(2)
            .map(|lemma| format!("{} {letter} 1 1 @ 1 0 {offset:08}  \n", lemma.replace("(a)", "")))
            .collect();
        std::fs::write(folder.join(format!("data.{suffix}")), data).unwrap();
        std::fs::write(folder.join(format!("index.{suffix}")), format!("{HEAD}{index}")).unwrap();
    }
    std::fs::write(folder.join("verb.exc"), "ran run\n").unwrap();
    if let Some((file, text)) = replaced {
        std::fs::write(folder.join(file), text).unwrap();
    }
}

#[test]
fn a_wordnet_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    dictionary(folder.path(), None);
    let synonyms = Synonyms::from_wordnet(folder.path()).unwrap();
    assert_eq!(synonyms.len(), 4);
    for (word, synonym) in [
        ("dog", "hound"),
        ("dogs", "hound"),
        ("ran", "race"),
        ("racing", "run"),
        ("larger", "big"),
        ("fast", "quickly"),
    ] {
        assert!(synonyms.of(word).contains(&synonym.to_owned()), "{word}: {:?}", synonyms.of(word));
    }
}

#[test]
fn damage_in_a_dictionary_is_named_with_file_and_line() {
    let start = HEAD.len();
    for (file, text, words) in [
        ("data.noun", format!("{HEAD}{start:08} 03 n 02 dog 0 hound 0 000\n"), "the gloss"),
        ("data.noun", format!("{HEAD}00000001 03 n 02 dog 0 hound 0 000 | g\n"), "starts at byte 00000001"),
        ("data.noun", format!("{HEAD}{start:08} 03 q 02 dog 0 hound 0 000 | g\n"), "`q` is no part of speech"),
        ("data.noun", format!("{HEAD}{start:08} 03 n zz dog 0 hound 0 000 | g\n"), "`zz`"),
        ("data.noun", format!("{HEAD}{start:08} 03 n 09 dog 0 hound 0 | g\n"), "the line ends before"),
        ("index.noun", format!("{HEAD}dog n 1 1 @ 1 0 00000001\n"), "points at byte 00000001"),
        ("index.noun", format!("{HEAD}dog n 2 1 @ 1 0 {start:08}\n"), "has 1 places of synsets but says 2"),
        ("index.noun", format!("{HEAD}dog\n"), "numbers of synsets"),
        ("verb.exc", "ran\n".to_owned(), "`ran` names no base form"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        dictionary(folder.path(), Some((file, &text)));
        let error = Synonyms::from_wordnet(folder.path()).unwrap_err();
        assert!(matches!(error, AugmentError::Dictionary { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(file) && message.contains("line ") && message.contains(words), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Synonyms::from_wordnet(folder.path()).unwrap_err();
    assert!(matches!(&error, AugmentError::Read { path, .. } if path.ends_with("data.noun")), "{error}");
}
