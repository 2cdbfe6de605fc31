//! Weights by formula, and the key lists of full-size models.
#![allow(unreachable_pub, dead_code)] // each test takes its own part

use serde_json::Value;
use vlp_testkit::weights::Formula;
use vlp_weights::{DType, ExpectedTensor, HostTensor, StateDict, TensorRole};

pub fn golden(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn golden_json(file: &str) -> Value {
    serde_json::from_str(&golden(file)).unwrap()
}

/// CRC-32 (IEEE).
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// The formula of the golden models.
pub fn by_formula(name: &str, shape: &[usize]) -> HostTensor {
    HostTensor::from_f32(shape, &Formula::Sin.values(name, shape))
}

/// The weights of one of open_clip.json's models.
pub fn golden_weights(model: &Value) -> StateDict {
    let tensor = |(name, shape): (&String, &Value)| {
        let shape: Vec<usize> = shape.as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize).collect();
        let tensor = match name.as_str() {
            "logit_scale" => {
                let start = model["config"]["init_logit_scale"].as_f64().unwrap_or((1.0f64 / 0.07).ln());
                HostTensor::from_f32([], &[start as f32])
            }
            "logit_bias" => HostTensor::from_f32([], &[model["config"]["init_logit_bias"].as_f64().unwrap() as f32]),
            name if name.ends_with("num_batches_tracked") => HostTensor::new(DType::I64, [], vec![0; 8]),
            name => by_formula(name, &shape),
        };
        (name.clone(), tensor)
    };
    model["keys"].as_object().unwrap().iter().map(tensor).collect()
}

/// Tensors of the given shapes that take no memory to speak of: the type is one byte and the values are zero.
pub fn light(shapes: impl IntoIterator<Item = (String, Vec<usize>)>) -> StateDict {
    let tensor = |shape: Vec<usize>| {
        let bytes = vec![0; shape.iter().product()];
        HostTensor::new(DType::U8, shape, bytes)
    };
    shapes.into_iter().map(|(name, shape)| (name, tensor(shape))).collect()
}

pub fn shapes(dict: &StateDict) -> Vec<(String, Vec<usize>)> {
    dict.iter().map(|(name, tensor)| (name.to_string(), tensor.shape().to_vec())).collect()
}

pub fn expected_shapes(expected: Vec<ExpectedTensor>) -> Vec<(String, Vec<usize>)> {
    let mut shapes: Vec<(String, Vec<usize>)> =
        expected.into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
    shapes.sort();
    shapes
}

pub fn with_values(expected: Vec<ExpectedTensor>) -> StateDict {
    let tensor = |tensor: ExpectedTensor| match tensor.role {
        TensorRole::BatchCount => (tensor.name, HostTensor::new(DType::I64, [], vec![0; 8])),
        _ => {
            let values = by_formula(&tensor.name, &tensor.shape);
            (tensor.name, values)
        }
    };
    expected.into_iter().map(tensor).collect()
}

/// One section of a key list with its blocks unfolded: name and shape. Lines whose blocks differ in shape are left out.
pub struct KeyList {
    pub title: String,
    pub parameters: u64,
    pub tensors: usize,
    pub lines: Vec<(String, Vec<usize>)>,
    /// Lines with several shapes or two counters: prefix pattern and number of tensors.
    pub folded: Vec<(String, usize)>,
}

pub fn key_lists(file: &str) -> Vec<KeyList> {
    let mut lists: Vec<KeyList> = Vec::new();
    for line in golden(file).lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let words: Vec<&str> = title.split_whitespace().collect();
            let after = |word: &str| words[words.iter().position(|w| *w == word).unwrap() + 1].parse::<u64>().unwrap();
            let (parameters, tensors) = (after("params"), after("tensors") as usize);
            let title = title.split(" params").next().unwrap().to_string();
            lists.push(KeyList { title, parameters, tensors, lines: Vec::new(), folded: Vec::new() });
            continue;
        }
        let list = lists.last_mut().unwrap();
        let name = line.split_whitespace().next().unwrap();
        let count: usize = line.split(" n=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let all = &line[line.find('[').unwrap() + 1..line.rfind(']').unwrap()];
        let shapes: Vec<Vec<usize>> = all
            .split_inclusive(')')
            .map(|shape| shape.trim_matches([' ', ',', '(', ')']))
            .map(|shape| shape.split(',').filter_map(|side| side.trim().parse().ok()).collect())
            .collect();
        if name.matches("{i}").count() > 1 || shapes.len() > 1 {
            list.folded.push((name.to_string(), count));
        } else {
            let unfold = |i: usize| (name.replace("{i}", &i.to_string()), shapes[0].clone());
            list.lines.extend((0..count).map(unfold));
        }
    }
    lists.iter_mut().for_each(|list| list.lines.sort());
    lists
}
