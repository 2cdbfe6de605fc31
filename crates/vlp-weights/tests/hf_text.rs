//! Models whose text tower is Hugging Face's: open_clip's with their poolers and projections, transformers'
//! VisionTextDualEncoderModel, and what is refused.

mod common;

use burn::tensor::{Device, Tensor};
use common::golden_json;
use serde_json::{Value, json};
use vlp_core::TextMode;
use vlp_encoders::{BertConfig, BertPooling, BertProjection, BertTowerConfig};
use vlp_testkit::weights::Formula;
use vlp_testkit::{golden, inputs};
use vlp_weights::{
    HostTensor, ModelConfig, StateDict, load_dual, load_hf_text, load_hf_text_with, load_vision_text, preset,
};

/// The golden names tell layer normalisations from embeddings; transformers' do not.
fn theirs(alias: &str) -> String {
    alias.replace("input.norm", "embeddings.LayerNorm").replace(".norm.", ".LayerNorm.")
}

/// The weights of a case under transformers' names.
fn weights(case: &Value, front: &str) -> StateDict {
    let shapes = case["shapes"].as_object().unwrap();
    let tensor = |(alias, shape): (&String, &Value)| {
        let shape: Vec<usize> = golden::numbers(shape).into_iter().map(|side| side as usize).collect();
        let values = match alias.as_str() {
            "logit_scale" => vec![case["logit_scale"].as_f64().unwrap() as f32],
            alias => Formula::Lcg.values(alias, &shape),
        };
        (format!("{front}{}", theirs(alias)), HostTensor::from_f32(shape, &values))
    };
    shapes.iter().map(tensor).collect()
}

fn text(case: &Value) -> BertTowerConfig {
    let (base, positions) =
        if case["kind"] == "bert" { (BertConfig::bert_base(), 16) } else { (BertConfig::default(), 18) };
    let pooling = match case["pooler"].as_str().unwrap() {
        "mean_pooler" => BertPooling::Mean,
        "cls_pooler" => BertPooling::Pooler,
        _ => BertPooling::First,
    };
    BertTowerConfig {
        bert: BertConfig { vocab_size: 60, positions, width: 24, depth: 2, heads: 3, hidden: 40, pooling, ..base },
        projection: if case["projection"] == "mlp" { BertProjection::Mlp } else { BertProjection::Linear },
        output: 20,
    }
}

fn tokens(pad: u32, device: &Device) -> Tensor<2, burn::tensor::Int> {
    let texts = inputs::texts(3, 10, 60, device);
    let padding = texts.clone().equal_elem(0);
    texts.mask_fill(padding, pad)
}

/// A vision tower of two blocks beside a text tower that each test names.
fn config(text: Value) -> ModelConfig {
    let vision = json!({"image_size": 16, "patch_size": 8, "width": 16, "head_width": 8, "layers": 2});
    let config = json!({"embed_dim": 20, "quick_gelu": true, "vision_cfg": vision, "text_cfg": text});
    ModelConfig::from_json(&config.to_string()).unwrap()
}

#[test]
fn open_clips_models_with_a_text_tower_of_hugging_faces_equal_it_in_texts_and_their_own_in_pictures() {
    let device = Device::flex();
    let file = golden_json("hf_text.json");
    let native = config(json!({"width": 8, "heads": 2, "layers": 1, "vocab_size": 9, "context_length": 4}));
    let native_weights = common::with_values(native.expected_tensors().unwrap());
    let images = inputs::images(2, 16, &device);
    let expected = load_dual(native_weights.clone(), native, &device).unwrap().model.embed_images(images.clone());
    for case in &file["cases"].as_array().unwrap()[..5] {
        let what = case["name"].as_str().unwrap();
        let mut all = weights(case, "text.");
        for (name, tensor) in native_weights.clone() {
            if name.starts_with("visual.") || name == "logit_scale" {
                all.insert(name, tensor);
            }
        }
        // What transformers stores beside its weights.
        all.insert("text.transformer.embeddings.position_ids", HostTensor::from_f32([1, 16], &[0.0; 16]));
        let text = text(case);
        let config = config(json!({"hf_model_name": "of-these-sizes"}));
        let loaded = load_hf_text_with(all.clone(), &config, &text, &device).unwrap();
        let features = loaded.model.embed_texts(tokens(text.bert.pad_id, &device), TextMode::Global);
        golden::assert_close(what, features, &golden::numbers(&case["features"]), 1e-5, 1e-5);
        let moved = (loaded.model.embed_images(images.clone()) - expected.clone()).abs().max().into_scalar::<f32>();
        assert_eq!(moved, 0.0, "{what}: pictures");

        let name = "text.transformer.encoder.layer.1.output.LayerNorm.bias";
        all.remove(name);
        all.insert("text.transformer.encoder.layer.2.output.dense.bias", HostTensor::from_f32([24], &[0.0; 24]));
        all.insert("text.transformer.embeddings.word_embeddings.weight", HostTensor::from_f32([24, 60], &[0.0; 1440]));
        let error = load_hf_text_with(all, &config, &text, &device).unwrap_err().to_string();
        for said in [name, "encoder.layer.2.output.dense.bias", "word_embeddings.weight [24, 60]"] {
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}

#[test]
fn transformers_vision_text_dual_encoder_equals_it() {
    let device = Device::flex();
    let file = golden_json("hf_text.json");
    let case = file["cases"].as_array().unwrap().last().unwrap();
    let loaded = load_vision_text(weights(case, ""), &case["config"].to_string(), &device).unwrap();
    let unit = |x: Tensor<2>| x.clone() / x.powi_scalar(2).sum_dim(1).sqrt();
    let image = unit(loaded.model.embed_images(inputs::images(2, 16, &device)));
    let text = unit(loaded.model.embed_texts(tokens(1, &device), TextMode::Global));
    golden::assert_close("pictures", image, &golden::numbers(&case["image_embeds"]), 1e-5, 1e-5);
    golden::assert_close("texts", text, &golden::numbers(&case["text_embeds"]), 1e-5, 1e-5);
    assert_eq!(loaded.log_scale, 2.6592);

    for (place, value, said) in [
        (&["model_type"][..], "clip", "not vision-text-dual-encoder"),
        (&["vision_config", "model_type"][..], "vit", "only clip_vision_model is read"),
        (&["text_config", "model_type"][..], "distilbert", "only bert, roberta and xlm-roberta are read"),
        (&["text_config", "hidden_act"][..], "silu", "hidden_act is \"silu\""),
        (&["text_config", "position_embedding_type"][..], "relative_key", "only \"absolute\" is read"),
        (&["text_config", "hidden_size"][..], "wide", "no whole number"),
    ] {
        let mut config = case["config"].clone();
        *place.iter().fold(&mut config, |json, key| &mut json[*key]) = value.into();
        let error = load_vision_text(weights(case, ""), &config.to_string(), &device).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_name_of_the_hub_stands_for_its_sizes_and_others_are_refused_by_key() {
    let tower = |text: Value| config(text).hugging_face_text();
    let roberta = tower(json!({"hf_model_name": "roberta-base"})).unwrap().unwrap();
    assert_eq!(roberta, BertTowerConfig { output: 20, ..BertTowerConfig::default() });
    let large = json!({"hf_model_name": "FacebookAI/xlm-roberta-large", "hf_pooler_type": "cls_pooler", "hf_proj_type": "linear"});
    let large = tower(large).unwrap().unwrap();
    assert_eq!((large.bert.width, large.bert.depth, large.bert.vocab_size), (1024, 24, 250_002));
    assert_eq!((large.bert.pooling, large.projection), (BertPooling::Pooler, BertProjection::Linear));
    assert_eq!(tower(json!({"width": 8})).unwrap(), None);
    for (text, said) in [
        (json!({"hf_model_name": "google/mt5-base"}), "google/mt5-base"),
        (json!({"hf_model_name": "roberta-base", "hf_pooler_type": "max_pooler"}), "hf_pooler_type = \"max_pooler\""),
        (json!({"hf_model_name": "roberta-base", "hf_proj_type": "cubic"}), "hf_proj_type = \"cubic\""),
        (json!({"hf_model_name": "roberta-base", "hf_model_config": {"layers": 2}}), "hf_model_config"),
    ] {
        let error = tower(text).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
    let native = preset("ViT-B-32").unwrap();
    let error = load_hf_text(StateDict::new(), &native, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("no hf_model_name"), "{error}");
}
