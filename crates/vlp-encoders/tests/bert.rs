//! Hugging Face's BERT, RoBERTa and XLM-RoBERTa under open_clip's poolers: features and gradients, padding, configurations.

mod common;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use common::{CRATE, assert_features, assert_gradient_norms, renamed};
use vlp_core::{Precision, TextEncoder, TextMode};
use vlp_encoders::{Bert, BertConfig, BertPooling};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, shapes};
use vlp_testkit::{golden, inputs};

const VOCAB: usize = 60;
const LENGTH: usize = 10;

fn config(kind: &str, pooler: &str) -> BertConfig {
    let pooling = match pooler {
        "mean_pooler" => BertPooling::Mean,
        "cls_pooler" => BertPooling::Pooler,
        "cls_last_hidden_state_pooler" => BertPooling::First,
        other => panic!("no pooling for {other}"),
    };
    let (base, positions) = if kind == "bert" { (BertConfig::bert_base(), 16) } else { (BertConfig::default(), 18) };
    BertConfig { vocab_size: VOCAB, positions, width: 24, depth: 2, heads: 3, hidden: 40, pooling, ..base }
}

/// Our path to the key of the golden file: transformers' with other names for layer normalisations.
fn name(path: &str) -> Source {
    let rules = [
        ("layers.", "encoder.layer."),
        ("query", "attention.self.query"),
        ("key", "attention.self.key"),
        ("value", "attention.self.value"),
        (".out.", ".attention.output.dense."),
        ("norm_1", "attention.output.norm"),
        ("fc_1", "intermediate.dense"),
        ("fc_2", "output.dense"),
        ("norm_2", "output.norm"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
        ("pooler", "pooler.dense"),
    ];
    let key = match path {
        "tokens.weight" => "embeddings.word_embeddings.weight".to_owned(),
        "positions.weight" => "embeddings.position_embeddings.weight".to_owned(),
        "kinds.weight" => "embeddings.token_type_embeddings.weight".to_owned(),
        "norm.gamma" => "input.norm.weight".to_owned(),
        "norm.beta" => "input.norm.bias".to_owned(),
        path => renamed(path, &rules),
    };
    let table = key.contains("embeddings");
    let key = format!("transformer.{key}");
    if path.ends_with(".weight") && !table { Source::transposed(key) } else { Source::same(key) }
}

/// The golden texts, whose padding is the configuration's.
fn texts(config: &BertConfig, device: &Device) -> Tensor<2, Int> {
    let texts = inputs::texts(3, LENGTH, VOCAB, device);
    let padding = texts.clone().equal_elem(0);
    texts.mask_fill(padding, config.pad_id)
}

fn filled(case: &serde_json::Value, device: &Device) -> (BertConfig, Bert) {
    let config = config(case["kind"].as_str().unwrap(), case["pooler"].as_str().unwrap());
    let bert = config.init(device).unwrap();
    (config, fill(bert, Formula::Lcg, &shapes(&case["shapes"]), name, |key| key.starts_with("proj.")))
}

#[test]
fn texts_equal_transformers_under_open_clips_poolers_in_vectors_and_gradients() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/bert.json");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let what = case["name"].as_str().unwrap();
        let (config, bert) = filled(case, &device);
        let tokens = texts(&config, &device);
        let hidden = bert.tokens(tokens.clone(), TextMode::Global).mean_dim(1).squeeze_dim(1);
        // f32 against f64, through layer normalisations of gain one.
        assert_features(&format!("{what}, tokens"), hidden, &case["hidden_mean"], 1e-5);
        let features = bert.encode(tokens, TextMode::Global);
        assert_features(what, features.clone(), &case["pooled"], 1e-5);
        let gradients = inputs::objective(features).backward();
        assert_gradient_norms(&bert, &gradients, &case["grad_norms"], name, &[], 1e-4);
    }
}

#[test]
fn more_padding_changes_nothing() {
    let device = under_test();
    let file = golden::read(CRATE, "tests/golden/bert.json");
    for case in file["cases"].as_array().unwrap() {
        let (config, bert) = filled(case, &device);
        let tokens = texts(&config, &device);
        let padding = Tensor::<2, Int>::full([3, 4], i64::from(config.pad_id), &device);
        let longer = Tensor::cat(vec![tokens.clone(), padding], 1);
        let [short, long] = [tokens, longer].map(|tokens| bert.encode(tokens, TextMode::Global));
        let moved = (short - long).abs().max().into_scalar::<f32>();
        assert!(moved < 1e-5, "{}: {moved}", case["name"]);
    }
}

#[test]
fn dropout_is_for_local_texts_in_training_and_bf16_stays_near() {
    let device = under_test().autodiff();
    device.seed(3);
    let config = BertConfig { dropout: 0.3, ..config("roberta", "mean_pooler") };
    let bert = config.init(&device).unwrap().materialize();
    let tokens = texts(&config, &device);
    let vectors = |bert: &Bert, tokens: &Tensor<2, Int>, mode| bert.encode(tokens.clone(), mode).inner();
    let same = vectors(&bert, &tokens, TextMode::Global) - vectors(&bert, &tokens, TextMode::Global);
    assert_eq!(same.abs().max().into_scalar::<f32>(), 0.0);
    let dropped = vectors(&bert, &tokens, TextMode::Global) - vectors(&bert, &tokens, TextMode::Local);
    assert!(dropped.abs().max().into_scalar::<f32>() > 1e-3);

    let plain = under_test();
    let (bert, tokens) = (bert.valid(), texts(&config, &plain));
    let whole = bert.encode(tokens.clone(), TextMode::Local);
    let same = (whole.clone() - bert.encode(tokens.clone(), TextMode::Global)).abs().max().into_scalar::<f32>();
    assert_eq!(same, 0.0, "evaluation drops nothing");
    let half = bert.with_precision(Precision::Bf16).encode(tokens, TextMode::Global);
    let (largest, moved) =
        (whole.clone().abs().max().into_scalar::<f32>(), (whole - half).abs().max().into_scalar::<f32>());
    assert!(moved > 0.0 && moved < 0.05 * largest, "{moved} of {largest}");
}

#[test]
fn sizes_that_cannot_work_are_refused_and_the_published_ones_count() {
    let device = under_test();
    let usual = config("roberta", "mean_pooler");
    for (config, said) in [
        (BertConfig { heads: 5, ..usual.clone() }, "5 heads do not divide the width 24"),
        (BertConfig { depth: 0, ..usual.clone() }, "must all be at least 1"),
        (BertConfig { token_types: 0, ..usual.clone() }, "must all be at least 1"),
        (BertConfig { positions: 2, ..usual.clone() }, "2 positions leave no place for a token"),
        (BertConfig { pad_id: 60, ..usual.clone() }, "pad_id 60 lies outside the vocabulary of 60"),
        (BertConfig { norm_eps: 0.0, ..usual.clone() }, "norm_eps 0 must be positive"),
        (BertConfig { dropout: 1.0, ..usual.clone() }, "dropout 1 is not in [0, 1)"),
    ] {
        let error = config.init(&device).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(BertConfig::default().context_length(), 512);
    assert_eq!(BertConfig::bert_base().context_length(), 512);
    let unknown = serde_json::from_str::<BertConfig>(r#"{"position": 3}"#).unwrap_err().to_string();
    assert!(unknown.contains("position"), "{unknown}");
}

#[test]
#[should_panic(expected = "this encoder takes at most 16 tokens, got 17")]
fn a_longer_text_is_refused() {
    let device = under_test();
    let bert = config("bert", "mean_pooler").init(&device).unwrap();
    bert.encode(Tensor::ones([1, 17], &device), TextMode::Global);
}
