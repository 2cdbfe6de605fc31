//! The text transformer: causality, pooling, dropout, sizes, what it refuses.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use vlp_core::{TextEncoder, TextMode};
use vlp_encoders::{Activation, TextPooling, TextTransformer, TextTransformerConfig};

fn small() -> TextTransformerConfig {
    TextTransformerConfig {
        vocab_size: 50,
        context_length: 8,
        width: 16,
        depth: 2,
        heads: 2,
        ..TextTransformerConfig::default()
    }
}

fn encode(text: &TextTransformer, rows: [[i32; 6]; 2], device: &Device) -> Tensor<2> {
    text.encode(Tensor::<2, Int>::from_ints(rows, device), TextMode::Global)
}

fn furthest(a: Tensor<2>, b: Tensor<2>) -> f32 {
    (a - b).abs().max().into_scalar()
}

#[test]
fn what_follows_the_end_of_text_is_invisible_and_what_precedes_it_is_not() {
    let device = Device::flex();
    device.seed(1);
    let text = small().init(&device).unwrap();
    let base = encode(&text, [[1, 7, 49, 0, 0, 0], [1, 7, 9, 11, 49, 0]], &device);
    let other_padding = encode(&text, [[1, 7, 49, 5, 6, 7], [1, 7, 9, 11, 49, 3]], &device);
    assert!(furthest(base.clone(), other_padding) < 1e-6);
    let other_word = encode(&text, [[1, 8, 49, 0, 0, 0], [1, 8, 9, 11, 49, 0]], &device);
    assert!(furthest(base, other_word) > 1e-3);
}

#[test]
fn a_shorter_padding_gives_the_same_vectors() {
    let device = Device::flex();
    device.seed(2);
    let text = small().init(&device).unwrap();
    let long = Tensor::<2, Int>::from_ints([[1, 7, 49, 0, 0, 0], [1, 9, 3, 49, 0, 0]], &device);
    let short = long.clone().slice([0..2, 0..4]);
    assert!(furthest(text.encode(long, TextMode::Global), text.encode(short, TextMode::Global)) < 1e-6);
}

#[test]
fn an_end_of_text_that_is_not_the_largest_id_is_found_by_its_id() {
    let device = Device::flex();
    let largest = small().init(&device).unwrap().materialize();
    // The same weights under another pooling.
    let pooled_at = |id| {
        let text = TextTransformerConfig { pooling: TextPooling::Eot(id), ..small() }.init(&device).unwrap();
        text.load_record(largest.clone().into_record())
    };
    let argmax = encode(&largest, [[1, 7, 49, 0, 0, 0], [1, 7, 9, 49, 0, 0]], &device);
    let by_id = encode(&pooled_at(49), [[1, 7, 49, 0, 0, 0], [1, 7, 9, 49, 0, 0]], &device);
    assert!(furthest(argmax, by_id) < 1e-6);
    let text = pooled_at(2);
    let first = encode(&text, [[1, 40, 2, 0, 0, 0], [1, 2, 9, 8, 2, 0]], &device);
    let cut = encode(&text, [[1, 40, 2, 9, 9, 9], [1, 2, 30, 31, 32, 33]], &device);
    assert!(furthest(first, cut) < 1e-6, "the first marker counts");
}

#[test]
fn without_a_causal_mask_everything_is_seen_and_the_first_or_last_position_can_be_pooled() {
    let device = Device::flex();
    device.seed(3);
    let rows = |last| [[1, 7, 49, 0, 0, last], [1, 9, 3, 49, 0, last]];
    for pooling in [TextPooling::First, TextPooling::Last, TextPooling::Argmax] {
        let text = TextTransformerConfig { causal: false, pooling, ..small() }.init(&device).unwrap();
        assert!(furthest(encode(&text, rows(0), &device), encode(&text, rows(5), &device)) > 1e-4, "{pooling:?}");
    }
    let causal = TextTransformerConfig { pooling: TextPooling::First, ..small() }.init(&device).unwrap();
    assert_eq!(furthest(encode(&causal, rows(0), &device), encode(&causal, rows(5), &device)), 0.0);
}

#[test]
#[should_panic(expected = "takes at most 8 tokens, got 9")]
fn a_longer_text_than_the_context_is_refused() {
    let device = Device::flex();
    small().init(&device).unwrap().encode(Tensor::zeros([1, 9], &device), TextMode::Global);
}

#[test]
fn dropout_touches_local_texts_on_a_training_device_only() {
    let (plain, training) = (Device::flex(), Device::flex().autodiff());
    training.seed(4);
    let text = TextTransformerConfig { dropout: 0.5, ..small() }.init(&training).unwrap().materialize();
    let tokens = |device: &Device| Tensor::<2, Int>::from_ints([[1, 7, 49, 0], [1, 9, 3, 49]], device);
    let global = text.encode(tokens(&training), TextMode::Global).inner();
    let local = text.encode(tokens(&training), TextMode::Local).inner();
    assert!(furthest(global.clone(), local.clone()) > 1e-2);
    assert!(furthest(local, text.encode(tokens(&training), TextMode::Local).inner()) > 1e-2, "a new draw each time");
    let evaluated = text.valid();
    assert!(furthest(evaluated.encode(tokens(&plain), TextMode::Local), global) < 1e-6);
}

#[test]
fn the_default_has_the_parameter_count_of_clip_rockets_text_transformer() {
    // Counted there by running it: 37,828,608 in the blocks, 25,296,896 in the token embedding.
    let text = TextTransformerConfig::default().init(&Device::flex()).unwrap();
    assert_eq!(text.transformer.num_params(), 37_828_608);
    assert_eq!(text.tokens.num_params(), 25_296_896);
    let six = TextTransformerConfig::six_layers().init(&Device::flex()).unwrap();
    assert_eq!(2 * six.transformer.num_params(), 37_828_608);
}

#[test]
fn impossible_configurations_are_refused_with_the_value() {
    let device = Device::flex();
    let refused = |config: TextTransformerConfig| config.init(&device).unwrap_err().to_string();
    assert!(refused(TextTransformerConfig { heads: 3, ..small() }).contains("3 heads do not divide the width 16"));
    assert!(refused(TextTransformerConfig { dropout: 1.0, ..small() }).contains("dropout 1"));
    assert!(refused(TextTransformerConfig { drop_path: -0.5, ..small() }).contains("drop_path -0.5"));
    assert!(refused(TextTransformerConfig { mlp_ratio: 0.01, ..small() }).contains("mlp_ratio 0.01"));
    assert!(refused(TextTransformerConfig { context_length: 1, ..small() }).contains("context_length 1"));
    assert!(refused(TextTransformerConfig { pooling: TextPooling::Eot(50), ..small() }).contains("id 50"));
}

#[test]
fn quick_gelu_is_x_times_the_sigmoid_of_1_702_x() {
    let device = Device::flex();
    let x = Tensor::<1>::from_floats([-3.0, -1.0, 0.0, 0.5, 2.0], &device);
    // x / (1 + exp(-1.702 x)) in f64.
    let expected = Tensor::<1>::from_floats([-0.018_069_5, -0.154_209_0, 0.0, 0.350_387_1, 1.935_653_9], &device);
    let difference = (Activation::QuickGelu.forward(x) - expected).abs().max().into_scalar::<f32>();
    assert!(difference < 1e-5, "off by {difference}");
}

#[test]
fn the_tanh_form_of_gelu_differs_from_the_exact_one_in_the_fourth_digit() {
    let device = Device::flex();
    let x = Tensor::<1>::from_floats([-3.0, -1.0, 0.0, 0.5, 2.0], &device);
    // x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) in f64.
    let expected = Tensor::<1>::from_floats([-0.003_637_4, -0.158_808_0, 0.0, 0.345_714_0, 1.954_597_7], &device);
    let tanh = Activation::GeluTanh.forward(x.clone());
    assert!(furthest(tanh.clone().unsqueeze(), expected.unsqueeze()) < 1e-6);
    let apart = furthest(tanh.unsqueeze(), Activation::Gelu.forward(x).unsqueeze());
    assert!((1e-4..1e-3).contains(&apart), "{apart}");
}
