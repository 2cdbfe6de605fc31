//! `vlp embed`, `classify`, `search` and `convert` on a tiny model in open_clip's layout.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use vlp::pretrained::{self, Templates};
use vlp::weights::{
    DType, ExpectedTensor, Format, HostTensor, Layout, ModelConfig, Package, PreprocessConfig, StateDict, detect,
};
use vlp_testkit::shards;

use crate::{call, folder, json, out, program, refused, repository};

/// A CLIP with the real vocabulary and hardly anything else.
const CLIP: &str = r#"{"embed_dim": 8, "quick_gelu": true,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1}}"#;

/// Weights that differ from one another, in a folder of open_clip called `clip`.
fn clip(folder: &Path) {
    let config = ModelConfig::from_json(CLIP).unwrap();
    let tensor = |(number, tensor): (usize, ExpectedTensor)| {
        let values = (0..tensor.shape.iter().product()).map(|at: usize| ((at * 7 + number * 13) as f32).sin());
        let values: Vec<f32> = if tensor.name == "logit_scale" { vec![2.0] } else { values.collect() };
        (tensor.name, HostTensor::from_f32(tensor.shape, &values))
    };
    let weights: StateDict = config.expected_tensors().unwrap().into_iter().enumerate().map(tensor).collect();
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    Package::new(weights, config, preprocess).unwrap().export(Format::OpenClip, folder.join("clip")).unwrap();
}

/// Three pictures and one that is cut off, in a folder called `pictures`.
fn pictures(folder: &Path) {
    let golden = repository("crates/vlp-data/tests/golden/images");
    let (golden, target) = (Path::new(&golden), folder.join("pictures"));
    fs::create_dir_all(target.join("more")).unwrap();
    fs::copy(golden.join("rgb.png"), target.join("a.png")).unwrap();
    fs::copy(golden.join("baseline.jpg"), target.join("c.jpg")).unwrap();
    fs::copy(golden.join("lossy.webp"), target.join("more/d.webp")).unwrap();
    let whole = fs::read(golden.join("rgb.png")).unwrap();
    fs::write(target.join("b.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(target.join("notes.md"), "no picture").unwrap();
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-5
}

#[test]
fn classify_says_what_the_library_says() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    pictures(path);
    let told = json(path, &["classify", "clip", "pictures", "--classes", "cat,red heart", "--top", "1"]);
    let device = vlp::device::open("flex").unwrap();
    let model = pretrained::open(path.join("clip"), &device).unwrap();
    for (found, name) in told["pictures"].as_array().unwrap().iter().zip(["a.png", "c.jpg", "more/d.webp"]) {
        let picture = Path::new("pictures").join(name);
        assert_eq!(found["picture"], picture.to_str().unwrap());
        let expected = model.classify(&[path.join(&picture)], &["cat", "red heart"], &Templates::simple()).unwrap();
        let class = &found["classes"][0];
        assert_eq!(
            (class["name"].as_str(), found["classes"].as_array().unwrap().len()),
            (Some(&*expected[0][0].name), 1)
        );
        assert!(close(class["probability"].as_f64().unwrap(), expected[0][0].probability.into()), "{found}");
    }
    assert_eq!((&told["damaged"][0]["picture"], &told["classes"]), (&"pictures/b.png".into(), &2.into()));
    fs::write(path.join("names.txt"), "cat\n\nred heart\n").unwrap();
    let text = out(path, &["classify", "clip", "pictures", "--classes-from", "names.txt", "--template", "openai"]);
    assert!(text.contains("3 pictures, 2 classes, by clip") && text.contains("red heart"), "{text}");
}

#[test]
fn embed_writes_the_vectors_and_goes_on_after_a_kill() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    fs::create_dir(path.join("many")).unwrap();
    (0..40).for_each(|number| fs::write(path.join(format!("many/{number:02}.png")), shards::png(number)).unwrap());
    let embed = |to: &'static str| ["embed", "clip", "many", "--batch", "1", "--workers", "1", "--out", to];
    let told = json(path, &embed("whole.npy"));
    assert_eq!((&told["rows"], &told["width"], &told["resumed"]), (&40.into(), &8.into(), &0.into()));
    assert_eq!(fs::read_to_string(path.join("whole.txt")).unwrap().lines().next(), Some("many/00.png"));

    let mut child = program(path, &embed("cut.npy")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (part, since) = (path.join("cut.npy.part"), Instant::now());
    while fs::metadata(&part).map_or(0, |file| file.len()) < 128 + 5 * 32 && child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing is embedded");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let told = json(path, &[&embed("cut.npy")[..], &["--resume"]].concat());
    assert_eq!(told["rows"], 40);
    assert_eq!(fs::read(path.join("cut.npy")).unwrap(), fs::read(path.join("whole.npy")).unwrap());
    assert!(!part.exists());
}

#[test]
fn embed_reads_lines_of_text() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    fs::write(path.join("captions.txt"), "a cat\na red heart\n").unwrap();
    let text = out(path, &["embed", "clip", "--texts", "captions.txt", "--out", "texts.safetensors"]);
    assert!(text.starts_with("texts.safetensors: 2 x 8"), "{text}");
    let rows = StateDict::read(path.join("texts.safetensors"), &Default::default()).unwrap();
    let rows = rows.get("embeddings").unwrap().to_f32().unwrap();
    let device = vlp::device::open("flex").unwrap();
    let expected =
        pretrained::open(path.join("clip"), &device).unwrap().embed_texts(&["a cat", "a red heart"]).unwrap();
    assert!(rows.iter().zip(expected.rows()).all(|(a, b)| close(f64::from(*a), f64::from(*b))));
}

#[test]
fn a_model_of_the_hub_is_found_in_its_cache_by_name() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    pictures(path);
    let snapshots = path.join("hub/models--someone--tiny/snapshots");
    fs::create_dir_all(&snapshots).unwrap();
    fs::rename(path.join("clip"), snapshots.join("0123")).unwrap();
    for (name, code) in [("someone/tiny", 0), ("hf-hub:someone/tiny", 0), ("hf-hub:someone/other", 2), ("../tiny", 2)] {
        let mut embed = program(path, &["embed", name, "pictures", "--out", "rows.npy"]);
        let output = embed.env("HF_HUB_CACHE", path.join("hub")).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn search_keeps_an_index_and_sees_what_has_changed() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    pictures(path);
    shards::shard(0, 3, 2).write(&path.join("pictures"), "more.tar");
    let search = ["search", "clip", "pictures", "--text", "a cat", "--image", "pictures/c.jpg", "--top", "2"];
    let told = json(path, &search);
    assert_eq!((&told["pictures"], &told["embedded"]), (&6.into(), &6.into()), "{told}");
    let index = path.join(told["index"].as_str().unwrap());
    assert!(index.starts_with(path.join("pictures")) && index.is_file());
    let like = &told["queries"][1]["found"];
    assert_eq!((&like[0]["picture"], like.as_array().unwrap().len()), (&"pictures/c.jpg".into(), 2));
    assert!(close(like[0]["cosine"].as_f64().unwrap(), 1.0), "{like}");
    // Nothing is read again: the answers are the same, and the file is not touched.
    let (bytes, again) = (fs::read(&index).unwrap(), json(path, &search));
    assert_eq!((&again["embedded"], &again["queries"]), (&0.into(), &told["queries"]));
    assert!(fs::read(&index).unwrap() == bytes);
    // One picture changes, one comes, one goes.
    fs::copy(path.join("pictures/a.png"), path.join("pictures/c.jpg")).unwrap();
    fs::write(path.join("pictures/e.png"), shards::png(7)).unwrap();
    fs::remove_file(path.join("pictures/more/d.webp")).unwrap();
    let text = out(path, &["search", "clip", "pictures", "--image", "pictures/a.png", "--top", "9"]);
    assert!(text.contains("6 pictures, 2 of them embedded now") && !text.contains("d.webp"), "{text}");
    let cosine =
        |name: &str| text.lines().find(|line| line.ends_with(name)).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(cosine("pictures/c.jpg"), "1.0000", "the changed picture is that of a.png now: {text}");
}

#[test]
fn an_index_of_another_model_is_made_anew_and_other_files_are_left_alone() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    pictures(path);
    let search = ["search", "clip", "pictures", "--text", "a cat", "--index", "my.safetensors"];
    assert_eq!(json(path, &search)["embedded"], 3);
    let weights = path.join("clip/open_clip_model.safetensors");
    let mut changed = StateDict::read(&weights, &Default::default()).unwrap();
    let projection = changed.get("visual.proj").unwrap();
    let values: Vec<f32> = projection.to_f32().unwrap().into_iter().rev().collect();
    changed.insert("visual.proj", HostTensor::from_f32(projection.shape(), &values));
    changed.write_safetensors(&weights).unwrap();
    assert_eq!(json(path, &search)["embedded"], 3);
    fs::write(path.join("my.safetensors"), "what I wrote").unwrap();
    refused(path, &search, "no index of pictures");
}

#[test]
fn eval_measures_any_model_on_data_that_is_named() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    shards::shard(0, 8, 4).write(path, "test.tar");
    let told = json(path, &["eval", "clip", "--data", "test.tar", "--label", "label", "--out", "measured"]);
    let rows = told["results"][0]["rows"].as_array().unwrap();
    let value = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["value"].as_f64().unwrap();
    // Eight captions: ten answers hold the right one, and four classes are all among the first five.
    assert_eq!((value("test, picture to caption R@10"), value("test, caption to picture R@10")), (1.0, 1.0));
    assert!((0.0..=1.0).contains(&value("test, zero-shot top-1")), "{told}");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("measured/results.json")).unwrap()).unwrap();
    assert_eq!(written, told["results"]);
    refused(path, &["eval", "clip"], "--data");
    refused(path, &["eval", "clip", "--data", "test.tar", "--label", "species"], "species");
    refused(path, &["eval", "clip", "--data", "no/such.tar"], "no/such.tar");
}

#[test]
fn convert_goes_to_hugging_face_and_back_to_the_bit() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    let text = out(path, &["convert", "clip", "hf", "--to", "hugging-face"]);
    assert!(text.contains("Hugging Face CLIPModel"), "{text}");
    out(path, &["convert", "hf", "back", "--to", "open-clip"]);
    let file = |folder: &str| fs::read(path.join(folder).join("open_clip_model.safetensors")).unwrap();
    assert!(file("clip") == file("back"), "the way there and back changed the file");
    let told = json(path, &["convert", "clip", "half", "--to", "open-clip", "--dtype", "bf16"]);
    assert_eq!(told["written"]["types"].as_object().unwrap().keys().collect::<Vec<_>>(), ["bf16"], "{told}");
    let halved = StateDict::read(path.join("half/open_clip_model.safetensors"), &Default::default()).unwrap();
    assert!(halved.iter().all(|(_, tensor)| tensor.dtype() == DType::BF16));
    out(path, &["convert", "clip", "tower", "--to", "timm"]);
    let tower = StateDict::read(path.join("tower/model.safetensors"), &Default::default()).unwrap();
    assert_eq!(detect(&tower).unwrap(), Layout::TimmVit);
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let folder = folder();
    let path = folder.path();
    clip(path);
    pictures(path);
    fs::create_dir(path.join("empty")).unwrap();
    let (mut dict, ..) = Package::read(path.join("clip"), &Default::default()).unwrap().into_parts();
    dict.metadata.clear();
    dict.write_safetensors(path.join("bare.safetensors")).unwrap();
    let emoji = repository("data/emoji/tokenizer.json");
    let classify = |model: &'static str| ["classify", model, "pictures", "--classes", "a"];

    refused(path, &classify("no/such"), "no/such");
    refused(path, &classify("ViT-B-32"), "ViT-B-32 is the name of a model");
    refused(path, &classify("empty"), "empty is no model");
    refused(path, &classify("bare.safetensors"), "--model");
    refused(path, &[&classify("bare.safetensors")[..], &["--model", "ViT-B-33"]].concat(), "ViT-B-33");
    refused(path, &[&classify("clip")[..], &["--device", "gpu"]].concat(), "unknown device 'gpu'");
    refused(path, &[&classify("clip")[..], &["--template", "a photo"]].concat(), "a photo");
    refused(path, &[&classify("clip")[..], &["--tokenizer", &emoji]].concat(), "another model's tokenizer");
    refused(path, &[&classify("clip")[..], &["--top", "0"]].concat(), "1 or more");
    refused(path, &["classify", "clip", "pictures"], "--classes");
    refused(path, &["classify", "clip", "pictures", "--classes", " , "], "no class");
    refused(path, &["classify", "clip", "no/pictures", "--classes", "a"], "no/pictures");
    refused(path, &["classify", "clip", "empty", "--classes", "a"], "no pictures");
    // A model whose tokenizer is nowhere.
    let siglip = repository("crates/vlp-weights/tests/golden/hf_siglip");
    refused(path, &["classify", &siglip, "pictures", "--classes", "a"], "sentencepiece");
    refused(path, &["search", &siglip, "pictures", "--text", "a"], "sentencepiece");

    refused(path, &["embed", "clip", "pictures", "--out", "rows.csv"], ".npy");
    refused(path, &["embed", "clip", "pictures", "--out", "rows.npy", "--batch", "0"], "1 or more");
    refused(path, &["embed", "clip", "pictures", "--out", "no/folder/rows.npy"], "no/folder");
    refused(path, &["embed", "clip", "--out", "rows.npy"], "PICTURES");
    refused(path, &["embed", "clip", "--texts", "no.txt", "--out", "rows.npy"], "no.txt");
    refused(path, &["search", "clip", "pictures"], "--text");
    refused(path, &["search", "clip", "pictures", "--image", "none.png"], "none.png");
    refused(path, &["search", "clip", "pictures", "--text", "a", "--index", "no/folder/x.safetensors"], "no/folder");

    refused(path, &["convert", "clip", "out", "--to", "tensorflow"], "tensorflow");
    refused(path, &["convert", "bare.safetensors", "out", "--to", "timm"], "--model");
    refused(path, &["convert", "bare.safetensors", "out", "--to", "timm", "--model", "ViT-B-32"], "do not fit");
    refused(path, &["convert", "clip", "pictures", "--to", "open-clip"], "pictures");
    // The activation that the weights were trained with stands in their metadata.
    fs::create_dir(path.join("other")).unwrap();
    fs::copy(path.join("clip/open_clip_model.safetensors"), path.join("other/open_clip_model.safetensors")).unwrap();
    let said = fs::read_to_string(path.join("clip/open_clip_config.json")).unwrap();
    assert!(said.contains("\"quick_gelu\": true"));
    let said = said.replace("\"quick_gelu\": true", "\"quick_gelu\": false");
    fs::write(path.join("other/open_clip_config.json"), said).unwrap();
    refused(path, &["convert", "other", "out", "--to", "hugging-face"], "trained with quick_gelu = true");
    // Every picture is damaged: that shows while working.
    fs::create_dir(path.join("broken")).unwrap();
    fs::rename(path.join("pictures/b.png"), path.join("broken/b.png")).unwrap();
    for arguments in [
        &["embed", "clip", "broken", "--out", "rows.npy"][..],
        &["classify", "clip", "broken", "--classes", "a"],
        &["search", "clip", "broken", "--text", "a", "--index", "i.safetensors"],
    ] {
        let output = call(path, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("b.png"), "{arguments:?}");
    }
}
