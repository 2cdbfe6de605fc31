//! safetensors: what is written reads back, and every kind of damage is refused.

mod common;

use std::path::Path;

use common::{golden_json, golden_weights};
use serde_json::{Value, json};
use vlp_weights::{DType, HostTensor, ReadLimits, StateDict, WeightError, detect};

fn file(header: &Value, data: &[u8]) -> Vec<u8> {
    raw(header.to_string().as_bytes(), data)
}

fn raw(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

fn refused(bytes: &[u8]) -> String {
    match StateDict::from_safetensors(bytes, &ReadLimits::default()) {
        Err(error @ WeightError::Damaged { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn entry(dtype: &str, shape: &[u64], start: u64, end: u64) -> Value {
    json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]})
}

#[test]
fn tensors_and_metadata_come_back() {
    let mut dict = StateDict::new();
    dict.insert("scalar", HostTensor::from_f32([], &[2.5]));
    dict.insert("count", HostTensor::new(DType::I64, [], vec![7, 0, 0, 0, 0, 0, 0, 0]));
    dict.insert("matrix", HostTensor::from_f32([2, 3], &[1.0, -2.0, 3.0, f32::NAN, f32::INFINITY, 6.0]));
    dict.insert("empty", HostTensor::from_f32([0, 5], &[]));
    dict.insert("mask", HostTensor::new(DType::Bool, [3], vec![1, 0, 1]));
    dict.metadata.insert("format".to_string(), "pt".to_string());
    let bytes = dict.to_safetensors();
    assert_eq!(StateDict::from_safetensors(&bytes, &ReadLimits::default()).unwrap(), dict);
    assert_eq!(dict.to_safetensors(), bytes);
    // The reference implementation agrees.
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), 5);
    assert_eq!(theirs.tensor("matrix").unwrap().data(), dict.get("matrix").unwrap().bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    dict.write_safetensors(&path).unwrap();
    assert_eq!(StateDict::read(&path, &ReadLimits::default()).unwrap(), dict);
}

#[test]
fn a_file_of_transformers_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hf_siglip/model.safetensors");
    let dict = StateDict::read(&path, &ReadLimits::default()).unwrap();
    assert_eq!(dict.metadata.get("format").map(String::as_str), Some("pt"));
    assert_eq!(dict.get("vision_model.head.probe").unwrap().shape(), [1, 1, 48]);
    assert_eq!(StateDict::from_safetensors(&dict.to_safetensors(), &ReadLimits::default()).unwrap(), dict);
}

#[test]
fn floats_are_cast_and_the_rest_is_left() {
    let golden = golden_json("open_clip.json");
    let dict = golden_weights(&golden["models"]["rn"]);
    let half = dict.clone().cast_floats(DType::F16).unwrap();
    assert_eq!(half.get("visual.bn1.num_batches_tracked").unwrap().dtype(), DType::I64);
    for (name, tensor) in half.iter().filter(|(_, tensor)| tensor.dtype() == DType::F16) {
        let (half, full) = (tensor.to_f32().unwrap(), dict.get(name).unwrap().to_f32().unwrap());
        // Eleven bits of precision, rounded to nearest; below 2^-14 the steps are 2^-24.
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= b.abs() / 2048.0 + 3e-8;
        assert!(half.iter().zip(&full).all(close), "{name}");
    }
    let again = half.clone().cast_floats(DType::F32).unwrap().cast_floats(DType::F16).unwrap();
    assert_eq!(again, half);
    let one = |dtype, value: f64| {
        let dict: StateDict =
            [("x".to_string(), HostTensor::new(DType::F64, [], value.to_le_bytes().to_vec()))].into_iter().collect();
        dict.cast_floats(dtype).unwrap().get("x").unwrap().bytes().to_vec()
    };
    assert_eq!(one(DType::BF16, 1.0 + 2f64.powi(-8)), [0x80, 0x3f]); // ties to even
    assert_eq!(one(DType::BF16, 1.0 + 2f64.powi(-8) + 2f64.powi(-40)), [0x81, 0x3f]); // not rounded twice
    assert_eq!(one(DType::F16, 1e9), [0x00, 0x7c]);
    let error = dict.cast_floats(DType::I64).unwrap_err().to_string();
    assert!(error.contains("choose f32"), "{error}");
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    let mut dict = StateDict::new();
    dict.insert("a", HostTensor::from_f32([2, 2], &[1.0; 4]));
    dict.insert("b", HostTensor::from_f32([3], &[2.0; 3]));
    let bytes = dict.to_safetensors();
    (0..bytes.len()).for_each(|end| drop(refused(&bytes[..end])));
    refused(&[bytes.as_slice(), b"x"].concat());
}

#[test]
fn headers_that_lie_are_refused_with_the_place() {
    let data = [0u8; 8];
    let said = |header: Value| refused(&file(&header, &data));
    assert!(refused(b"").contains("0 bytes"));
    assert!(refused(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat()).contains("does not fit"));
    assert!(refused(&[&3u64.to_le_bytes()[..], b"{}"].concat()).contains("a header of 3 bytes"));
    assert!(refused(&raw(b"not json", &[])).contains("header"));
    assert!(refused(&raw(b"{\"\xff\xfe\": 1}", &[])).contains("header"));
    assert!(refused(&raw(b"[]", &[])).contains("one entry for each tensor"));
    assert!(
        said(json!({"a": entry("F32", &[3], 0, 8)}))
            .contains("`a` of shape [3] needs 12 bytes, its offsets are 0 to 8")
    );
    assert!(said(json!({"a": entry("F32", &[2], 8, 0)})).contains("`a`"));
    assert!(said(json!({"a": entry("F32", &[1], 4, 8)})).contains("`a`")); // a hole at the start
    assert!(said(json!({"a": entry("F32", &[1], 0, 4)})).contains("describes 4 bytes of tensors, the file holds 8"));
    assert!(said(json!({"a": entry("F32", &[2], 0, 8), "b": entry("F32", &[2], 0, 8)})).contains("invalid offset")); // overlap
    assert!(
        said(json!({"a": entry("F32", &[2], 0, 8), "b": entry("F32", &[2], 8, 16)})).contains("describes 16 bytes")
    );
    assert!(said(json!({"a": entry("F32", &[u64::MAX, u64::MAX], 0, 8)})).contains("more than memory can hold"));
    assert!(said(json!({"a": entry("F8_E4M3", &[8], 0, 8)})).contains("F8_E4M3"));
    assert!(said(json!({"a": entry("F99", &[8], 0, 8)})).contains("F99"));
    let twice = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    assert!(refused(&raw(twice, &data)).contains("`a` stands there twice"));
    let deep = "[".repeat(100_000);
    refused(&raw(deep.as_bytes(), &data));
}

/// Names in a file may hold what drives a terminal.
#[test]
fn what_a_file_says_is_shown_escaped() {
    let name = "\u{1b}]0;owned\u{7}\u{202e}";
    let (key, value) = (json!(name), entry("F32", &[1], 0, 4));
    let error = refused(&raw(format!("{{{key}:{value},{key}:{value}}}").as_bytes(), &[0; 4]));
    assert!(error.contains("owned") && !error.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    let tensors = [(name.to_owned(), HostTensor::from_f32(vec![1], &[0.0]))];
    let state: StateDict = tensors.into_iter().collect();
    let error = detect(&state).unwrap_err().to_string();
    assert!(error.contains("owned") && !error.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
    let mut dict = StateDict::new();
    dict.insert("a", HostTensor::from_f32([1024], &[0.0; 1024]));
    let error =
        StateDict::from_safetensors(&dict.to_safetensors(), &ReadLimits { bytes: 4096, ..ReadLimits::default() })
            .unwrap_err();
    assert!(matches!(error, WeightError::TooLarge { limit: 4096, .. }), "{error}");
    let missing = StateDict::read("no/such/file", &ReadLimits::default()).unwrap_err();
    assert!(missing.to_string().contains("cannot open no/such/file"), "{missing}");
}

#[test]
fn a_long_header_needs_the_callers_leave() {
    // Nine million bytes of names: eleven times as much memory, for no tensor at all.
    let header = format!("{{\"__metadata__\":{{\"a\":\"{}\"}}}}", "x".repeat(9_000_000));
    let bytes = raw(header.as_bytes(), &[]);
    let error = StateDict::from_safetensors(&bytes, &ReadLimits::default()).unwrap_err();
    assert!(matches!(error, WeightError::HeaderTooLarge { limit: 8_388_608, .. }), "{error}");
    assert!(error.to_string().contains("`ReadLimits::header_bytes`"), "{error}");
    let more = ReadLimits { header_bytes: 100_000_000, ..ReadLimits::default() };
    assert_eq!(StateDict::from_safetensors(&bytes, &more).unwrap().names().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let limits = ReadLimits::default();
        let read = [StateDict::read(&path, &limits), StateDict::read_safetensors(&path, &limits)];
        sender.send(read.map(|read| read.unwrap_err().to_string()))
    });
    let errors = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("an answer");
    errors.iter().for_each(|error| assert!(error.contains("not a regular file"), "{error}"));
}

#[test]
#[should_panic(expected = "does not fill 4 bytes")]
fn a_tensor_of_the_wrong_length_is_a_bug_of_the_caller() {
    HostTensor::new(DType::F32, [2], vec![0; 4]);
}
