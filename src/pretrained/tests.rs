use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vlp_augment::{Image, ImageTransform, SampleRng};

use super::*;

#[test]
fn the_lists_have_as_many_entries_as_their_sources() {
    let classes = imagenet_classes();
    assert_eq!(classes.len(), 1000);
    assert_eq!((classes[0], classes[134], classes[999]), ("tench", "crane bird", "toilet paper"));
    let templates = Templates::openai();
    assert_eq!(templates.sentences().len(), 80);
    let sentences = templates.fill("cat");
    assert_eq!((sentences[0].as_str(), sentences[79].as_str()), ("a bad photo of a cat.", "a tattoo of the cat."));
    assert!(sentences.iter().all(|sentence| sentence.matches("cat").count() == 1 && !sentence.contains('{')));
}

#[test]
fn every_place_is_filled_once_in_either_form() {
    let templates = Templates::from_lines("a {} and a {c}\n\n  {c}, {c}!  \n").unwrap();
    assert_eq!(templates.fill("cat"), ["a cat and a cat", "cat, cat!"]);
    // A name that looks like a place is a name.
    assert_eq!(templates.fill("{c}"), ["a {c} and a {c}", "{c}, {c}!"]);
    assert_eq!(templates.fill("{}")[0], "a {} and a {}");
    let error = Templates::new(["a {}.", "a photo of a { }."]).unwrap_err();
    assert!(error.to_string().contains("'a photo of a { }.'") && error.asked_wrongly(), "{error}");
    assert!(Templates::from_lines(" \n").unwrap_err().asked_wrongly());
}

#[test]
fn probabilities_are_a_softmax_or_a_sigmoid_and_print_short() {
    let model = |sigmoid| super::classify::probabilities(&[1000.0, 1000.0, -1000.0], sigmoid);
    assert_eq!(model(false), [0.5, 0.5, 0.0]);
    assert_eq!(model(true), [1.0, 1.0, 0.0]);
    let classified = Classified { name: "cat".to_string(), probability: 0.1 };
    assert_eq!(serde_json::to_string(&classified).unwrap(), r#"{"name":"cat","probability":0.1}"#);
}

#[test]
fn what_was_asked_and_what_failed_have_codes_of_their_own() {
    let asked = open("no/such", &burn::tensor::Device::flex()).unwrap_err();
    assert_eq!((asked.exit_code(), asked.asked_wrongly()), (2, true));
    let failed = PretrainedError::Picture { name: "a.png".to_string(), reason: "it is empty".to_string() };
    assert_eq!((failed.exit_code(), format!("{failed:?}")), (1, "a.png cannot be read: it is empty".to_string()));
}

struct Explode;

impl ImageTransform for Explode {
    fn apply(&self, _: Image, _: &mut SampleRng) -> Image {
        panic!("a transform's own fault")
    }
}

struct Hang;

impl ImageTransform for Hang {
    fn apply(&self, image: Image, _: &mut SampleRng) -> Image {
        std::thread::sleep(Duration::from_secs(60));
        image
    }
}

#[test]
fn a_transform_that_panics_or_hangs_ends_the_work_with_the_picture() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vlp-data/tests/golden/images");
    let files = ["baseline.jpg", "rgb.png", "baseline.jpg", "rgb.png"].map(|name| golden.join(name));
    let pictures = Pictures::files(&files);
    let mut all = pictures.prepare(Arc::new(Explode), 2, 4, 1).unwrap();
    let error = all.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("a transform's own fault (with ") && error.contains("rgb.png"), "{error}");
    assert!(all.next().is_none());
    let begun = Instant::now();
    let mut all = pictures.prepare(Arc::new(Hang), 2, 4, 0).unwrap().stall_after(Duration::from_millis(300));
    let error = all.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("baseline.jpg") && error.contains("stall_after"), "{error}");
    drop(all);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
