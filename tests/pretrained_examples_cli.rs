//! The examples zero_shot, embed_folder and convert as a user calls them, on tiny models: their numbers against the
//! library's, and what they say to bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::tensor::{Device, Tensor, TensorData};
use tempfile::TempDir;
use vlp::core::TextMode;
use vlp::data::{ClipBpe, HostTokens, Limits, decode};
use vlp::weights::{DType, Format, HostTensor, Layout, ModelConfig, Package, PreprocessConfig, Pretrained, StateDict};
use vlp::weights::{TensorRole, detect};

/// A CLIP with the real vocabulary and hardly anything else.
const CLIP: &str = r#"{"embed_dim": 8, "quick_gelu": true,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1}}"#;

fn call(example: &str, arguments: &[&str]) -> Output {
    command(example, arguments).output().unwrap()
}

fn command(example: &str, arguments: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: run `cargo build --workspace --examples` first", program.display());
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn succeeds(example: &str, arguments: &[&str]) -> [String; 2] {
    let output = call(example, arguments);
    let [out, said] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{example} {arguments:?}: {said}");
    [out, said]
}

fn refused(example: &str, arguments: &[&str], words: &str) {
    let output = call(example, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{example} {arguments:?}: {said}");
    assert!(said.starts_with("error: ") && said.contains(words) && !said.contains("panicked"), "{arguments:?}: {said}");
}

/// Weights that differ from one another, in a folder of open_clip.
fn clip(folder: &Path) -> PathBuf {
    let config = ModelConfig::from_json(CLIP).unwrap();
    let tensor = |(number, tensor): (usize, vlp::weights::ExpectedTensor)| {
        assert_ne!(tensor.role, TensorRole::BatchCount);
        let values = (0..tensor.shape.iter().product()).map(|at: usize| ((at * 7 + number * 13) as f32).sin());
        let values: Vec<f32> = if tensor.name == "logit_scale" { vec![2.0] } else { values.collect() };
        (tensor.name, HostTensor::from_f32(tensor.shape, &values))
    };
    let weights: StateDict = config.expected_tensors().unwrap().into_iter().enumerate().map(tensor).collect();
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    let target = folder.join("clip");
    Package::new(weights, config, preprocess).unwrap().export(Format::OpenClip, &target).unwrap();
    target
}

/// Three pictures and one that is cut off.
fn pictures(folder: &Path) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vlp-data/tests/golden/images");
    let target = folder.join("pictures");
    fs::create_dir_all(target.join("more")).unwrap();
    fs::copy(golden.join("rgb.png"), target.join("a.png")).unwrap();
    fs::copy(golden.join("baseline.jpg"), target.join("c.jpg")).unwrap();
    fs::copy(golden.join("lossy.webp"), target.join("more/d.webp")).unwrap();
    let whole = fs::read(golden.join("rgb.png")).unwrap();
    fs::write(target.join("b.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(target.join("notes.md"), "no picture").unwrap();
    target
}

fn load(folder: &Path) -> Pretrained {
    Package::read(folder, &Default::default()).unwrap().load(&Device::flex()).unwrap()
}

fn vectors(model: &Pretrained, picture: &Path) -> Vec<f32> {
    let image = decode(&fs::read(picture).unwrap(), &Limits::default()).unwrap();
    let pixels = TensorData::new(model.preprocess.apply(image), [1, 3, 32, 32]);
    model.model.embed_images(Tensor::from_data(pixels, &Device::flex())).into_data().try_into_vec().unwrap()
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / norm).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn zero_shot_prints_the_softmax_of_scaled_cosines() {
    let folder = folder();
    let (weights, pictures) = (clip(folder.path()), pictures(folder.path()));
    let [out, said] =
        succeeds("zero_shot", &["--weights", text(&weights), "--classes", "cat,red heart", text(&pictures)]);
    assert!(said.contains("b.png is left out") && said.contains("1 of 4 pictures"), "{said}");
    let model = load(&weights);
    let tokenizer = ClipBpe::new(12).unwrap();
    let embed = |prompt: &str| {
        let tokens = HostTokens::encode(&tokenizer, [prompt]).into_tensor(&Device::flex());
        unit(&model.model.embed_texts(tokens, TextMode::Global).into_data().try_into_vec().unwrap())
    };
    let classes = ["a photo of a cat.", "a photo of a red heart."].map(embed);
    for name in ["a.png", "c.jpg", "more/d.webp"] {
        let image = unit(&vectors(&model, &pictures.join(name)));
        let cosine = |class: &[f32]| image.iter().zip(class).map(|(a, b)| a * b).sum::<f32>();
        let [cat, heart] = [&classes[0], &classes[1]].map(|class| (2f32.exp() * cosine(class)).exp());
        let line = out.lines().find(|line| line.contains(name)).unwrap();
        for (class, share) in [("cat", cat / (cat + heart)), ("red heart", heart / (cat + heart))] {
            let words = line.split("  ").find(|words| words.trim().ends_with(class)).unwrap();
            let shown: f32 = words.trim().split(' ').next().unwrap().parse().unwrap();
            // One decimal is shown.
            assert!((shown - 100.0 * share).abs() < 0.06, "{name} {class}: {share} in {line}");
        }
    }
}

#[test]
fn embed_folder_writes_the_vectors_of_the_model_in_the_order_of_its_list() {
    let folder = folder();
    let (weights, pictures) = (clip(folder.path()), pictures(folder.path()));
    let model = load(&weights);
    let (npy, tensors) = (folder.path().join("all.npy"), folder.path().join("all.safetensors"));
    let common = ["--weights", text(&weights), text(&pictures), "--batch", "2", "--out"];
    succeeds("embed_folder", &[&common[..], &[text(&npy)]].concat());
    let [_, said] = succeeds("embed_folder", &[&common[..], &[text(&tensors), "--raw"]].concat());
    assert!(said.contains("1 of 4 pictures left out"), "{said}");

    let names = fs::read_to_string(npy.with_extension("txt")).unwrap();
    let names: Vec<PathBuf> = names.lines().map(PathBuf::from).collect();
    assert_eq!(names, ["a.png", "c.jpg", "more/d.webp"].map(|name| pictures.join(name)));
    assert!(fs::read_to_string(npy.with_extension("damaged.txt")).unwrap().contains("b.png: "));
    let expected: Vec<Vec<f32>> = names.iter().map(|name| vectors(&model, name)).collect();

    let bytes = fs::read(&npy).unwrap();
    assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
    let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
    assert!(header.contains("'shape': (3, 8)") && header.ends_with('\n'), "{header}");
    let found = bytes[128..].chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    let found: Vec<f32> = found.collect();
    let unit: Vec<f32> = expected.iter().flat_map(|vector| unit(vector)).collect();
    assert_eq!(found.len(), 24);
    // Batches of two and one picture, and norms summed in another order: f32 rounding.
    assert!(found.iter().zip(&unit).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {unit:?}");

    let dict = StateDict::read(&tensors, &Default::default()).unwrap();
    let raw = dict.get("embeddings").unwrap();
    assert_eq!(raw.shape(), [3, 8]);
    let pairs: Vec<_> = raw.to_f32().unwrap().into_iter().zip(expected.concat()).collect();
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-4 * b.abs().max(1.0)), "{pairs:?}");
}

#[test]
fn convert_goes_to_hugging_face_and_back_to_the_bit() {
    let folder = folder();
    let weights = clip(folder.path());
    let [there, back, half, tower] = ["hf", "back", "half", "tower"].map(|name| folder.path().join(name));
    let [out, _] = succeeds("convert", &[text(&weights), text(&there), "--to", "hugging-face"]);
    assert!(out.contains("Hugging Face CLIPModel"), "{out}");
    succeeds("convert", &[text(&there), text(&back), "--to", "open-clip"]);
    let file = |folder: &Path| fs::read(folder.join("open_clip_model.safetensors")).unwrap();
    assert!(file(&weights) == file(&back), "the way there and back changed the file");
    succeeds("convert", &[text(&weights), text(&half), "--to", "open-clip", "--dtype", "bf16"]);
    let halved = StateDict::read(half.join("open_clip_model.safetensors"), &Default::default()).unwrap();
    assert!(halved.iter().all(|(_, tensor)| tensor.dtype() == DType::BF16));
    succeeds("convert", &[text(&weights), text(&tower), "--to", "timm"]);
    let tower = StateDict::read(tower.join("model.safetensors"), &Default::default()).unwrap();
    assert_eq!(detect(&tower).unwrap(), Layout::TimmVit);
}

#[test]
fn bad_input_is_refused_with_one_sentence_and_exit_code_2() {
    let folder = folder();
    let (weights, pictures) = (clip(folder.path()), pictures(folder.path()));
    let (w, p) = (text(&weights), text(&pictures));
    let [out, empty, bare] = ["out.npy", "empty", "bare.safetensors"].map(|name| folder.path().join(name));
    fs::create_dir(&empty).unwrap();
    let (mut dict, ..) = Package::read(&weights, &Default::default()).unwrap().into_parts();
    dict.metadata.clear();
    dict.write_safetensors(&bare).unwrap();
    let (out, empty, bare) = (text(&out), text(&empty), text(&bare));

    refused("zero_shot", &["--weights", "no/such", "--classes", "a", p], "no/such");
    refused("zero_shot", &["--weights", w, p], "--classes");
    refused("zero_shot", &["--weights", w, "--classes", " , ", p], "class");
    refused("zero_shot", &["--weights", w, "--classes", "a", "--template", "a photo", p], "a photo");
    refused("zero_shot", &["--weights", w, "--classes", "a", "no/pictures"], "no/pictures");
    refused("zero_shot", &["--weights", w, "--classes", "a", empty], "no pictures");
    refused("zero_shot", &["--weights", w, "--classes", "a", "--device", "gpu", p], "unknown device 'gpu'");
    refused("zero_shot", &["--checkpoint", empty, "--classes", "a", p], "no readable checkpoint");
    refused("zero_shot", &["--weights", bare, "--classes", "a", p], "--model");
    refused("zero_shot", &["--weights", bare, "--model", "ViT-B-33", "--classes", "a", p], "ViT-B-33");
    let emoji = concat!(env!("CARGO_MANIFEST_DIR"), "/data/emoji/tokenizer.json");
    refused("zero_shot", &["--weights", w, "--tokenizer", emoji, "--classes", "a", p], "another model's tokenizer");

    refused("embed_folder", &["--weights", w, p, "--out", "rows.csv"], ".npy or .safetensors");
    refused("embed_folder", &["--weights", w, p, "--out", out, "--batch", "0"], "--batch");
    refused("embed_folder", &["--weights", w, p, "--out", "no/folder/rows.npy"], "no/folder");

    refused("convert", &[w, empty, "--to", "tensorflow"], "tensorflow");
    refused("convert", &[bare, empty, "--to", "timm"], "--model");
    refused("convert", &[bare, empty, "--to", "timm", "--model", "ViT-B-32"], "do not fit");
    refused("convert", &[w, p, "--to", "open-clip"], "no file of an export");
    // The activation that the weights were trained with stands in their metadata.
    let config = weights.join("open_clip_config.json");
    let said = fs::read_to_string(&config).unwrap();
    assert!(said.contains("\"quick_gelu\": true"));
    fs::write(&config, said.replace("\"quick_gelu\": true", "\"quick_gelu\": false")).unwrap();
    refused("convert", &[w, empty, "--to", "hugging-face"], "trained with quick_gelu = true");
}

#[test]
fn a_model_of_the_hub_is_found_in_its_cache_by_name() {
    let folder = folder();
    let (weights, pictures) = (clip(folder.path()), pictures(folder.path()));
    let hub = folder.path().join("hub");
    let snapshots = hub.join("models--someone--tiny/snapshots");
    fs::create_dir_all(&snapshots).unwrap();
    fs::rename(&weights, snapshots.join("0123")).unwrap();
    let out = folder.path().join("rows.npy");
    for (name, code) in [("someone/tiny", 0), ("hf-hub:someone/tiny", 0), ("hf-hub:someone/other", 2), ("../tiny", 2)] {
        let arguments = ["--weights", name, text(&pictures), "--out", text(&out)];
        let output = command("embed_folder", &arguments).env("HF_HUB_CACHE", &hub).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_siglip_without_its_tokenizer_says_which_one_is_missing() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vlp-weights/tests/golden/hf_siglip");
    let folder = folder();
    let pictures = pictures(folder.path());
    refused("zero_shot", &["--weights", text(&fixture), "--classes", "a", text(&pictures)], "sentencepiece");
}
