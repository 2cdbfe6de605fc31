//! Folders of open_clip and of transformers, written and read.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{golden_json, golden_weights};
use vlp_weights::{
    DType, Format, Layout, ModelConfig, Package, PreprocessConfig, ReadLimits, StateDict, WeightError, convert,
};

fn golden_package(name: &str) -> Package {
    let golden = golden_json("open_clip.json");
    let model = &golden["models"][name];
    let mut config = ModelConfig::from_json(&model["config"].to_string()).unwrap();
    config.custom_text |= name == "siglip_timm";
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    Package::new(golden_weights(model), config, preprocess).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(path: &Path) -> Result<Package, WeightError> {
    Package::read(path, &ReadLimits::default())
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn open_clip_folders_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["vit_gelu", "vit_quickgelu", "vit_clipa_style", "vit_layerscale", "rn", "siglip_timm"] {
        let (package, path) = (golden_package(name), folder.path().join(name));
        package.export(Format::OpenClip, &path).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.config(), package.config());
        assert_eq!(back.preprocess(), package.preprocess());
        assert!(back.weights().iter().eq(package.weights().iter()), "{name}");
        // The file alone carries everything, too.
        let alone = read(&path.join("open_clip_model.safetensors")).unwrap();
        assert_eq!((alone.config(), alone.preprocess()), (package.config(), package.preprocess()));
    }
}

#[test]
fn hugging_face_folders_keep_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["vit_gelu", "vit_quickgelu", "siglip_timm"] {
        let (package, path) = (golden_package(name), folder.path().join(name));
        package.export(Format::HuggingFace, &path).unwrap();
        let back = read(&path).unwrap();
        assert!(back.weights().iter().eq(package.weights().iter()), "{name}");
        // transformers rounds the offset of its cut down, SigLIP's is none.
        let theirs = PreprocessConfig { crop_down: name != "siglip_timm", ..*package.preprocess() };
        assert_eq!(*back.preprocess(), theirs, "{name}");
        let (ours, theirs) = (package.config().towers().unwrap(), back.config().towers().unwrap());
        assert_eq!((ours.image, ours.text), (theirs.image, theirs.text), "{name}");
    }
    for name in ["vit_clipa_style", "vit_layerscale", "rn"] {
        let error = golden_package(name).export(Format::HuggingFace, folder.path().join("no")).unwrap_err();
        assert!(matches!(error, WeightError::Config { .. }), "{name}: {error}");
    }
    assert!(!folder.path().join("no").exists());
}

#[test]
fn folders_of_transformers_go_to_open_clip_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["hf_clip_quickgelu", "hf_clip_gelu_legacy_eos", "hf_siglip"] {
        let package = read(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let path = folder.path().join(name);
        package.export(Format::OpenClip, &path).unwrap();
        read(&path).unwrap().export(Format::HuggingFace, folder.path().join("back")).unwrap();
        let tensors = |path: &Path| StateDict::read(path.join("model.safetensors"), &ReadLimits::default()).unwrap();
        assert!(tensors(&folder.path().join("back")).iter().eq(tensors(&fixture(name)).iter()), "{name}");
    }
}

#[test]
fn weights_of_half_the_size_are_packed_too() {
    let (weights, config, preprocess) = golden_package("vit_gelu").into_parts();
    let half = weights.cast_floats(DType::BF16).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half");
    Package::new(half, config, preprocess).unwrap().export(Format::OpenClip, &path).unwrap();
    let back = read(&path).unwrap();
    assert!(back.weights().iter().all(|(_, tensor)| tensor.dtype() == DType::BF16));
}

#[test]
fn another_activation_than_the_weights_were_trained_with_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    golden_package("vit_quickgelu").export(Format::OpenClip, &path).unwrap();
    let config = path.join("open_clip_config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"quick_gelu\": true", "\"quick_gelu\": false")).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("trained with quick_gelu = true, the configuration says false"), "{error}");
    // Neither a starting value nor the size of pictures changes what the tensors mean.
    fs::write(&config, text.replace("\"embed_dim\"", "\"init_logit_scale\": 1.0, \"embed_dim\"")).unwrap();
    read(&path).unwrap();
}

#[test]
fn a_configuration_of_another_architecture_is_refused() {
    let golden = golden_json("open_clip.json");
    let config = |name: &str| ModelConfig::from_json(&golden["models"][name]["config"].to_string()).unwrap();
    let package = |weights: &str, of: &str| {
        Package::new(golden_weights(&golden["models"][weights]), config(of), PreprocessConfig::default())
    };
    for (weights, of) in
        [("vit_gelu", "rn"), ("rn", "vit_gelu"), ("vit_layerscale", "vit_gelu"), ("vit_gelu", "vit_clipa_style")]
    {
        match package(weights, of) {
            Err(WeightError::Keys { problems, .. }) => assert!(!problems.is_empty()),
            other => panic!("{weights} as {of}: {other:?}"),
        }
    }
    assert!(matches!(package("vit_gelu", "siglip_timm"), Err(WeightError::NoConversion { .. })));
    let error = ModelConfig::from_hugging_face(r#"{"model_type": "bert"}"#).unwrap_err().to_string();
    assert!(error.contains("bert") && error.contains("clip and siglip"), "{error}");
}

#[test]
fn an_export_replaces_an_export_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    golden_package("vit_gelu").export(Format::HuggingFace, &path).unwrap();
    golden_package("vit_quickgelu").export(Format::OpenClip, &path).unwrap();
    assert!(read(&path).unwrap().config().quick_gelu);
    assert!(!path.join("model.safetensors").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something is left beside the folder");
    fs::write(path.join("notes.txt"), "mine").unwrap();
    let error = golden_package("vit_gelu").export(Format::OpenClip, &path).unwrap_err().to_string();
    assert!(error.contains("notes.txt"), "{error}");
    assert!(read(&path).unwrap().config().quick_gelu);
}

#[test]
fn a_bare_file_is_read_with_the_configuration_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (golden, path) = (golden_json("open_clip.json"), folder.path().join("model"));
    let package = golden_package("vit_quickgelu");
    package.export(Format::OpenClip, &path).unwrap();
    // Not one of the names that a folder is searched for.
    let file = path.join("epoch_1.safetensors");
    golden_weights(&golden["models"]["vit_quickgelu"]).write_safetensors(&file).unwrap();
    assert_eq!(read(&file).unwrap(), package);
    let path = folder.path().join("hf");
    package.export(Format::HuggingFace, &path).unwrap();
    let file = path.join("epoch_1.safetensors");
    golden_weights(&golden["models"]["vit_quickgelu"]).write_safetensors(&file).unwrap();
    assert_eq!(read(&file).unwrap().config().towers().unwrap().image, package.config().towers().unwrap().image);
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = |path: &Path| read(path).unwrap_err().to_string();
    assert!(said(folder.path()).contains("none of open_clip_config.json, config.json"), "{}", said(folder.path()));
    let golden = golden_json("open_clip.json");
    let file = folder.path().join("bare.safetensors");
    golden_weights(&golden["models"]["vit_gelu"]).write_safetensors(&file).unwrap();
    assert!(said(&file).contains("carries none"), "{}", said(&file));
    let path = folder.path().join("model");
    golden_package("vit_gelu").export(Format::OpenClip, &path).unwrap();
    fs::remove_file(path.join("open_clip_model.safetensors")).unwrap();
    assert!(said(&path).contains("none of open_clip_model.safetensors"), "{}", said(&path));
    let hf = convert(golden_package("vit_gelu").into_parts().0, Layout::OpenClip, Layout::HfClip).unwrap();
    hf.write_safetensors(path.join("model.safetensors")).unwrap();
    // The configuration is open_clip's, the weights are transformers': they meet all the same.
    read(&path).unwrap();
}
