//! Damaged bytes by the thousand: an error or a value, never a panic. A seed makes every run the same.

mod common;

use vlp_testkit::mutants::times;
use vlp_weights::{HostTensor, Layout, ModelConfig, PreprocessConfig, ReadLimits, StateDict, convert, detect, preset};

/// Numerical Recipes' generator, the upper bits.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

/// One to four changes: a byte replaced, inserted or removed, a bit flipped, a stretch doubled or cut off.
fn mutant(original: &[u8], random: &mut Random) -> Vec<u8> {
    const TELLING: &[u8] = b"{}[]\",:0123456789-.eE\x00\xff\x80RcobtNqh";
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1));
        match random.below(6) {
            _ if bytes.is_empty() => (),
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] = TELLING[random.below(TELLING.len())],
            2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            4 => {
                let end = (at + 1 + random.below(16)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let end = (at + 1 + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

#[test]
fn safetensors_mutants_never_panic() {
    let mut dict: StateDict =
        (0..4).map(|i| (format!("block.{i}.weight"), HostTensor::from_f32([2, 3], &[i as f32; 6]))).collect();
    dict.metadata.insert("format".to_string(), "pt".to_string());
    let original = dict.to_safetensors();
    let (mut random, mut read) = (Random(7), 0);
    for _ in 0..10_000 * times() {
        if let Ok(dict) = StateDict::from_safetensors(&mutant(&original, &mut random), &ReadLimits::default()) {
            let written = dict.to_safetensors();
            assert_eq!(StateDict::from_safetensors(&written, &ReadLimits::default()).unwrap(), dict);
            read += 1;
        }
    }
    // Mutants that only touch values or names are still files.
    assert!((500..9_000).contains(&(read / times() as usize)), "{read}");
}

#[test]
fn configuration_mutants_never_panic() {
    let clip = preset("ViT-B-32").unwrap();
    let siglip = preset("ViT-B-16-SigLIP").unwrap();
    let originals = [
        clip.to_json().to_string(),
        siglip.to_json().to_string(),
        clip.to_hugging_face().unwrap().to_string(),
        siglip.to_hugging_face().unwrap().to_string(),
        PreprocessConfig::default().to_json().unwrap().to_string(),
        PreprocessConfig::default().to_hugging_face().unwrap().to_string(),
    ];
    let (mut random, mut read) = (Random(11), 0);
    for index in 0..10_000 * times() as usize {
        let bytes = mutant(originals[index % originals.len()].as_bytes(), &mut random);
        let text = String::from_utf8_lossy(&bytes);
        let config = ModelConfig::from_json(&text).or_else(|_| ModelConfig::from_hugging_face(&text));
        if let Ok(config) = config
            && let Ok(tensors) = config.expected_tensors()
        {
            assert!(!tensors.is_empty());
            config.parameter_count().unwrap();
            let _ = config.to_hugging_face();
            read += 1;
        }
        let preprocess = PreprocessConfig::from_json(&text).or_else(|_| PreprocessConfig::from_hugging_face(&text));
        // Other keys than its own are passed over, so a model's configuration is one of defaults.
        read += usize::from(preprocess.is_ok() && index % originals.len() >= 4);
    }
    assert!((500..9_000).contains(&(read / times() as usize)), "{read}");
}

/// Names and shapes that nobody planned for.
#[test]
fn key_mutants_never_panic() {
    let golden = common::golden_json("open_clip.json");
    let dict = common::golden_weights(&golden["models"]["siglip_timm"]);
    let light = common::light(common::shapes(&dict));
    let far = convert(light.clone(), Layout::OpenClipTimm, Layout::HfSiglip).unwrap();
    let mut random = Random(13);
    for index in 0..2_000 {
        let (from, to, original) = match index % 2 {
            0 => (Layout::OpenClipTimm, Layout::HfSiglip, &light),
            _ => (Layout::HfSiglip, Layout::OpenClipTimm, &far),
        };
        let mut mutated = StateDict::new();
        let victim = random.below(original.len());
        for (at, (name, tensor)) in original.iter().enumerate() {
            let (mut name, mut shape) = (name.to_string(), tensor.shape().to_vec());
            if at == victim {
                match random.below(3) {
                    0 => name = String::from_utf8_lossy(&mutant(name.as_bytes(), &mut random)).into_owned(),
                    1 => shape.push(random.below(3)),
                    _ => shape = vec![random.below(5); random.below(4)],
                }
            }
            let (name, tensor) = common::light([(name, shape)]).into_iter().next().unwrap();
            mutated.insert(name, tensor);
        }
        let _ = detect(&mutated);
        let _ = convert(mutated, from, to);
    }
}

#[cfg(feature = "pytorch")]
#[test]
fn pytorch_mutants_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.pt");
    let mut random = Random(17);
    for name in ["golden/plain.pt", "golden/legacy.pt", "golden/checkpoint.pt", "bad/code.pt", "bad/code.pickle"] {
        let original =
            std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)).unwrap();
        for _ in 0..1_000 {
            std::fs::write(&path, mutant(&original, &mut random)).unwrap();
            let _ = StateDict::read_pytorch(&path, &ReadLimits { bytes: 1 << 24, ..ReadLimits::default() });
        }
    }
}
