//! Encoders in half precision: the vectors and gradients of f32 within the rounding of bfloat16, and f32 wherever something is
//! kept or given out.

use std::sync::Mutex;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::store::ModuleRecord;
use burn::tensor::{DType, Device, Distribution, FloatDType, Gradients, Tensor};
use vlp_core::{ImageEncoder, Precision, TextEncoder, TextMode};
use vlp_encoders::{
    Activation, AnyImageEncoder, AnyImageEncoderConfig, BatchNorm, ConvNextConfig, DinoHeadConfig, ImagePooling,
    ModifiedResNetConfig, ResNetConfig, StemConfig, TextTransformer, TextTransformerConfig, VitConfig,
};
use vlp_testkit::inputs::{images, objective, texts};

const SIDE: usize = 32;
const PICTURES: usize = 12;
/// The backend has one generator: whoever seeds it must be alone.
static GENERATOR: Mutex<()> = Mutex::new(());

fn device() -> Device {
    Device::flex().autodiff()
}

fn vit() -> VitConfig {
    VitConfig {
        image_size: SIDE,
        stem: StemConfig::Patch { size: 8 },
        width: 48,
        depth: 2,
        heads: 4,
        layer_scale: Some(0.7),
        registers: 2,
        ..VitConfig::default()
    }
}

/// Every kind of layer that an image encoder has.
fn image_encoders() -> Vec<(&'static str, AnyImageEncoderConfig)> {
    let vit = |config| AnyImageEncoderConfig::Vit(config);
    let conv_stem = StemConfig::Conv { channels: vec![8, 16, 24] };
    let resnet = ResNetConfig { layers: [1, 1, 1, 1], channels: [8, 8, 16, 16], ..ResNetConfig::default() };
    let modified = ModifiedResNetConfig { image_size: SIDE, layers: [1, 1, 1, 1], width: 8, heads: 4, output: 32 };
    let convnext = ConvNextConfig { layers: [1; 4], channels: [8, 8, 16, 16], layer_scale: Some(0.7), drop_path: 0.0 };
    vec![
        ("class token", vit(self::vit())),
        ("open_clip", vit(VitConfig { activation: Activation::QuickGelu, pre_norm: true, ..self::vit() })),
        ("mean", vit(VitConfig { pooling: ImagePooling::Mean, stem: conv_stem, ..self::vit() })),
        ("attention pooling", vit(VitConfig { pooling: ImagePooling::Map, prefix_positions: false, ..self::vit() })),
        ("resnet", AnyImageEncoderConfig::ResNet(resnet)),
        ("modified resnet", AnyImageEncoderConfig::ModifiedResNet(modified)),
        ("convnext", AnyImageEncoderConfig::ConvNext(convnext)),
    ]
}

fn text() -> TextTransformer {
    let config = TextTransformerConfig {
        vocab_size: 60,
        context_length: 12,
        width: 48,
        depth: 2,
        heads: 4,
        ..Default::default()
    };
    device().seed(4);
    config.init(&device()).unwrap().materialize()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

/// Length of the difference over length of the second.
fn relative(actual: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    length(&mut actual.iter().zip(expected).map(|(a, b)| a - b)) / length(&mut expected.iter().copied())
}

/// Everything a module keeps must be f32; the gradients too, of which all values are collected.
struct Visit<'a> {
    gradients: Option<&'a Gradients>,
    all: Vec<f64>,
}

impl ModuleVisitor for Visit<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        assert_eq!(param.val().dtype(), DType::F32);
        if let Some(gradient) = self.gradients.and_then(|gradients| param.val().grad(gradients)) {
            assert_eq!(gradient.dtype(), DType::F32);
            self.all.extend(values(gradient));
        }
    }
}

fn gradients<M: Module>(module: &M, features: Tensor<2>) -> Vec<f64> {
    let gradients = objective(features).backward();
    let mut visit = Visit { gradients: Some(&gradients), all: Vec::new() };
    module.visit(&mut visit);
    visit.all
}

/// Matrices and filters rounded to bfloat16 and back, as layers in half precision read them.
struct Rounded;

impl ModuleMapper for Rounded {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 { param } else { param.map(|value| rounded(value.detach()).detach().require_grad()) }
    }
}

fn rounded<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(FloatDType::BF16).cast(FloatDType::F32)
}

/// Half precision may be three times as far from f32 as f32 is from itself with weights and pictures rounded once: a network rounds at
/// every layer, and how much that shows is the network's own. ReLU and batch normalisation carry it far: the gradients of ResNets move by
/// a tenth even then. And it must be further off than the rounding of f32.
fn assert_half_of(name: &str, what: &str, half: &[f64], rounded: &[f64], single: &[f64]) {
    let (error, once) = (relative(half, single), relative(rounded, single));
    eprintln!("{name}, {what}: {error:.5}, rounded once {once:.5}");
    // Where rounding once hardly shows: five roundings of 2^-9 each.
    assert!(error < (3.0 * once).max(0.01), "{name}: {what} differ by {error}, rounded once by {once}");
    assert!(error > 2e-4, "{name}: {what} differ by {error} only: this was not computed in half precision");
}

#[test]
fn images_have_the_vectors_and_gradients_of_f32_within_rounding() {
    let _alone = GENERATOR.lock();
    let device = device();
    for (name, config) in image_encoders() {
        device.seed(3);
        let single = config.init(&device).unwrap().materialize();
        let once = single.clone().map(&mut Rounded);
        let half = single.clone().with_precision(Precision::Bf16);
        // Noise: in the gradient of a first convolution smooth pictures cancel, and what is left of them is rounding.
        let noise = Distribution::Normal(0.0, 1.0);
        let noise = Tensor::<4>::random([PICTURES, 3, SIDE, SIDE], noise, &device).into_data();
        // Training, then as evaluation runs it.
        for device in [&device, &Device::flex()] {
            let pictures = Tensor::<4>::from_data(noise.clone(), device);
            let of = |encoder: &AnyImageEncoder, pictures: Tensor<4>| {
                if device.is_autodiff() { encoder.encode(pictures) } else { encoder.valid().encode(pictures) }
            };
            let features = [of(&half, pictures.clone()), of(&once, rounded(pictures.clone())), of(&single, pictures)];
            assert_eq!(features[0].dtype(), DType::F32, "{name}");
            let [actual, control, expected] = features.each_ref().map(|features| values(features.clone()));
            assert_half_of(name, "vectors", &actual, &control, &expected);
            if device.is_autodiff() {
                let [of_half, of_once, of_single] = features;
                let (actual, control) = (gradients(&half, of_half), gradients(&once, of_once));
                assert_half_of(name, "gradients", &actual, &control, &gradients(&single, of_single));
            }
        }
    }
}

#[test]
fn texts_have_the_vectors_and_gradients_of_f32_within_rounding() {
    let _alone = GENERATOR.lock();
    let single = text();
    let half = single.clone().with_precision(Precision::Bf16);
    let once = single.clone().map(&mut Rounded);
    let tokens = texts(5, 12, 60, &device());
    let encode = |text: &TextTransformer| text.encode(tokens.clone(), TextMode::Global);
    assert_eq!(
        (encode(&half).dtype(), half.tokens(tokens.clone(), TextMode::Global).dtype()),
        (DType::F32, DType::F32)
    );
    let [actual, control, expected] = [&half, &once, &single].map(|text| values(encode(text)));
    assert_half_of("text", "vectors", &actual, &control, &expected);
    let [actual, control, expected] = [&half, &once, &single].map(|text| gradients(text, encode(text)));
    assert_half_of("text", "gradients", &actual, &control, &expected);
}

#[test]
fn what_is_drawn_while_training_is_drawn_in_half_precision_too() {
    let _alone = GENERATOR.lock();
    let config = VitConfig { patch_dropout: 0.25, drop_path: 0.3, ..vit() };
    let image = config.init(&device()).unwrap().with_precision(Precision::Bf16);
    let drawn = [0, 1].map(|seed| {
        device().seed(seed);
        values(image.encode(images(PICTURES, SIDE, &device())))
    });
    assert!(drawn[0] != drawn[1] && drawn.iter().flatten().all(|x| x.is_finite()));
    let config =
        TextTransformerConfig { dropout: 0.2, drop_path: 0.2, width: 32, depth: 2, heads: 2, ..Default::default() };
    let text = config.init(&device()).unwrap().with_precision(Precision::Bf16);
    let tokens = texts(5, 12, 60, &device());
    let [local, global] = [TextMode::Local, TextMode::Global].map(|mode| text.encode(tokens.clone(), mode));
    assert!(relative(&values(local.clone()), &values(global)) > 0.05);
    assert!(gradients(&text, local).iter().all(|x| x.is_finite()));
}

#[test]
fn records_are_f32_and_pass_between_precisions() {
    let _alone = GENERATOR.lock();
    for (name, config) in image_encoders() {
        device().seed(3);
        let half = config.init(&device()).unwrap().materialize().with_precision(Precision::Bf16);
        // Moves running statistics.
        half.encode(images(PICTURES, SIDE, &device()));
        half.visit(&mut Visit { gradients: None, all: Vec::new() });
        let record = || ModuleRecord::from_bytes(half.clone().into_record().into_bytes().unwrap()).unwrap();
        device().seed(9);
        let load = |encoder: AnyImageEncoder| encoder.load_record(record());
        let single = load(config.init(&device()).unwrap());
        let again = load(config.init(&device()).unwrap().with_precision(Precision::Bf16));
        let encode =
            |encoder: &AnyImageEncoder| encoder.valid().encode(images(PICTURES, SIDE, &Device::flex())).into_data();
        encode(&again).assert_eq(&encode(&half), true);
        let back = single.with_precision(Precision::Bf16);
        encode(&back).assert_eq(&encode(&half), true);
        let plain = half.clone().with_precision(Precision::F32);
        assert_ne!(encode(&plain), encode(&half), "{name}");
    }
}

#[test]
fn layers_follow_the_type_of_their_input() {
    let device = device();
    let narrow = |x: Tensor<2>| x.cast(FloatDType::BF16);
    let rows = || images(1, 12, &device).reshape([36, 12]);
    let norm = BatchNorm::new(12, &device);
    let y = norm.forward(narrow(rows()));
    assert_eq!(y.dtype(), DType::BF16);
    // Statistics of the rounded numbers, in f32: a mean in bfloat16 would have 8 bits.
    let mean = values(narrow(rows()).cast(FloatDType::F32).mean_dim(0));
    let running = values(norm.running_mean.value());
    for (running, mean) in running.iter().zip(mean) {
        assert!((running - 0.1 * mean).abs() < 1e-6, "{running} is not a tenth of {mean}");
    }
    let head = DinoHeadConfig { hidden: 8, bottleneck: 4, output: 5 }.init(12, &device).unwrap();
    assert_eq!(head.forward(narrow(rows())).dtype(), DType::F32);
}
