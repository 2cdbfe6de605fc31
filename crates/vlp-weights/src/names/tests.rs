//! What still learns in a locked tower, by open_clip's names, against open_clip 3.3.0 (`scripts/golden/lock_names.py`).

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use serde_json::Value;
use vlp_encoders::{
    AnyImageEncoder, ConvNextConfig, DualEncoder, Layered, LockConfig, ProjectionConfig, TextTransformer,
};

use super::Names;
use crate::ModelConfig;
use crate::config::ImageTower;
use crate::timm::name_in_timm;

/// The names of the parameters that ask for a gradient; running statistics are none.
struct Learning<F> {
    path: Vec<String>,
    name: F,
    names: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> ModuleVisitor for Learning<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        if !path.contains("running_") && param.val().is_require_grad() {
            self.names.push((self.name)(&path).unwrap_or_else(|| panic!("no name for {path}")));
        }
    }
}

fn learning<M: Module>(module: &M, name: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut learning = Learning { path: Vec::new(), name, names: Vec::new() };
    module.visit(&mut learning);
    learning.names.sort();
    learning.names
}

struct Case {
    model: String,
    image: bool,
    groups: usize,
    /// None where open_clip refuses.
    names: Option<Vec<String>>,
}

fn golden() -> (Value, Vec<Case>) {
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/lock_names.json")).unwrap();
    let case = |case: &Value| Case {
        model: case["model"].as_str().unwrap().to_owned(),
        image: case["tower"] == "image",
        groups: case["groups"].as_u64().unwrap() as usize,
        names: case["learning"].as_array().map(|names| names.iter().map(|n| n.as_str().unwrap().to_owned()).collect()),
    };
    let cases = golden["cases"].as_array().unwrap().iter().map(case).collect();
    (golden["models"].clone(), cases)
}

/// The model of a configuration; SigLIP's tower, which open_clip has in one size only, with as many blocks but narrow.
fn dual(config: &ModelConfig) -> DualEncoder<AnyImageEncoder, TextTransformer> {
    let mut towers = config.towers().unwrap();
    if let ImageTower::Vit(vit) = &mut towers.image
        && vit.width == 768
    {
        (vit.width, vit.heads, vit.hidden, vit.image_size) = (8, 2, 16, 64);
        towers.embed_dim = 8;
    }
    towers.dual_encoder().init(&Device::flex().autodiff()).unwrap()
}

#[test]
fn what_learns_in_a_locked_tower_is_what_open_clip_leaves_learning() {
    let (models, cases) = golden();
    let mut seen = 0;
    for Case { model, image, groups, names } in cases.iter().filter(|case| case.model != "ConvNeXt") {
        let config = ModelConfig::from_json(&models[model].to_string()).unwrap();
        let whole = dual(&config);
        let layers = if *image { whole.image_layers() } else { whole.text_layers() };
        let locked = LockConfig { unlocked_groups: *groups, freeze_bn_stats: false }.apply(whole, &layers);
        let table = Names::of(&config);
        let mut ours = learning(&locked, |path| table.name(path).map(|(name, _)| name));
        ours.retain(|name| name.starts_with("visual.") == *image);
        match names {
            Some(names) => assert_eq!(&ours, names, "{model}, image tower: {image}, {groups} groups"),
            // open_clip 3.3.0 refuses part of a ModifiedResNet; here the pool comes first, then stage by stage.
            None => {
                assert!(model == "RN" && *image && *groups > 0, "{model} {groups}");
                assert!(*groups > 1 || ours.iter().all(|name| name.starts_with("visual.attnpool.")), "{ours:?}");
                assert!(!ours.is_empty());
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 56);
}

/// open_clip 3.3.0 never locks the projection behind a timm trunk, and counts the groups of the trunk alone: what it calls `n`
/// groups is `n + 1` here, and nothing there is our 0.
#[test]
fn a_convnext_has_its_projection_as_one_group_more_than_in_open_clip() {
    let (_, cases) = golden();
    let device = Device::flex().autodiff();
    // timm's convnext_atto, narrow.
    let config = ConvNextConfig { layers: [2, 2, 6, 2], channels: [2, 4, 6, 8], ..ConvNextConfig::default() };
    let build = || {
        let image = AnyImageEncoder::ConvNext(config.init(&device).unwrap());
        (image, ProjectionConfig::Linear.init([8, 12], &device).unwrap())
    };
    let name = |path: &str| match path.strip_prefix("0.") {
        Some(path) => name_in_timm(path).map(|(name, _)| format!("visual.trunk.{name}")),
        None => Some(format!("visual.head.proj.{}", path.rsplit('.').next()?)),
    };
    let mut seen = 0;
    for Case { groups, names, .. } in cases.iter().filter(|case| case.model == "ConvNeXt" && case.image) {
        let whole = build();
        let layers = whole.0.layer_groups().with_head(&whole.1);
        let locked = LockConfig { unlocked_groups: groups + 1, freeze_bn_stats: false }.apply(whole, &layers);
        assert_eq!(Some(learning(&locked, name)), *names, "{groups} groups");
        seen += 1;
    }
    assert_eq!(seen, 7);
    let whole = build();
    let layers = whole.0.layer_groups().with_head(&whole.1);
    assert!(learning(&LockConfig::default().apply(whole, &layers), name).is_empty());
}
