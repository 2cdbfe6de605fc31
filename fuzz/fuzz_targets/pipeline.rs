//! Augmentation as TOML: a pipeline that is accepted can be built, applied and written down again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use vlp_augment::pipeline::{ImagePipeline, TextPipeline};
use vlp_augment::{Image, ImageTransform, SampleRng, Synonyms, TextTransform};
use vlp_fuzz::within;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImagePipeline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextPipeline>,
}

fuzz_target!(|text: &str| {
    let Ok(file) = toml::from_str::<File>(text) else { return };
    let written = toml::to_string(&file).expect("what was read can be written");
    assert_eq!(toml::from_str::<File>(&written).expect("and read again"), file);
    // The largest crop that a pipeline may ask for, in several copies.
    within(1 << 30, || {
        if let Some(image) = &file.image {
            let transforms = image.build(8).expect("checked when it was read");
            for index in 0..2 {
                transforms.apply(Image::filled(9, 7, [1, 90, 200]), &mut SampleRng::new(0, 0, index, 0));
            }
        }
        if let Some(text) = &file.text {
            let transforms = text.build(&Synonyms::builtin());
            for caption in ["", "dog: a big dog, animal, pet", "The quick brown fox, naïvely. It jumps!"] {
                transforms.apply(caption.to_owned(), &mut SampleRng::new(0, 0, 0, 1));
            }
        }
    });
});
