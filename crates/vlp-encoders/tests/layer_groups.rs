//! Groups by depth: open_clip's partition, its decay, what freezing leaves alone.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp_core::{ImageEncoder, TextMode};
use vlp_encoders::{
    AnyImageEncoder, AnyImageEncoderConfig, ConvNextConfig, DualEncoder, DualEncoderConfig, LayerGroups, Layered,
    LockConfig, ModifiedResNetConfig, Positions, ProjectionConfig, ResNetBlock, ResNetConfig, StemConfig,
    TextTransformer, TextTransformerConfig, VitConfig, preset,
};
use vlp_testkit::golden;

type Dual = DualEncoder<AnyImageEncoder, TextTransformer>;

/// Every float of a module: path, whether it asks for a gradient, the index of its group, elements, value as bits.
struct Floats<'a> {
    groups: &'a LayerGroups,
    values: bool,
    path: Vec<String>,
    found: Vec<Float>,
}

#[derive(Debug)]
struct Float {
    path: String,
    trainable: bool,
    groups: Vec<usize>,
    elements: usize,
    bits: Vec<u32>,
}

impl Float {
    fn is_statistic(&self) -> bool {
        self.path.ends_with("running_mean") || self.path.ends_with("running_var")
    }
}

impl ModuleVisitor for Floats<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let holds = |(index, (_, group)): (usize, (&str, &ParamGroup))| group.matches(&param.id, None).then_some(index);
        let bits = |param: &Param<Tensor<D>>| param.val().into_data().iter::<f32>().map(f32::to_bits).collect();
        self.found.push(Float {
            path: self.path.join("."),
            trainable: self.values && param.val().is_require_grad(),
            groups: self.groups.iter().enumerate().filter_map(holds).collect(),
            elements: param.lazy_shape().num_elements(),
            bits: if self.values { bits(param) } else { Vec::new() },
        });
    }
}

fn floats<M: Module>(module: &M, groups: &LayerGroups, values: bool) -> Vec<Float> {
    let mut floats = Floats { groups, values, path: Vec::new(), found: Vec::new() };
    module.visit(&mut floats);
    floats.found
}

fn towers() -> [(AnyImageEncoderConfig, ProjectionConfig); 4] {
    let vit = VitConfig {
        image_size: 32,
        stem: StemConfig::Patch { size: 16 },
        width: 12,
        depth: 3,
        heads: 2,
        registers: 1,
        ..VitConfig::open_clip()
    };
    let resnet = ResNetConfig { block: ResNetBlock::Basic, layers: [1, 1, 1, 2], channels: [4; 4] };
    let modified = ModifiedResNetConfig { image_size: 32, layers: [1, 2, 1, 1], width: 2, heads: 4, output: 6 };
    let convnext = ConvNextConfig { layers: [1, 1, 2, 1], channels: [4; 4], ..Default::default() };
    [
        (AnyImageEncoderConfig::Vit(vit), ProjectionConfig::Linear),
        (AnyImageEncoderConfig::ResNet(resnet), ProjectionConfig::Linear),
        (AnyImageEncoderConfig::ModifiedResNet(modified), ProjectionConfig::Identity),
        (AnyImageEncoderConfig::ConvNext(convnext), ProjectionConfig::Mlp { hidden: 8 }),
    ]
}

fn dual((image, image_head): (AnyImageEncoderConfig, ProjectionConfig)) -> Dual {
    let text = TextTransformerConfig {
        vocab_size: 30,
        context_length: 6,
        width: 8,
        depth: 2,
        heads: 2,
        ..TextTransformerConfig::default()
    };
    let device = Device::flex().autodiff();
    DualEncoderConfig { embed_dim: 6, image, text, image_head, text_head: ProjectionConfig::Linear }
        .init(&device)
        .unwrap()
}

/// A step of AdamW with strong weight decay.
fn train(mut model: Dual, steps: usize) -> (Dual, Vec<u64>) {
    let device = Device::flex().autodiff();
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.5).init();
    for _ in 0..steps {
        let images = Tensor::random([4, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let texts = Tensor::<1, Int>::arange(0..24, &device).reshape([4, 6]);
        let product = model.embed_images(images) * model.embed_texts(texts, TextMode::Global);
        let grads = GradientsParams::from_grads(product.sum().backward(), &model);
        model = optimizer.step(0.1, model, grads);
    }
    let bytes = optimizer.into_bytes().unwrap();
    let reader = burn_pack::Reader::from_bytes(bytes).unwrap();
    let ids = reader.scalars().keys().filter_map(|name| name.strip_suffix(".__rank")?.parse().ok()).collect();
    (model, ids)
}

#[test]
fn every_group_has_as_many_parameters_as_open_clips() {
    let golden = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/layer_groups.json");
    let device = Device::flex();
    for (tower, counts) in golden["towers"].as_object().unwrap() {
        let (name, side) = tower.rsplit_once(' ').unwrap();
        let model = preset(name).unwrap().init(&device).unwrap();
        let groups = if side == "image" { model.image_layers() } else { model.text_layers() };
        let mut ours = vec![0; groups.len()];
        for float in floats(&model, &groups, false) {
            for &group in &float.groups {
                ours[group] += if float.is_statistic() { 0 } else { float.elements };
            }
        }
        let theirs: Vec<usize> = counts.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        assert_eq!(ours, theirs, "{tower}");
    }
}

#[test]
fn every_parameter_of_a_tower_is_in_exactly_one_group() {
    for tower in towers() {
        let model = dual(tower);
        let (image, text) = (model.image_layers(), model.text_layers());
        for (groups, part, other) in [(&image, "image", "text"), (&text, "text", "image")] {
            for float in floats(&model, groups, false) {
                let expected = usize::from(float.path.starts_with(part));
                assert_eq!(float.groups.len(), expected, "{} beside {other}: {:?}", float.path, float.groups);
            }
        }
    }
}

#[test]
fn rates_fall_with_the_distance_from_the_head_as_open_clips() {
    let names = |groups: &LayerGroups| groups.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    let groups = dual(towers()[0].clone()).text_layers();
    assert_eq!(names(&groups), ["embeddings", "layer.0", "layer.1", "proj"]);
    let factors = |decay| groups.rate_factors(decay).unwrap().into_iter().map(|(_, factor)| factor).collect::<Vec<_>>();
    assert_eq!(factors(0.5), [0.125, 0.25, 0.5, 1.0]);
    assert_eq!(factors(1.0), [1.0; 4]);
    for decay in [-0.5, 0.0, 1.5, f64::NAN] {
        assert!(groups.rate_factors(decay).is_err(), "{decay}");
    }
    let resnet = preset("RN50").unwrap().init(&Device::flex()).unwrap().image_layers();
    assert_eq!(names(&resnet), ["embeddings", "layer.0", "layer.1", "layer.2", "layer.3", "pool"]);
}

#[test]
fn what_is_frozen_stays_to_the_bit_and_the_rest_moves() {
    for tower in towers() {
        let model = dual(tower);
        let groups = model.image_layers();
        for unlocked in [0, 1, 2, groups.len(), groups.len() + 3] {
            let lock = LockConfig { unlocked_groups: unlocked, freeze_bn_stats: true };
            let locked = lock.apply(model.clone(), &groups);
            let before = floats(&locked, &groups, true);
            let (after, with_state) = train(locked, 2);
            let after = floats(&after, &groups, true);
            for (before, after) in before.iter().zip(&after) {
                let frozen = before.groups.iter().any(|&group| group + unlocked < groups.len());
                let what = format!("{} with {unlocked} of {groups:?} unlocked", before.path);
                if frozen {
                    assert!(!before.trainable, "{what}");
                    assert_eq!(before.bits, after.bits, "{what}");
                } else if !before.is_statistic() {
                    assert!(before.trainable, "{what}");
                    // Weight decay moves whatever has a gradient, unless it is zero.
                    assert!(before.bits != after.bits || before.bits.iter().all(|&bits| bits << 1 == 0), "{what}");
                } else {
                    assert_ne!(before.bits, after.bits, "{what}");
                }
            }
            assert_eq!(with_state.len(), before.iter().filter(|float| float.trainable).count());
        }
    }
}

#[test]
fn statistics_of_a_frozen_tower_move_unless_asked_not_to() {
    let statistics = |model: &Dual, groups: &LayerGroups| -> BTreeMap<String, Vec<u32>> {
        let statistic = |float: &Float| float.is_statistic() && float.path.starts_with("image.");
        floats(model, groups, true).into_iter().filter(statistic).map(|float| (float.path, float.bits)).collect()
    };
    for index in [1, 2] {
        let model = dual(towers()[index].clone());
        let groups = model.image_layers();
        let before = statistics(&model, &groups);
        assert!(!before.is_empty());
        let free = LockConfig { unlocked_groups: 1, freeze_bn_stats: false };
        let after = statistics(&train(free.apply(model.clone(), &groups), 1).0, &groups);
        assert!(before.iter().all(|(path, bits)| after[path] != *bits));
        let still = LockConfig { freeze_bn_stats: true, ..free };
        let locked = still.apply(model, &groups);
        assert_eq!(statistics(&train(locked.clone(), 1).0, &groups), before);
        // Frozen statistics normalise too: a picture's vector no longer depends on its batch.
        let images = Tensor::random([3, 3, 32, 32], Distribution::Normal(0.0, 1.0), &Device::flex().autodiff());
        let alone = locked.image.encode(images.clone().slice([0..1, 0..3, 0..32, 0..32]));
        let first = locked.image.encode(images).slice([0..1]);
        first.into_data().assert_approx_eq::<f32>(&alone.into_data(), burn::tensor::Tolerance::absolute(1e-5));
        // And back.
        let unlocked = LockConfig { unlocked_groups: usize::MAX, ..still }.apply(locked, &groups);
        let after = statistics(&train(unlocked, 1).0, &groups);
        assert!(before.iter().all(|(path, bits)| after[path] != *bits));
    }
}

#[test]
fn a_tower_unlocks_step_by_step() {
    let model = dual(towers()[0].clone());
    let groups = model.image_layers();
    let trainable = |model: &Dual| floats(model, &groups, true).iter().filter(|float| float.trainable).count();
    let all = trainable(&model);
    let lock = |model, unlocked_groups| LockConfig { unlocked_groups, ..LockConfig::default() }.apply(model, &groups);
    let once = trainable(&lock(model.clone(), 2));
    assert!(once < all);
    assert_eq!(trainable(&lock(lock(model.clone(), 0), 2)), once);
    assert_eq!(trainable(&lock(lock(model, 0), groups.len())), all);
}

#[test]
fn freezing_a_clone_leaves_the_original_trainable() {
    // Nothing is drawn yet, and clones share what is not drawn.
    let model = dual(towers()[0].clone());
    let groups = model.image_layers();
    let frozen = LockConfig::default().apply(model.clone(), &groups);
    let trainable = |model: &Dual| floats(model, &groups, true).iter().filter(|float| float.trainable).count();
    assert_eq!(trainable(&model), floats(&model, &groups, true).len());
    assert!(trainable(&frozen) < trainable(&model));
}

#[test]
fn fixed_positions_are_never_unlocked() {
    let config = VitConfig {
        image_size: 32,
        stem: StemConfig::Patch { size: 16 },
        width: 12,
        depth: 1,
        heads: 2,
        positions: Positions::SinCos,
        ..VitConfig::default()
    };
    let vit = config.init(&Device::flex().autodiff()).unwrap();
    let groups = vit.layer_groups();
    let lock = LockConfig { unlocked_groups: groups.len(), freeze_bn_stats: false };
    assert!(!lock.apply(vit, &groups).positions.val().is_require_grad());
}
