//! Low-rank adapters on every tower: nothing changes at first, only they train, merged they are the same weights.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp_core::TextMode;
use vlp_encoders::{
    AnyImageEncoder, AnyImageEncoderConfig, ConvNextConfig, DualEncoder, DualEncoderConfig, ImagePooling, LoraConfig,
    ModifiedResNetConfig, ProjectionConfig, ResNetBlock, ResNetConfig, StemConfig, TextTransformer,
    TextTransformerConfig, VitConfig,
};

type Dual = DualEncoder<AnyImageEncoder, TextTransformer>;

fn device() -> Device {
    Device::flex().autodiff()
}

fn vit(pooling: ImagePooling) -> AnyImageEncoderConfig {
    let stem = StemConfig::Patch { size: 16 };
    AnyImageEncoderConfig::Vit(VitConfig {
        image_size: 32,
        stem,
        width: 12,
        depth: 2,
        heads: 2,
        pooling,
        ..Default::default()
    })
}

fn resnet() -> AnyImageEncoderConfig {
    AnyImageEncoderConfig::ResNet(ResNetConfig { block: ResNetBlock::Basic, layers: [1; 4], channels: [4; 4] })
}

fn images() -> [AnyImageEncoderConfig; 4] {
    let modified = ModifiedResNetConfig { image_size: 32, layers: [1; 4], width: 2, heads: 4, output: 6 };
    let convnext = ConvNextConfig { layers: [1; 4], channels: [4; 4], layer_scale: None, ..Default::default() };
    [
        vit(ImagePooling::Class),
        vit(ImagePooling::Map),
        AnyImageEncoderConfig::ModifiedResNet(modified),
        AnyImageEncoderConfig::ConvNext(convnext),
    ]
}

fn dual(image: AnyImageEncoderConfig) -> Dual {
    let text = TextTransformerConfig {
        vocab_size: 30,
        context_length: 6,
        width: 8,
        depth: 2,
        heads: 2,
        ..TextTransformerConfig::default()
    };
    let device = device();
    let heads = ProjectionConfig::Linear;
    let config =
        DualEncoderConfig { embed_dim: 6, image, text, image_head: heads, text_head: ProjectionConfig::BiasedLinear };
    config.init(&device).unwrap()
}

fn embed(model: &Dual) -> [Vec<u32>; 2] {
    let device = device().inner();
    let images = Tensor::<1, Int>::arange(0..4 * 3 * 32 * 32, &device).float().sin().reshape([4, 3, 32, 32]);
    let texts = Tensor::<1, Int>::arange(0..24, &device).reshape([4, 6]);
    let model = model.valid();
    [model.embed_images(images), model.embed_texts(texts, TextMode::Global)]
        .map(|x| x.into_data().iter::<f32>().map(f32::to_bits).collect())
}

fn step(model: Dual) -> Dual {
    let device = device();
    let images = Tensor::random([4, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
    let texts = Tensor::<1, Int>::arange(0..24, &device).reshape([4, 6]);
    let product = model.embed_images(images) * model.embed_texts(texts, TextMode::Global);
    let grads = GradientsParams::from_grads(product.sum().backward(), &model);
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.1).init();
    optimizer.step(0.05, model, grads)
}

#[derive(Default)]
struct Values {
    path: Vec<String>,
    found: Vec<(String, ParamId, bool, Vec<u32>)>,
}

impl ModuleVisitor for Values {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let bits = value.clone().into_data().iter::<f32>().map(f32::to_bits).collect();
        self.found.push((self.path.join("."), param.id, value.is_require_grad(), bits));
    }
}

fn values<M: Module>(module: &M) -> Vec<(String, ParamId, bool, Vec<u32>)> {
    let mut values = Values::default();
    module.visit(&mut values);
    values.found
}

#[test]
fn adapters_change_nothing_at_first_and_alone_train() {
    for image in images() {
        device().seed(5);
        let plain = dual(image.clone());
        let features = embed(&plain);
        let adapted = LoraConfig { rank: 2, ..LoraConfig::default() }.apply(plain.clone()).unwrap();
        assert_eq!(embed(&adapted), features, "{image:?}");

        // After the first step B is not zero and A has a gradient too.
        let trained = step(step(adapted.clone()));
        assert!(embed(&trained).iter().zip(&features).all(|(new, old)| new != old), "{image:?}");
        for ((path, _, trainable, before), (_, _, _, after)) in values(&adapted).iter().zip(&values(&trained)) {
            let adapter = path.contains(".lora.");
            assert_eq!(*trainable, adapter, "{path}");
            let statistic = path.contains("running_");
            assert!(statistic || (before != after) == adapter, "{path} in {image:?}");
        }
        // Every matrix of a linear layer has its two factors, tables and positions have none.
        let paths: BTreeSet<String> = values(&adapted).into_iter().map(|(path, ..)| path).collect();
        let count = |suffix: &str| paths.iter().filter(|path| path.ends_with(suffix)).count();
        assert_eq!(count(".lora.a"), count(".lora.b"));
        assert!(count(".lora.a") >= 11, "{paths:?}");
        assert!(!paths.iter().any(|path| path.contains("tokens.") && path.contains("lora")));
        assert!(!paths.iter().any(|path| path.contains("positions.lora")));
    }
}

#[test]
fn merged_weights_are_base_plus_scaled_product_and_give_the_same_vectors() {
    for image in images() {
        let config = LoraConfig { rank: 2, alpha: 3.0, ..LoraConfig::default() };
        let trained = step(step(config.apply(dual(image)).unwrap()));
        let block = &trained.text.transformer.blocks[0];
        for linear in [&block.attention.qkv, &block.attention.out, &block.fc_1, &block.fc_2] {
            let adapter = linear.weight.adapter().unwrap();
            let product = adapter.a.val().matmul(adapter.b.val()) * 1.5;
            let expected = (linear.weight.base() + product).into_data();
            let merged = linear.clone().materialize();
            assert!(merged.weight.adapter().is_none());
            merged.weight.val().into_data().assert_eq(&expected, true);
            assert_ne!(merged.weight.val().into_data(), linear.weight.base().into_data());
        }
        let merged = trained.clone().materialize();
        assert!(!values(&merged).iter().any(|(path, ..)| path.contains("lora")));
        assert_eq!(embed(&merged), embed(&trained));
    }
}

#[test]
fn names_choose_layers() {
    let adapted = |layers: &[&str]| -> Vec<String> {
        let layers = layers.iter().map(|name| name.to_string()).collect();
        let model =
            LoraConfig { rank: 1, layers, ..LoraConfig::default() }.apply(dual(vit(ImagePooling::Class))).unwrap();
        let paths = values(&model).into_iter();
        paths.filter_map(|(path, ..)| path.strip_suffix(".weight.lora.a").map(str::to_string)).collect()
    };
    let block = |tower: &str, index: usize, layer: &str| format!("{tower}.transformer.blocks.{index}.{layer}");
    let qkv = |tower| [0, 1].map(|index| block(tower, index, "attention.qkv"));
    assert_eq!(adapted(&["qkv"]), [qkv("image.Vit"), qkv("text")].concat());
    assert_eq!(adapted(&["image_head"]), ["image_head.Linear"]);
    assert_eq!(
        adapted(&["text.transformer.blocks.1", "text_head"]),
        ["attention.qkv", "attention.out", "fc_1", "fc_2"]
            .map(|layer| block("text", 1, layer))
            .into_iter()
            .chain(["text_head.Linear".to_string()])
            .collect::<Vec<_>>()
    );
}

#[test]
fn adapters_on_one_tower_leave_the_rest_trainable() {
    let model = dual(vit(ImagePooling::Class));
    let image = LoraConfig::default().apply(model.image).unwrap();
    let model = DualEncoder { image, ..model };
    for (path, _, trainable, _) in values(&model) {
        assert_eq!(trainable, !path.starts_with("image.") || path.contains(".lora."), "{path}");
    }
}

#[test]
fn what_cannot_be_adapted_is_refused_in_words() {
    let refused = |config: LoraConfig, model: Dual| config.apply(model).unwrap_err().to_string();
    let model = || dual(vit(ImagePooling::Class));
    let named = |name: &str| LoraConfig { layers: vec!["qkv".into(), name.into()], ..LoraConfig::default() };
    assert!(refused(named("q_proj"), model()).contains("`q_proj` names no linear layer"));
    // A part of a name is no name.
    assert!(refused(named("qk"), model()).contains("`qk` names no linear layer"));
    assert!(refused(LoraConfig { rank: 0, ..LoraConfig::default() }, model()).contains("rank 0"));
    assert!(refused(LoraConfig { alpha: f64::NAN, ..LoraConfig::default() }, model()).contains("alpha NaN"));
    assert!(refused(LoraConfig { init_std: Some(-1.0), ..LoraConfig::default() }, model()).contains("init_std -1"));
    let adapted = LoraConfig::default().apply(model()).unwrap();
    assert!(refused(LoraConfig::default(), adapted).contains("adapters already"));
    let resnet = dual(resnet()).image;
    assert!(LoraConfig::default().apply(resnet).unwrap_err().to_string().contains("no linear layer"));
}
