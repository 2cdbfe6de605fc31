//! The examples zero_shot, embed_folder and convert as a user calls them, on a tiny model: their numbers against the library's.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::tensor::{Device, Tensor, TensorData};
use tempfile::TempDir;
use vlp::core::TextMode;
use vlp::data::{ClipBpe, HostTokens, Limits, decode};
use vlp::weights::{Package, Pretrained};

fn call(example: &str, arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: run `cargo build --workspace --examples` first", program.display());
    Command::new(program).args(arguments).output().unwrap()
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
    assert!(said.contains(words) && !said.contains("panicked"), "{arguments:?}: {said}");
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
    let (weights, pictures) = (common::clip(folder.path()), pictures(folder.path()));
    let files = ["a.png", "c.jpg", "more/d.webp"].map(|name| pictures.join(name));
    let [out, _] = succeeds(
        "zero_shot",
        &[&[text(&weights), "cat, red heart"][..], &files.each_ref().map(|path| text(path))].concat(),
    );
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
            let words = line.split_once(": ").unwrap().1.split(", ").find(|words| words.ends_with(class)).unwrap();
            let shown: f32 = words.split(' ').next().unwrap().parse().unwrap();
            // One decimal is shown.
            assert!((shown - 100.0 * share).abs() < 0.06, "{name} {class}: {share} in {line}");
        }
    }
}

#[test]
fn embed_folder_writes_the_vectors_of_the_model_in_the_order_of_its_list() {
    let folder = folder();
    let (weights, pictures) = (common::clip(folder.path()), pictures(folder.path()));
    let model = load(&weights);
    let npy = folder.path().join("all.npy");
    let [_, said] = succeeds("embed_folder", &[text(&weights), text(&pictures), text(&npy)]);
    assert!(said.contains("1 pictures left out"), "{said}");

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
}

#[test]
fn convert_goes_to_hugging_face_and_back_to_the_bit() {
    let folder = folder();
    let weights = common::clip(folder.path());
    let [there, back] = ["hf", "back"].map(|name| folder.path().join(name));
    succeeds("convert", &[text(&weights), text(&there), "hugging-face"]);
    succeeds("convert", &[text(&there), text(&back), "open-clip"]);
    let file = |folder: &Path| fs::read(folder.join("open_clip_model.safetensors")).unwrap();
    assert!(file(&weights) == file(&back), "the way there and back changed the file");
}

#[test]
fn bad_input_is_refused_with_one_sentence_and_exit_code_2() {
    let folder = folder();
    let (weights, pictures) = (common::clip(folder.path()), pictures(folder.path()));
    let (w, p, out) = (text(&weights), text(&pictures), folder.path().join("out"));
    refused("zero_shot", &["no/such", "a", p], "no/such");
    refused("zero_shot", &[w, "a"], "no picture given");
    refused("zero_shot", &[w], "usage: ");
    refused("embed_folder", &[w, p, "rows.csv"], ".npy or .safetensors");
    refused("embed_folder", &[w, p], "usage: ");
    refused("convert", &[w, text(&out), "tensorflow"], "usage: ");
    refused("convert", &["no/such", text(&out), "timm"], "no/such");
    assert!(!out.exists());
}
