//! No key of a recipe is ignored: each one, changed alone, changes what a run does.

mod common;

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use burn::tensor::{Device, TensorData};
use serde_json::json;
use tempfile::TempDir;
use toml::{Table, Value};
use vlp::core::BatchSource;
use vlp::encoders::{LoraConfig, TextTransformerConfig};
use vlp::recipe::{
    AugmentRecipe, CheckpointRecipe, DataRecipe, EmaRecipe, EvalRecipe, EvalSetRecipe, KnnRecipe, LayerDecayRecipe,
    LockRecipe, LogRecipe, LoraRecipe, NormalizationRecipe, OptimizerRecipe, Recipe, ScheduleKind, ScheduleRecipe,
    SourceRecipe, TokenizerRecipe, ValidationRecipe, ViewsRecipe, ZeroShotRecipe,
};
use vlp::run::{Run, RunOptions};
use vlp::trainer::{AdamWOptions, AnyOptimizerOptions};
use vlp_testkit::shards::{self, ShardBuilder};

const STEPS: u64 = 4;

/// Keys that change nothing by design, with the reason.
const WITHOUT_EFFECT: [(&str, &str); 9] = [
    ("layer_decay.image", "of the image encoder only the last group learns here; the test below unlocks the others"),
    ("caption_sampling", "these samples have one caption each; tests/captions.rs of vlp-data has several"),
    ("image.drop_path", "the rate rises from the first block, and there is one"),
    ("text.drop_path", "the rate rises from the first block, and there is one"),
    ("image.prefix_positions", "a mean over patches has no class token"),
    ("lock.freeze_bn_stats", "no batch normalisation stands in the locked groups"),
    ("views.photometric", "the CPU backend changes colours on the host either way, to the bit"),
    ("augment.wordnet", "it needs a folder of WordNet; tests of vlp-augment read one"),
    ("checkpoint.every_minutes", "four steps take less than a minute"),
];

/// Another value where half or twice the old one is out of range or no other word.
const OTHER: [(&str, &str); 37] = [
    ("schedule.warmup", "0.5"),
    ("image.init", "\"clip\""),
    ("image.positions", "\"sin-cos\""),
    ("method.loss.key_gradients", "\"detached\""),
    ("method.loss.logits", "\"chunked\""),
    ("precision", "\"bf16\""),
    ("distinct_by", "\"group\""),
    ("caption_sampling", "\"multi\""),
    ("tokenizer", "\"clip\""),
    ("normalization", "\"siglip\""),
    ("steps", "3"),
    ("batch_size", "12"),
    ("views.size", "8"),
    ("views.strong", "2"),
    ("views.strong_size", "24"),
    ("views.weak_scale", "[0.9, 1.0]"),
    ("views.strong_scale", "[0.9, 1.0]"),
    ("views.local_scale", "[0.9, 1.0]"),
    ("views.weak_text", "\"keywords\""),
    ("views.strong_text", "\"swap-or-delete\""),
    ("image.kind", "\"resnet\""),
    ("image.stem", "{ kind = \"patch\", size = 8 }"),
    ("image.activation", "\"gelu\""),
    ("image.pooling", "\"class\""),
    ("text.activation", "\"gelu\""),
    ("text.pooling", "\"first\""),
    ("text.vocab_size", "3300"),
    ("text.context_length", "20"),
    ("method.name", "\"siamlip\""),
    ("method.weak_head", "{ kind = \"biased-linear\" }"),
    ("method.strong_head", "{ kind = \"mlp\", hidden = 256 }"),
    ("method.loss.reduction", "\"sum\""),
    ("schedule.kind", "\"cosine\""),
    ("data.validation", "{ share = 0.4 }"),
    ("optimizer.max_norm", "1e-4"),
    ("optimizer.name", "\"lion\""),
    ("checkpoint.keep", "1"),
];

/// A few samples with the fields that the recipe asks for, in two shards: `a.tar` and `b.tar`.
fn samples() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for (name, first) in [("a.tar", 0), ("b.tar", 100)] {
            let shard = (first..first + 40).fold(ShardBuilder::new(), |shard, number| {
                let (kind, word) = (number % 3, ["red", "small", "happy", "old"][number % 4]);
                let about = json!({
                    "caption": format!("The {word} {} No. {number}: picture, test &amp; try, tag", ["Dog", "Sun", "Tree"][kind]),
                    "label": format!("label {number}"),
                    "group": format!("group {kind}"),
                    "subgroup": word,
                });
                let key = format!("{number:03}");
                shard
                    .member(&format!("{key}.png"), &shards::png(number as u32))
                    .member(&format!("{key}.json"), about.to_string().as_bytes())
            });
            shard.write(folder.path(), name);
        }
        folder
    });
    folder.path()
}

/// The recipe with every key set. A field that is added to a table below does not compile here until it is thought of.
fn every_key() -> Recipe {
    let small = common::recipe("clip-rocket");
    let shard = |name: &str| SourceRecipe::new(samples().join(name).to_str().unwrap());
    let Recipe { seed, batch_size, precision, tokenizer, views, image, text, method, .. } = small;
    let ViewsRecipe { strong_size, local_size, photometric, .. } = views;
    let TextTransformerConfig { .. } = text;
    Recipe {
        seed,
        epochs: 0.0,
        steps: Some(STEPS),
        batch_size,
        precision,
        distinct_by: Some("label".into()),
        caption_sampling: Default::default(),
        tokenizer,
        normalization: NormalizationRecipe::ImageNet,
        data: DataRecipe {
            train: vec![shard("a.tar")],
            validation: Some(ValidationRecipe { source: None, share: Some(0.2) }),
        },
        views: ViewsRecipe {
            size: 16,
            strong: 1,
            strong_size,
            local: 0,
            local_size,
            local_scale: views.local_scale,
            weak_scale: [0.5, 1.0],
            strong_scale: [0.3, 1.0],
            jitter: 0.8,
            grayscale: 0.2,
            blur: 0.4,
            blur_radius: 0.6,
            flip: 0.5,
            photometric,
            weak_text: views.weak_text,
            strong_text: views.strong_text,
        },
        augment: Some(AugmentRecipe {
            weak: None,
            strong: None,
            local: None,
            weak_text: None,
            strong_text: None,
            clean_captions: false,
            wordnet: None,
        }),
        image,
        text,
        method,
        init: None,
        lock: Some(LockRecipe { image: Some(1), text: None, freeze_bn_stats: false }),
        lora: None,
        ema: Some(EmaRecipe { decay: 0.9 }),
        layer_decay: Some(LayerDecayRecipe { image: 0.8, text: 0.9 }),
        optimizer: OptimizerRecipe {
            settings: AnyOptimizerOptions::AdamW(AdamWOptions {
                beta_1: 0.9,
                beta_2: 0.98,
                epsilon: 1e-8,
                weight_decay: 0.1,
            }),
            weight_decay_end: Some(0.4),
            max_norm: Some(1.0),
        },
        schedule: ScheduleRecipe {
            kind: ScheduleKind::ConstantCooldown,
            start: 1e-4,
            peak: 1e-3,
            end: 1e-5,
            warmup: 0.25,
            cooldown: Some(0.5),
            power: Some(1.0),
        },
        eval: EvalRecipe {
            every: Some(2),
            sets: vec![EvalSetRecipe {
                name: "held out".into(),
                source: shard("a.tar"),
                retrieval: true,
                zero_shot: Some(ZeroShotRecipe { field: "label".into(), templates: vec!["{}".into()] }),
                knn: Some(KnnRecipe { field: "group".into(), k: 3, temperature: 0.1 }),
            }],
        },
        checkpoint: CheckpointRecipe { every_steps: 2, every_minutes: 15.0, keep: 3 },
        log: LogRecipe { every: 1 },
    }
}

/// Numbers as a few digits.
fn print(data: &TensorData) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    data.shape().hash(&mut hasher);
    data.as_bytes().hash(&mut hasher);
    format!("{:x} ", hasher.finish())
}

/// Everything that a run shows: batches, metrics, evaluation, files, the model. An error is something to see as well.
fn seen(recipe: &Recipe) -> String {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let show = || -> Result<String, vlp::Error> {
        let run = Run::new(recipe.clone(), &Device::flex())?;
        let batch = run.source()?.next_batch(run.device())?;
        let mut text = String::new();
        for view in [&batch.weak].into_iter().chain(&batch.strong) {
            text += &(print(&view.images.to_data()) + &print(&view.tokens.to_data()));
        }
        batch.local.iter().for_each(|crop| text += &print(&crop.to_data()));
        let trained = run.with_options(RunOptions::default().with_quiet(true).with_workers(1)).fit(&out)?;
        text += &format!("{:?}", trained.evaluate()?.reports);
        for (name, values) in vlp_testkit::parameters::parameters(&trained.method) {
            text += &format!("{name} {}", print(&values));
        }
        let metrics = std::fs::read_to_string(out.join("metrics.jsonl"))?;
        for line in metrics.lines() {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["samples_per_second"].take();
            line["data_wait"].take();
            text += &line.to_string();
        }
        text += &std::fs::read_to_string(out.join("evaluations.jsonl")).unwrap_or_default();
        let mut files: Vec<_> = std::fs::read_dir(&out)?.flatten().map(|entry| entry.file_name()).collect();
        files.sort();
        Ok(format!("{text}{files:?}"))
    };
    show().unwrap_or_else(|error| error.to_string())
}

/// The paths of all leaves below a table.
fn leaves(prefix: &str, table: &Table, into: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let whole = OTHER.iter().any(|(other, _)| *other == path);
        match value {
            Value::Table(inner) if !whole => leaves(&path, inner, into),
            _ => into.push(path),
        }
    }
}

fn value<'a>(table: &'a Table, path: &str) -> &'a Value {
    let mut keys = path.split('.');
    let first = &table[keys.next().unwrap()];
    keys.fold(first, |value, key| &value[key])
}

/// Another value of the same kind.
fn other(path: &str, value: &Value) -> Vec<String> {
    if let Some((_, other)) = OTHER.iter().find(|(key, _)| *key == path) {
        return vec![(*other).to_owned()];
    }
    match value {
        Value::Boolean(value) => vec![(!value).to_string()],
        Value::Integer(value) => vec![(value * 2).max(1).to_string(), (value + 1).to_string()],
        Value::Float(value) => vec![format!("{:e}", value / 2.0), "0.25".to_owned()],
        _ => Vec::new(),
    }
}

/// Runs in one process share the device's generator.
static GENERATOR: Mutex<()> = Mutex::new(());

#[test]
fn each_key_changed_alone_changes_the_run() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let recipe = every_key();
    recipe.check().unwrap();
    let before = seen(&recipe);
    assert!(before.contains("metrics.jsonl"), "the run itself failed: {before}");
    assert_eq!(before, seen(&recipe), "the same recipe is the same run");
    let table = Table::try_from(&recipe).unwrap();
    let mut paths = Vec::new();
    leaves("", &table, &mut paths);
    assert!(paths.len() > 60, "{paths:?}");
    let mut ignored = Vec::new();
    for path in paths {
        if WITHOUT_EFFECT.iter().any(|(key, _)| *key == path) || path.starts_with("data.train") || path == "eval.sets" {
            continue;
        }
        let others = other(&path, value(&table, &path));
        assert!(!others.is_empty(), "no other value is known for {path} = {}", value(&table, &path));
        let noticed = others.iter().any(|other| match recipe.set(&[format!("{path}={other}")]) {
            Ok(changed) => changed != recipe && seen(&changed) != before,
            Err(_) => true,
        });
        if !noticed {
            ignored.push(path);
        }
    }
    assert!(ignored.is_empty(), "these keys change nothing: {ignored:?}");
}

#[test]
fn other_samples_and_other_questions_change_the_run() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let recipe = every_key();
    let before = seen(&recipe);
    let mut changed = recipe.clone();
    changed.data.train[0].source = samples().join("b.tar").to_str().unwrap().into();
    assert_ne!(seen(&changed), before);
    for change in [
        |set: &mut EvalSetRecipe| set.name = "other".into(),
        |set: &mut EvalSetRecipe| set.retrieval = false,
        |set: &mut EvalSetRecipe| set.zero_shot = None,
        |set: &mut EvalSetRecipe| set.knn.as_mut().unwrap().k = 1,
        |set: &mut EvalSetRecipe| set.knn.as_mut().unwrap().field = "subgroup".into(),
        |set: &mut EvalSetRecipe| set.zero_shot.as_mut().unwrap().templates = vec!["emoji of {}".into()],
    ] {
        let mut changed = recipe.clone();
        change(&mut changed.eval.sets[0]);
        assert_ne!(seen(&changed), before);
    }
    let unlocked = Recipe { lock: None, ..recipe.clone() };
    let decayed = LayerDecayRecipe { image: 0.3, text: 0.9 };
    assert_ne!(seen(&Recipe { layer_decay: Some(decayed), ..unlocked.clone() }), seen(&unlocked));
    let adapter = LoraConfig { rank: 2, alpha: 4.0, layers: vec!["qkv".into()], init_std: Some(0.1) };
    let with =
        |text: LoraConfig| seen(&Recipe { lora: Some(LoraRecipe { image: None, text: Some(text) }), ..recipe.clone() });
    let plain = with(adapter.clone());
    assert_ne!(plain, before);
    for other in [
        LoraConfig { rank: 3, ..adapter.clone() },
        LoraConfig { alpha: 8.0, ..adapter.clone() },
        LoraConfig { layers: vec!["attention.out".into()], ..adapter.clone() },
        LoraConfig { init_std: Some(0.3), ..adapter },
    ] {
        assert_ne!(with(other), plain);
    }
    let tokenizer = TokenizerRecipe::File {
        file: Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji/tokenizer.json"),
        canonicalize: true,
    };
    assert_ne!(seen(&Recipe { tokenizer, ..recipe }), before);
}
