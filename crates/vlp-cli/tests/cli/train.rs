//! `vlp train` and `vlp eval`, on a model that learns in seconds.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use vlp_testkit::shards;

use crate::{call, folder, is_png, json, out, program, refused, repository};

/// A recipe on the quickstart's, as small as they come, in `tiny.toml`.
fn tiny(folder: &Path, steps: u32) {
    let text = format!(
        r#"
        extends = "quickstart"
        steps = {steps}
        batch_size = 8
        data.train = [{{ source = "{}" }}]
        checkpoint.every_steps = 3
        eval.sets = [{{ name = "concepts", source = "{}" }}]
        image = {{ width = 32, depth = 1, heads = 2, stem = {{ kind = "conv", channels = [8, 16, 32] }} }}
        text = {{ width = 32, depth = 1, heads = 2 }}
        method = {{ embed_dim = 16, strong_head = {{ hidden = 16 }} }}
        "#,
        repository("data/emoji/train-000.tar"),
        repository("data/emoji/test-concepts-000.tar"),
    );
    fs::write(folder.join("tiny.toml"), text).unwrap();
}

/// Losses by step, to the bit.
fn losses(run: &Path) -> Vec<(u64, String)> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["step"].as_u64().unwrap(), line["loss"].to_string())).collect()
}

#[test]
fn a_recipe_becomes_a_run_that_is_measured_and_kept() {
    let folder = folder();
    let path = folder.path();
    tiny(path, 2);
    let told = json(path, &["train", "tiny.toml"]);
    assert_eq!((&told["run"], &told["steps"]), (&"runs/tiny-clip-rocket".into(), &2.into()));
    let run = path.join("runs/tiny-clip-rocket");
    for file in ["recipe.toml", "tokenizer.json", "results.json", "step-00000002/manifest.json"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    for picture in ["loss.png", "retrieval.png", "similarity.png"] {
        assert!(is_png(&run.join(picture)), "{picture}");
    }
    assert_eq!(losses(&run).len(), 2);
    let row = |results: &Value| results[0]["rows"][0].clone();
    assert!(row(&told["results"])["value"].is_number(), "{told}");
    // The finished run stays, unless it is said otherwise.
    refused(path, &["train", "tiny.toml"], "is finished: `--fresh` replaces it");
    refused(path, &["train", "tiny.toml", "--set", "seed=3"], "--fresh");
    let text = out(path, &["train", "tiny.toml", "--fresh", "--steps", "1"]);
    assert!(text.contains("1 steps of clip-rocket") && text.contains("results.json"), "{text}");
    // Another method goes into a folder of its own.
    let other = ["train", "tiny.toml", "--steps", "1", "--method", "clip", "--set", "method.embed_dim=16"];
    let other = json(path, &other);
    assert_eq!(other["run"], "runs/tiny-clip");
    // The run is a model: for eval, embed, classify, search.
    let pictures = repository("data/emoji/test-concepts-000.tar");
    let again = json(path, &["eval", "runs/tiny-clip-rocket"]);
    assert_eq!(again["results"].as_array().unwrap().len(), told["results"].as_array().unwrap().len());
    let on = ["eval", "runs/tiny-clip", "--data", &pictures, "--label", "group", "--out", "measured"];
    let text = out(path, &on);
    assert!(
        text.contains("test-concepts-000, zero-shot top-1")
            && text.contains("R@1")
            && path.join("measured/results.json").is_file(),
        "{text}"
    );
    fs::create_dir(path.join("pictures")).unwrap();
    (0..3).for_each(|number| fs::write(path.join(format!("pictures/{number}.png")), shards::png(number)).unwrap());
    let classes = json(path, &["classify", "runs/tiny-clip-rocket", "pictures", "--classes", "red heart,dog"]);
    assert_eq!(classes["pictures"].as_array().unwrap().len(), 3);
    assert_eq!(json(path, &["search", "runs/tiny-clip", "pictures", "--text", "dog"])["embedded"], 3);
    assert_eq!(json(path, &["embed", "runs/tiny-clip", "pictures", "--out", "rows.npy"])["width"], 16);
    // open_clip has no form for this activation.
    refused(path, &["convert", "runs/tiny-clip", "exported", "--to", "open-clip"], "activation = \"relu\"");
    // A new run from the parameters of the first.
    let forked =
        json(path, &["train", "--fork", "runs/tiny-clip", "--steps", "2", "--set", "seed=5", "--out", "runs/fork"]);
    assert_eq!((&forked["method"], &forked["steps"]), (&"clip".into(), &2.into()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_resume_goes_on_to_the_bit() {
    let folder = folder();
    let path = folder.path();
    tiny(path, 60);
    out(path, &["train", "tiny.toml", "--out", "whole"]);
    let train = ["train", "tiny.toml", "--out", "cut"];
    let child = program(path, &train).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (metrics, since) = (path.join("cut/metrics.jsonl"), Instant::now());
    while fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 5 {
        assert!(since.elapsed() < Duration::from_secs(120), "no step is taken");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`train --resume cut` goes on"), "{said}");
    assert!(losses(&path.join("cut")).len() < 60);
    refused(path, &train, "`--resume` continues it");
    out(path, &["train", "--resume", "cut"]);
    assert_eq!(losses(&path.join("cut")), losses(&path.join("whole")));
}

#[test]
fn what_cannot_be_trained_is_refused_and_nothing_is_written() {
    let folder = folder();
    let path = folder.path();
    tiny(path, 2);
    refused(path, &["train"], "<RECIPE>");
    refused(path, &["train", "no-such-recipe"], "no-such-recipe");
    refused(path, &["train", "tiny.toml", "--set", "batchsize=3"], "did you mean `batch_size`?");
    refused(path, &["train", "tiny.toml", "--set", "method.name=clap"], "clap");
    refused(path, &["train", "tiny.toml", "--set", "batch_size=5000"], "batch_size is 5000");
    refused(path, &["train", "tiny.toml", "--set", "epochs=3", "--set", "data.train=[]"], "[[data.train]]");
    refused(path, &["train", "tiny.toml", "--data", "no/such.tar"], "no/such.tar");
    refused(path, &["train", "tiny.toml", "--device", "cuda:7x"], "cuda:7x");
    refused(path, &["train", "tiny.toml", "--steps", "0"], "0");
    for workers in ["0", "100000", "18446744073709551615", "-1", "many"] {
        refused(path, &["train", "tiny.toml", &format!("--workers={workers}")], "from 1 to 1024");
    }
    refused(path, &["train", "tiny.toml", "--resume", "runs/x"], "--resume");
    refused(path, &["train", "--resume", "runs/x"], "runs/x");
    refused(path, &["train", "--fork", "runs/x"], "--out");
    refused(path, &["train", "tiny.toml", "--set", "precision=bf16"], "precision = \"bf16\" is for GPUs");
    refused(path, &["train", "tiny.toml", "--set", "text.vocab_size=300"], "text.vocab_size is 300");
    // Two keys that exclude each other.
    fs::write(path.join("both.toml"), "extends = \"quickstart\"\nepochs = 2\nsteps = 3\n").unwrap();
    refused(path, &["train", "both.toml"], "steps");
    // A folder with files of its own is no run.
    assert_eq!(call(path, &["train", "--resume", "."]).status.code(), Some(2));
}

#[test]
fn a_run_of_another_version_is_refused_by_name() {
    let folder = folder();
    let path = folder.path();
    tiny(path, 1);
    out(path, &["train", "tiny.toml", "--out", "run"]);
    let manifest = path.join("run/step-00000001/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("\"caption_sampling\"") || text.contains("\"batch_size\""));
    let changed = text.replace("\"batch_size\"", "\"size_of_batch\"");
    fs::write(&manifest, &changed).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(changed.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path.join("run/step-00000001/manifest.sha256"), format!("{hex}  manifest.json\n")).unwrap();
    refused(path, &["train", "--resume", "run"], "no run that this version");
}
