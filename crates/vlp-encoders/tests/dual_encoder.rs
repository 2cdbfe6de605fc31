//! The dual encoder and the ResNets as parts of it: shapes, configuration files, what is refused.

use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp_core::{Embedder, ImageEncoder, TextMode};
use vlp_encoders::{
    AnyImageEncoderConfig, ConvNextConfig, DualEncoderConfig, ModifiedResNetConfig, ProjectionConfig, ResNetBlock,
    ResNetConfig, StemConfig, TextTransformerConfig, VitConfig,
};

fn images() -> [AnyImageEncoderConfig; 4] {
    let stem = StemConfig::Patch { size: 8 };
    [
        AnyImageEncoderConfig::Vit(VitConfig {
            image_size: 32,
            stem,
            width: 12,
            depth: 1,
            heads: 2,
            ..Default::default()
        }),
        AnyImageEncoderConfig::ResNet(ResNetConfig { block: ResNetBlock::Basic, layers: [1; 4], channels: [4; 4] }),
        AnyImageEncoderConfig::ModifiedResNet(ModifiedResNetConfig {
            image_size: 32,
            layers: [1; 4],
            width: 2,
            heads: 4,
            output: 6,
        }),
        AnyImageEncoderConfig::ConvNext(ConvNextConfig { layers: [1; 4], channels: [4; 4], ..Default::default() }),
    ]
}

fn dual(image: AnyImageEncoderConfig, image_head: ProjectionConfig) -> DualEncoderConfig {
    let text = TextTransformerConfig {
        vocab_size: 30,
        context_length: 6,
        width: 8,
        depth: 1,
        heads: 2,
        ..TextTransformerConfig::default()
    };
    DualEncoderConfig { embed_dim: 6, image, text, image_head, text_head: ProjectionConfig::Linear }
}

#[test]
fn every_image_encoder_joins_a_text_encoder_in_one_space() {
    let device = Device::flex();
    for image in images() {
        let model = dual(image.clone(), ProjectionConfig::Linear).init(&device).unwrap();
        let pictures = Tensor::random([2, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let embedded = model.embed_images(pictures);
        assert_eq!(embedded.dims(), [2, 6], "{image:?}");
        assert!(embedded.is_finite().all().into_scalar::<bool>());
        let tokens = Tensor::<2, Int>::from_ints([[1, 5, 29, 0], [2, 3, 4, 29]], &device);
        assert_eq!(model.embed_texts(tokens, TextMode::Global).dims(), [2, 6]);
    }
}

#[test]
fn evaluation_reads_the_same_vectors() {
    let device = Device::flex();
    let model = dual(images()[0].clone(), ProjectionConfig::Linear).init(&device).unwrap();
    let embedder: &dyn Embedder = &model;
    let pictures = Tensor::random([2, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
    let seen = embedder.embed_images(pictures.clone());
    assert!(seen.strong.is_none());
    // The same operations in the same order.
    seen.weak.into_data().assert_eq(&model.embed_images(pictures).into_data(), true);
    let tokens = Tensor::<2, Int>::from_ints([[1, 5, 29, 0], [2, 3, 4, 29]], &device);
    let read = embedder.embed_texts(tokens.clone()).weak;
    read.into_data().assert_eq(&model.embed_texts(tokens, TextMode::Global).into_data(), true);
}

#[test]
fn the_kind_in_a_configuration_file_names_the_encoder_and_its_keys_are_checked() {
    for (kind, key) in [("vit", "depth"), ("resnet", "block"), ("modified-resnet", "heads"), ("convnext", "layers")] {
        let read = |text: &str| serde_json::from_str::<AnyImageEncoderConfig>(text);
        let default = read(&format!("{{\"kind\": \"{kind}\"}}")).unwrap();
        assert!(serde_json::to_string(&default).unwrap().contains(key));
        let error = read(&format!("{{\"kind\": \"{kind}\", \"widht\": 3}}")).unwrap_err().to_string();
        assert!(error.contains("widht"), "{error}");
    }
    assert_eq!(images().map(|image| image.image_size()), [Some(32), None, Some(32), None]);
}

#[test]
fn parts_that_do_not_fit_are_refused_with_the_value() {
    let refused = |config: DualEncoderConfig| config.init(&Device::flex()).unwrap_err().to_string();
    let message = refused(dual(images()[0].clone(), ProjectionConfig::Identity));
    assert!(message.contains("12 columns into 6"), "{message}");
    dual(images()[2].clone(), ProjectionConfig::Identity).init(&Device::flex()).unwrap();

    let modified = |config| refused(dual(AnyImageEncoderConfig::ModifiedResNet(config), ProjectionConfig::Identity));
    let base = ModifiedResNetConfig { output: 6, ..ModifiedResNetConfig::default() };
    assert!(modified(ModifiedResNetConfig { image_size: 200, ..base.clone() }).contains("image_size 200"));
    assert!(modified(ModifiedResNetConfig { width: 7, heads: 7, ..base.clone() }).contains("7 is odd"));
    assert!(modified(ModifiedResNetConfig { heads: 3, ..base }).contains("3 heads do not divide the 2048"));
    let stages = AnyImageEncoderConfig::ResNet(ResNetConfig { channels: [64, 0, 1, 1], ..Default::default() });
    assert!(refused(dual(stages, ProjectionConfig::Linear)).contains("[64, 0, 1, 1]"));
}

#[test]
#[should_panic(expected = "takes 3 x 64 x 64 pictures, got 3 x 32 x 32")]
fn openais_resnet_has_positions_for_one_picture_size() {
    let device = Device::flex();
    let config = ModifiedResNetConfig { image_size: 64, layers: [1; 4], width: 2, heads: 4, output: 6 };
    config.init(&device).unwrap().encode(Tensor::zeros([1, 3, 32, 32], &device));
}

#[test]
fn torchvisions_resnet_takes_pictures_of_any_size() {
    let device = Device::flex();
    let resnet = ResNetConfig { layers: [1; 4], channels: [4; 4], ..Default::default() }.init(&device).unwrap();
    assert_eq!(resnet.width(), 16);
    for (height, width) in [(32, 32), (96, 40)] {
        assert_eq!(resnet.encode(Tensor::zeros([2, 3, height, width], &device)).dims(), [2, 16]);
    }
}
