//! Pipelines as data: presets, refusals, round trips.

use serde::{Deserialize, Serialize};
use vlp_augment::pipeline::{ImageOp, ImagePipeline, Operation, Step, TextOp, TextPipeline};
use vlp_augment::{Image, ImageTransform, SampleRng, Synonyms, TextTransform, recipes};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct File {
    image: ImagePipeline,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TextFile {
    text: TextPipeline,
}

fn refusal(toml: &str) -> String {
    toml::from_str::<File>(toml).unwrap_err().to_string()
}

fn noise(width: usize, height: usize) -> Image {
    let mut rng = SampleRng::new(1, 0, 0, 0);
    Image::new(width, height, (0..width * height * 3).map(|_| rng.bits() as u8).collect()).unwrap()
}

#[test]
fn every_preset_gives_its_size_and_survives_a_round_trip() {
    for name in ImageOp::PRESETS {
        let file = File { image: ImagePipeline::preset(name).unwrap() };
        let text = toml::to_string(&file).unwrap();
        assert_eq!(text, format!("image = \"{name}\"\n"));
        assert_eq!(toml::from_str::<File>(&text).unwrap(), file);
        // Written out, the steps are the same.
        let steps = File { image: ImagePipeline::new(file.image.steps().to_vec()).unwrap() };
        let read: File = toml::from_str(&toml::to_string(&steps).unwrap()).unwrap();
        assert_eq!(read, steps, "{name}");
        for index in 0..5 {
            let view = read.image.build(24).unwrap().apply(noise(50, 40), &mut SampleRng::new(0, 0, index, 0));
            assert_eq!((view.width(), view.height()), (24, 24), "{name}");
        }
    }
    for name in TextOp::PRESETS {
        let file = TextFile { text: TextPipeline::preset(name).unwrap() };
        let steps = TextFile { text: TextPipeline::new(file.text.steps().to_vec()).unwrap() };
        let read: TextFile = toml::from_str(&toml::to_string(&steps).unwrap()).unwrap();
        assert_eq!(read, steps, "{name}");
    }
}

#[test]
fn presets_draw_what_the_functions_draw() {
    let image = noise(60, 45);
    for (name, function) in [
        ("clip-rocket/weak", recipes::clip_rocket_weak(20)),
        ("clip-rocket/strong", recipes::clip_rocket_strong(20)),
        ("clip-rocket/eval", recipes::eval(20)),
    ] {
        let preset = ImagePipeline::preset(name).unwrap().build(20).unwrap();
        for index in 0..50 {
            let rng = || SampleRng::new(9, 0, index, 0);
            assert_eq!(preset.apply(image.clone(), &mut rng()), function.apply(image.clone(), &mut rng()), "{name}");
        }
    }
}

/// What distinguishes the presets, as the papers and reference implementations have it.
#[test]
fn presets_have_the_published_numbers() {
    let steps = |name| ImagePipeline::preset(name).unwrap().steps().to_vec();
    let p = |name, wanted: fn(&ImageOp) -> bool| {
        steps(name).iter().find(|step| wanted(&step.op)).map_or(0.0, |step| step.p)
    };
    let blur = |op: &ImageOp| matches!(op, ImageOp::GaussianBlur { radius: [0.1, 2.0] });
    let solarize = |op: &ImageOp| matches!(op, ImageOp::Solarize { threshold: 128.0 });
    let flip = |op: &ImageOp| matches!(op, ImageOp::HorizontalFlip {});
    for (name, blurred, solarized, flipped) in [
        ("clip-rocket/weak", 0.0, 0.0, 0.0),
        ("clip-rocket/strong", 0.5, 0.0, 0.5),
        ("clip-rocket/byol-1", 1.0, 0.0, 0.5),
        ("clip-rocket/byol-2", 0.1, 0.2, 0.5),
        ("slip/ssl", 0.5, 0.0, 0.5),
        ("simclr", 0.5, 0.0, 0.5),
        ("byol-1", 1.0, 0.0, 0.5),
        ("byol-2", 0.1, 0.2, 0.5),
        ("swav/local", 0.5, 0.0, 0.5),
        ("open_clip/train", 0.0, 0.0, 0.0),
    ] {
        assert_eq!((p(name, blur), p(name, solarize), p(name, flip)), (blurred, solarized, flipped), "{name}");
    }
    for (name, expected) in [
        ("clip-rocket/weak", [0.5, 1.0]),
        ("clip-rocket/strong", [0.08, 1.0]),
        ("slip/clip", [0.5, 1.0]),
        ("open_clip/train", [0.9, 1.0]),
        ("swav/global", [0.14, 1.0]),
        ("swav/local", [0.05, 0.14]),
    ] {
        assert!(matches!(steps(name)[0].op, ImageOp::RandomResizedCrop { scale, .. } if scale == expected), "{name}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let message = refusal("image = \"clip-rocket/stong\"");
    assert!(message.contains("did you mean `clip-rocket/strong`?"), "{message}");
    let message = refusal("image = \"zzzzzzzzzzzzzzzzzzzzzzzz\"");
    assert!(!message.contains("did you mean") && message.contains("simclr"), "{message}");
    let message = refusal("[[image]]\nop = \"colour-jitter\"\n");
    assert!(message.contains("there is no image operation `colour-jitter`, did you mean `color-jitter`?"), "{message}");
    let message = refusal("[[image]]\np = 0.5\n");
    assert!(message.contains("needs the key `op`"), "{message}");
    let message = toml::from_str::<TextFile>("[[text]]\nop = \"random-swop\"").unwrap_err().to_string();
    assert!(message.contains("did you mean `random-swap`?"), "{message}");
}

#[test]
fn unknown_keys_and_wrong_kinds_are_refused_by_name() {
    for (operation, expected) in [
        ("op = \"solarize\"\nlimit = 3", "limit"),
        ("op = \"grayscale\"\nsize = 3", "size"),
        ("op = \"posterize\"", "bits"),
        ("op = \"posterize\"\nbits = \"four\"", "four"),
        ("op = \"grayscale\"\np = \"often\"", "often"),
    ] {
        let message = refusal(&format!("[[image]]\n{operation}\n"));
        assert!(message.contains(expected) && message.contains("operation `"), "{message}");
    }
    assert!(refusal("image = 3").contains("the name of a preset or a list of operations"));
}

#[test]
fn wrong_values_are_refused_with_value_and_range() {
    for (operation, value, range) in [
        ("op = \"grayscale\"\np = 1.5", "1.5", "0 to 1"),
        ("op = \"random-resized-crop\"\nscale = [0.5, 0.1]", "[0.5, 0.1]", "0 < low <= high <= 1"),
        ("op = \"random-resized-crop\"\nscale = [0.5, 1.1]", "[0.5, 1.1]", "0 < low <= high <= 1"),
        ("op = \"random-resized-crop\"\nratio = [0.0, 1.1]", "[0.0, 1.1]", "0 < low <= high"),
        ("op = \"random-resized-crop\"\nsize = 0", "0", "1 to 8192"),
        ("op = \"color-jitter\"\nhue = 0.6", "0.6", "0 to 0.5"),
        ("op = \"color-jitter\"\ncontrast = -0.1", "-0.1", "0 or more"),
        ("op = \"gaussian-blur\"\nradius = [2, 1]", "[2.0, 1.0]", "0 <= low <= high"),
        ("op = \"solarize\"\nthreshold = 300", "300", "0 to 256"),
        ("op = \"posterize\"\nbits = 9", "9", "1 to 8"),
        ("op = \"rand-augment\"\nmagnitude = 31", "31", "below `bins`"),
        ("op = \"sharpness\"\nfactor = -1", "-1.0", "0 or more"),
    ] {
        let message = refusal(&format!("[[image]]\n{operation}\n"));
        assert!(message.contains(value) && message.contains(range), "{message}");
    }
    assert!(ImagePipeline::new(vec![Step::with(f64::NAN, ImageOp::Invert {})]).is_err());
    assert!(ImagePipeline::preset("simclr").unwrap().build(0).is_err());
    let text = "[[text]]\nop = \"one-of\"\nchoices = [{ weight = 0.0, step = { op = \"identity\" } }]";
    assert!(toml::from_str::<TextFile>(text).unwrap_err().to_string().contains("one of them above 0"));
}

#[test]
fn a_probability_holds() {
    let invert = ImagePipeline::new(vec![Step::with(0.25, ImageOp::Invert {})]).unwrap().build(4).unwrap();
    let black = Image::filled(4, 4, [0; 3]);
    let inverted = (0..4000).filter(|&i| invert.apply(black.clone(), &mut SampleRng::new(0, 0, i, 0)) != black).count();
    // Standard deviation 27.
    assert!(inverted.abs_diff(1000) < 137, "{inverted}");
}

#[test]
fn an_empty_text_pipeline_changes_nothing() {
    let none = TextPipeline::preset("none").unwrap().build(&Synonyms::builtin());
    assert_eq!(none.apply("A b.".to_owned(), &mut SampleRng::new(0, 0, 0, 0)), "A b.");
}

#[test]
fn sizes_and_counts_that_would_take_all_memory_or_time_are_refused() {
    for (list, part) in [
        ("{ op = \"random-resized-crop\", size = 8193 }", "size is Some(8193) but must be 1 to 8192 pixels"),
        ("{ op = \"resize\", size = 1000000000000 }", "size is"),
        ("{ op = \"center-crop\", size = 0 }", "size is Some(0)"),
        ("{ op = \"rand-augment\", operations = 101 }", "operations is 101 but must be at most 100"),
    ] {
        let error = refusal(&format!("image = [{list}]"));
        assert!(error.contains(part), "{error}");
    }
    assert!(ImagePipeline::preset("clip-rocket/weak").unwrap().build(8193).is_err());
    for op in ["random-insertion", "synonym-replacement"] {
        let text = format!("text = [{{ op = \"{op}\", words = 1001 }}]");
        let error = toml::from_str::<TextFile>(&text).unwrap_err().to_string();
        assert!(error.contains("words is 1001 but must be 1 to 1000"), "{error}");
    }
}

/// The key `order` of the two operations that resample.
#[test]
fn the_order_of_directions_is_a_key() {
    let tall = noise(40, 200);
    let made = |op: &str, order: &str| {
        let text = format!("image = [{{ op = \"{op}\"{order} }}]");
        let file: File = toml::from_str(&text).unwrap();
        let written = toml::to_string(&file).unwrap();
        assert_eq!(written.contains("order"), order.contains("12"), "what is usual is left out: {written}");
        assert_eq!(toml::from_str::<File>(&written).unwrap(), file);
        file.image.build(20).unwrap().apply(tall.clone(), &mut SampleRng::new(5, 0, 0, 0))
    };
    for (op, more) in [("resize", ""), ("random-resized-crop", ", ratio = [0.2, 0.25], scale = [0.9, 1.0]")] {
        let usual = made(op, more);
        assert_eq!(made(op, &format!("{more}, order = \"pillow13\"")), usual, "{op}");
        assert_ne!(made(op, &format!("{more}, order = \"pillow12\"")), usual, "{op}");
    }
    assert!(refusal("image = [{ op = \"resize\", order = \"pillow11\" }]").contains("pillow11"));
}

/// 8,192 x 1 pixels are within the limits of a reader; at 224 high they would be a band of 1.2 GB.
#[test]
fn a_line_of_pixels_does_not_become_a_band() {
    let resize = |image: Image| {
        let pipeline = ImagePipeline::new(vec![Step::always(ImageOp::Resize {
            size: Some(10),
            filter: Default::default(),
            order: Default::default(),
        })]);
        let view = pipeline.unwrap().build(10).unwrap().apply(image, &mut SampleRng::new(0, 0, 0, 0));
        (view.width(), view.height())
    };
    assert_eq!(resize(noise(8192, 1)), (640, 10));
    assert_eq!(resize(noise(2, 1000)), (10, 640));
    assert_eq!(resize(noise(128, 2)), (640, 10));
    // What is cut off is cut off on both sides.
    let mut pixels = vec![0; 3 * 200];
    pixels[3 * 68..3 * 132].fill(255);
    let line = Image::new(200, 1, pixels).unwrap();
    let pipeline = ImagePipeline::new(vec![Step::always(ImageOp::Resize {
        size: Some(1),
        filter: Default::default(),
        order: Default::default(),
    })]);
    let view = pipeline.unwrap().build(1).unwrap().apply(line, &mut SampleRng::new(0, 0, 0, 0));
    assert_eq!(view.pixels(), [255; 3 * 64]);
}
