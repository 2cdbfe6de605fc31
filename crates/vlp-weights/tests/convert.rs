//! Layouts: there and back to the bit, and full-size key lists.

mod common;

use std::collections::BTreeMap;

use common::{expected_shapes, golden_json, golden_weights, key_lists, light, shapes, with_values};
use vlp_weights::{DType, HostTensor, Layout, ModelConfig, StateDict, WeightError, convert, detect, preset};

fn there_and_back(dict: &StateDict, from: Layout, to: Layout) -> StateDict {
    assert_eq!(detect(dict).unwrap(), from);
    let there = convert(dict.clone(), from, to).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    assert_eq!(detect(&there).unwrap(), to);
    assert_eq!(convert(there.clone(), to, from).unwrap(), *dict, "{from} to {to} and back");
    there
}

#[test]
fn golden_models_keep_every_byte_on_the_way_through_other_layouts() {
    let golden = golden_json("open_clip.json");
    let weights = |name: &str| golden_weights(&golden["models"][name]);
    for name in ["vit_gelu", "vit_quickgelu"] {
        there_and_back(&weights(name), Layout::OpenClip, Layout::HfClip);
        let custom = there_and_back(&weights(name), Layout::OpenClip, Layout::OpenClipCustomText);
        there_and_back(&custom, Layout::OpenClipCustomText, Layout::HfClip);
    }
    for name in ["vit_clipa_style", "vit_layerscale", "rn"] {
        there_and_back(&weights(name), Layout::OpenClip, Layout::OpenClipCustomText);
    }
    there_and_back(&weights("siglip_timm"), Layout::OpenClipTimm, Layout::HfSiglip);
}

#[test]
fn image_towers_go_to_timm_and_back() {
    let golden = golden_json("open_clip.json");
    for (name, layout) in
        [("vit_gelu", Layout::OpenClip), ("vit_layerscale", Layout::OpenClip), ("siglip_timm", Layout::OpenClipTimm)]
    {
        let dict = golden_weights(&golden["models"][name]);
        let timm = convert(dict.clone(), layout, Layout::TimmVit).unwrap();
        assert_eq!(detect(&timm).unwrap(), Layout::TimmVit);
        let image: StateDict = dict.into_iter().filter(|(name, _)| name.starts_with("visual.")).collect();
        assert_eq!(convert(timm, Layout::TimmVit, layout).unwrap(), image, "{name}");
    }
}

#[test]
fn queries_keys_values_and_projections_land_where_transformers_reads_them() {
    let golden = golden_json("open_clip.json");
    let dict = golden_weights(&golden["models"]["vit_gelu"]);
    let hf = convert(dict.clone(), Layout::OpenClip, Layout::HfClip).unwrap();
    let values = |dict: &StateDict, name: &str| dict.get(name).unwrap().to_f32().unwrap();
    let fused = values(&dict, "visual.transformer.resblocks.1.attn.in_proj_weight");
    for (index, which) in ["q", "k", "v"].into_iter().enumerate() {
        let part = values(&hf, &format!("vision_model.encoder.layers.1.self_attn.{which}_proj.weight"));
        assert_eq!(part, fused[index * 48 * 48..(index + 1) * 48 * 48]);
    }
    let (ours, theirs) = (values(&dict, "visual.proj"), values(&hf, "visual_projection.weight"));
    assert_eq!(hf.get("visual_projection.weight").unwrap().shape(), [24, 48]);
    assert_eq!((ours[24 + 3], ours[47 * 24]), (theirs[3 * 48 + 1], theirs[47]));
    assert!(hf.contains("vision_model.pre_layrnorm.weight"));

    let dict = golden_weights(&golden["models"]["siglip_timm"]);
    let hf = convert(dict.clone(), Layout::OpenClipTimm, Layout::HfSiglip).unwrap();
    let stacked = values(&hf, "vision_model.head.attention.in_proj_weight");
    assert_eq!(stacked[..48 * 48], values(&dict, "visual.trunk.attn_pool.q.weight"));
    assert_eq!(stacked[48 * 48..], values(&dict, "visual.trunk.attn_pool.kv.weight"));
    assert_eq!(hf.get("logit_scale").unwrap().shape(), [1]);
}

/// Shapes only: the tensors hold zeros of one byte.
#[test]
fn full_size_models_map_one_to_one() {
    for (preset_name, title, near, far) in [
        ("ViT-B-32", "CLIPModel default (ViT-B/32)", Layout::OpenClip, Layout::HfClip),
        ("ViT-B-16-SigLIP", "SiglipModel default (B/16-224)", Layout::OpenClipTimm, Layout::HfSiglip),
    ] {
        let list = key_lists("keys_hf.txt").into_iter().find(|list| list.title == title).unwrap();
        assert_eq!((list.lines.len(), list.folded.len()), (list.tensors, 0));
        let ours = expected_shapes(preset(preset_name).unwrap().expected_tensors().unwrap());
        let hf = convert(light(ours.clone()), near, far).unwrap();
        assert_eq!(shapes(&hf), list.lines, "{preset_name}");
        assert_eq!(shapes(&convert(light(list.lines), far, near).unwrap()), ours, "{preset_name}");
    }
}

#[test]
fn openai_style_buffers_and_old_position_counters_are_dropped() {
    let golden = golden_json("open_clip.json");
    let mut dict = golden_weights(&golden["models"]["vit_gelu"]);
    let plain = dict.clone();
    for name in ["input_resolution", "context_length", "vocab_size"] {
        dict.insert(name, HostTensor::new(DType::I64, [], vec![0; 8]));
    }
    dict.insert("attn_mask", HostTensor::from_f32([1, 1], &[0.0]));
    assert_eq!(convert(dict, Layout::OpenClip, Layout::OpenClip).unwrap(), plain);
    let mut hf = convert(plain.clone(), Layout::OpenClip, Layout::HfClip).unwrap();
    hf.insert("text_model.embeddings.position_ids", HostTensor::new(DType::I64, [1, 1], vec![0; 8]));
    assert_eq!(convert(hf, Layout::HfClip, Layout::OpenClip).unwrap(), plain);
}

fn problems(result: Result<StateDict, WeightError>) -> vlp_weights::KeyProblems {
    match result {
        Err(WeightError::Keys { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_does_not_fit_is_listed_at_once() {
    let golden = golden_json("open_clip.json");
    let mut hf = convert(golden_weights(&golden["models"]["vit_gelu"]), Layout::OpenClip, Layout::HfClip).unwrap();
    hf.remove("vision_model.post_layernorm.bias").unwrap();
    hf.remove("text_model.encoder.layers.1.self_attn.k_proj.weight").unwrap();
    hf.insert("vision_model.encoder.layers.0.self_attn.q_proj.weight", HostTensor::from_f32([2, 48], &[0.0; 96]));
    hf.insert("text_projection.weight", HostTensor::from_f32([24 * 32], &[0.0; 24 * 32]));
    hf.insert("vision_model.encoder.layers.4.layer_norm1.bias", HostTensor::from_f32([48], &[0.0; 48]));
    hf.insert("extra.weight", HostTensor::from_f32([1], &[0.0]));
    let found = problems(convert(hf, Layout::HfClip, Layout::OpenClip));
    assert_eq!(found.unknown, ["extra.weight"]);
    assert!(found.missing.contains(&"vision_model.post_layernorm.bias".to_string()));
    assert!(found.missing.contains(&"text_model.encoder.layers.1.self_attn.k_proj.weight".to_string()));
    // Block 4 is there in part, and blocks 2 and 3 should then be too: one of them and the rest of 4 are named.
    assert!(found.missing.contains(&"vision_model.encoder.layers.4.layer_norm2.bias".to_string()));
    assert!(found.missing.contains(&"vision_model.encoder.layers.2.layer_norm1.bias".to_string()));
    assert_eq!(found.shapes.len(), 2, "{:?}", found.shapes);
}

#[test]
fn architectures_that_differ_are_not_converted() {
    let golden = golden_json("open_clip.json");
    let resnet = golden_weights(&golden["models"]["rn"]);
    let found = problems(convert(resnet, Layout::OpenClip, Layout::HfClip));
    assert!(found.unknown.contains(&"visual.layer1.0.conv1.weight".to_string()));
    assert!(found.missing.contains(&"visual.class_embedding".to_string()));
    let scaled = golden_weights(&golden["models"]["vit_layerscale"]);
    assert_eq!(problems(convert(scaled, Layout::OpenClip, Layout::HfClip)).unknown.len(), 4);
    let siglip = golden_weights(&golden["models"]["siglip_timm"]);
    assert!(matches!(
        convert(siglip, Layout::OpenClipTimm, Layout::OpenClip),
        Err(WeightError::NoConversion { from: Layout::OpenClipTimm, .. })
    ));
    let error = detect(&light([("encoder.weight".to_string(), vec![1])])).unwrap_err().to_string();
    assert!(error.contains("encoder.weight"), "{error}");
}

#[test]
fn a_model_checks_its_weights() {
    let config: ModelConfig = ModelConfig::from_json(
        r#"{"embed_dim": 8, "vision_cfg": {"layers": [1,1,1,1], "width": 8, "image_size": 32}, "text_cfg":
            {"width": 16, "heads": 2, "layers": 1, "vocab_size": 20, "context_length": 5}}"#,
    )
    .unwrap();
    let mut dict = with_values(config.expected_tensors().unwrap());
    config.check(&dict).unwrap();
    let counters: Vec<String> =
        dict.names().filter(|name| name.ends_with("num_batches_tracked")).map(str::to_string).collect();
    counters.iter().for_each(|name| drop(dict.remove(name)));
    config.check(&dict).unwrap();
    dict.remove("visual.bn1.running_var").unwrap();
    dict.insert("ln_final.weight", HostTensor::from_f32([15], &[0.0; 15]));
    dict.insert("visual.head.weight", HostTensor::from_f32([1], &[0.0]));
    let found = problems(config.check(&dict).map(|()| StateDict::new()));
    assert_eq!(found.missing, ["visual.bn1.running_var"]);
    assert_eq!(found.unknown, ["visual.head.weight"]);
    assert_eq!(found.shapes, ["ln_final.weight [15], expected [16]"]);
    let other = preset("ViT-B-32").unwrap();
    let found = problems(other.check(&dict).map(|()| StateDict::new()));
    assert!(found.missing.len() > 100 && found.unknown.len() > 50);
}

#[test]
fn names_are_unwrapped() {
    let names: BTreeMap<&str, &str> = BTreeMap::from([
        ("module._orig_mod.visual.proj", "visual.proj"),
        ("module._orig_mod.logit_scale", "logit_scale"),
    ]);
    let dict = light(names.keys().map(|name| (name.to_string(), vec![1]))).without_wrappers();
    assert_eq!(dict.names().collect::<Vec<_>>(), ["logit_scale", "visual.proj"]);
    let mixed = light([("module.a".to_string(), vec![1]), ("b".to_string(), vec![1])]);
    assert_eq!(mixed.clone().without_wrappers(), mixed);
}
