//! Configurations that no machine can hold are refused before anything is built.

use burn::tensor::Device;
use vlp_encoders::{
    ConvNextConfig, DinoHeadConfig, LoraConfig, MlpHeadConfig, ModifiedResNetConfig, ProjectionConfig, ResNetConfig,
    StemConfig, TextTransformerConfig, VitConfig,
};

const HUGE: usize = 1_000_000_000;

#[test]
fn sizes_beyond_any_model_are_refused_by_name() {
    let device = Device::flex();
    let vit = VitConfig::default;
    let text = TextTransformerConfig::default;
    let resnet = ResNetConfig::default;
    let of = |error: Result<(), vlp_encoders::EncoderError>| error.unwrap_err().to_string();
    let errors = [
        ("depth", of(VitConfig { depth: HUGE, ..vit() }.init(&device).map(drop))),
        ("width", of(VitConfig { width: 100_000, heads: 10, ..vit() }.init(&device).map(drop))),
        ("image_size", of(VitConfig { image_size: 16 * HUGE, ..vit() }.init(&device).map(drop))),
        ("registers", of(VitConfig { registers: HUGE, ..vit() }.init(&device).map(drop))),
        ("MLP", of(VitConfig { mlp_ratio: 1e9, ..vit() }.init(&device).map(drop))),
        (
            "patch",
            of(VitConfig { stem: StemConfig::Patch { size: HUGE }, image_size: HUGE, ..vit() }.init(&device).map(drop)),
        ),
        (
            "channels",
            of(VitConfig { stem: StemConfig::Conv { channels: vec![HUGE] }, ..vit() }.init(&device).map(drop)),
        ),
        ("depth", of(TextTransformerConfig { depth: HUGE, ..text() }.init(&device).map(drop))),
        ("width", of(TextTransformerConfig { width: HUGE, ..text() }.init(&device).map(drop))),
        ("vocab_size", of(TextTransformerConfig { vocab_size: HUGE, ..text() }.init(&device).map(drop))),
        ("context_length", of(TextTransformerConfig { context_length: HUGE, ..text() }.init(&device).map(drop))),
        ("blocks", of(ResNetConfig { layers: [3, HUGE, 6, 3], ..resnet() }.init(&device).map(drop))),
        ("channels", of(ResNetConfig { channels: [64, 128, 256, HUGE], ..resnet() }.init(&device).map(drop))),
        ("width", of(ModifiedResNetConfig { width: 1 << 20, ..Default::default() }.init(&device).map(drop))),
        (
            "image_size",
            of(ModifiedResNetConfig { image_size: 32 * HUGE, ..Default::default() }.init(&device).map(drop)),
        ),
        (
            "channels",
            of(ConvNextConfig { channels: [96, 192, 384, HUGE], ..Default::default() }.init(&device).map(drop)),
        ),
        ("width", of(MlpHeadConfig::new([HUGE, 256]).init(512, &device).map(drop))),
        ("prototypes", of(DinoHeadConfig { output: HUGE, ..Default::default() }.init(512, &device).map(drop))),
        ("columns", of(ProjectionConfig::Linear.init([512, HUGE], &device).map(drop))),
    ];
    for (what, error) in errors {
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn weights_that_do_not_fit_into_the_machine_are_refused() {
    // Each size is one that a model may have; together they make 52 million million numbers.
    let config = VitConfig { width: 1 << 16, depth: 1 << 10, heads: 1 << 10, ..VitConfig::default() };
    let device = Device::flex();
    let huge_table =
        VitConfig { stem: StemConfig::Patch { size: 1 }, image_size: 8192, width: 1 << 16, ..VitConfig::default() };
    let deep = ResNetConfig { layers: [1 << 10; 4], channels: [1 << 14; 4], ..ResNetConfig::default() };
    let modified = ModifiedResNetConfig { layers: [1 << 10; 4], width: 1 << 11, ..ModifiedResNetConfig::default() };
    let convnext = ConvNextConfig { layers: [1 << 10; 4], channels: [1 << 14; 4], ..ConvNextConfig::default() };
    let of = |result: Result<(), vlp_encoders::EncoderError>| result.unwrap_err().to_string();
    for error in [
        of(config.init(&device).map(drop)),
        of(huge_table.init(&device).map(drop)),
        of(deep.init(&device).map(drop)),
        of(modified.init(&device).map(drop)),
        of(convnext.init(&device).map(drop)),
    ] {
        assert!(error.contains("its weights would take") && error.contains("this machine has"), "{error}");
    }
}

/// Before a size is checked, others may ask for what follows from it.
#[test]
fn a_stem_of_any_length_has_a_stride() {
    assert_eq!(StemConfig::Conv { channels: vec![8; 3] }.stride(), 8);
    let long = StemConfig::Conv { channels: vec![8; 1000] };
    assert_eq!(long.stride(), usize::MAX);
    let encoder = vlp_encoders::AnyImageEncoderConfig::Vit(VitConfig { stem: long, ..VitConfig::default() });
    assert!(encoder.least_activations(224).is_finite() && encoder.init(&Device::flex()).is_err());
}

/// Infinite or 0 where it is added.
#[test]
fn epsilons_that_f32_cannot_hold_are_refused() {
    for norm_eps in [1e300, 1e-60, 0.0, f64::NAN, f64::INFINITY] {
        let error = VitConfig { norm_eps, ..VitConfig::default() }.init(&Device::flex()).map(drop).unwrap_err();
        assert!(error.to_string().contains("norm_eps"), "{error}");
    }
}

#[test]
fn adapters_of_absurd_rank_are_refused() {
    let text = TextTransformerConfig {
        width: 16,
        depth: 1,
        heads: 2,
        vocab_size: 20,
        context_length: 4,
        ..Default::default()
    };
    let text = text.init(&Device::flex()).unwrap();
    let error = LoraConfig { rank: HUGE, ..LoraConfig::default() }.apply(text).map(drop).unwrap_err().to_string();
    assert!(error.contains("rank"), "{error}");
}
