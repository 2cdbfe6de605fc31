//! Projection heads and batch normalisation.

use approx::assert_relative_eq;
use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use vlp_encoders::{
    Activation, BatchNorm, DinoHeadConfig, LastNorm, MlpHeadConfig, ProjectionConfig, SiamLipProjectorConfig,
    parameter_count,
};

#[test]
fn batch_norm_follows_pytorch_in_output_and_running_statistics() {
    let device = Device::flex().autodiff();
    let norm = BatchNorm::new(2, &device);
    let x = Tensor::<2>::from_floats([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]], &device);
    let output = norm.forward(x).inner();
    // Means 3 and 20, biased variances 14/3 and 200/3, unbiased 7 and 100; momentum 0.1 from 0 and 1.
    let std = [(14.0f32 / 3.0 + 1e-5).sqrt(), (200.0f32 / 3.0 + 1e-5).sqrt()];
    let expected = [[-2.0 / std[0], -10.0 / std[1]], [-1.0 / std[0], 10.0 / std[1]], [3.0 / std[0], 0.0]];
    let difference = (output - Tensor::from_floats(expected, &Device::flex())).abs().max().into_scalar::<f32>();
    assert!(difference < 1e-5, "off by {difference}");
    let statistics = |value: Tensor<1>| value.into_data().try_into_vec_as::<f32>().unwrap();
    let (mean, var) = (statistics(norm.running_mean.value()), statistics(norm.running_var.value()));
    assert_relative_eq!(mean[..], [0.3, 2.0][..], max_relative = 1e-5);
    assert_relative_eq!(var[..], [1.6, 10.9][..], max_relative = 1e-5);
}

#[test]
fn on_a_plain_device_batch_norm_uses_the_running_statistics_and_leaves_them_alone() {
    let device = Device::flex().autodiff();
    let norm = BatchNorm::new(1, &device);
    norm.forward(Tensor::<2>::from_floats([[1.0], [3.0]], &device));
    let evaluated = norm.valid();
    let x = Tensor::<2>::from_floats([[0.2]], &Device::flex());
    // Mean 0.2 after one step, variance 0.9 + 0.1 * 2 = 1.1.
    let output = evaluated.forward(x.clone()).into_scalar::<f32>();
    assert!(output.abs() < 1e-5, "{output}");
    assert_eq!(evaluated.forward(x).into_scalar::<f32>(), output);
}

#[test]
#[should_panic(expected = "at least 2 rows while training, got 1")]
fn one_row_has_no_variance() {
    let device = Device::flex().autodiff();
    BatchNorm::new(1, &device).forward(Tensor::<2>::zeros([1, 1], &device));
}

#[test]
fn heads_have_the_reference_sizes() {
    let device = Device::flex();
    let linear = ProjectionConfig::Linear.init([384, 256], &device).unwrap();
    assert_eq!(linear.num_params(), 384 * 256);
    let mlp = ProjectionConfig::Mlp { hidden: 4096 }.init([512, 256], &device).unwrap();
    // Three linear layers with bias; two batch norms with scale, shift and two running statistics each.
    let layers = 512 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 256 + 256;
    assert_eq!(mlp.num_params(), layers + 2 * 4 * 4096);
}

#[test]
fn methods_have_the_parameter_counts_of_clip_rockets_code() {
    let device = Device::flex();
    // CLIP-rocket with ResNet-50; BarLIP and SiamLIP add a projector, and SiamLIP a predictor, per modality.
    let rocket = 133_516_354;
    let mlp = |config: MlpHeadConfig, input| parameter_count(&config.init(input, &device).unwrap());
    let barlip: usize = [2048, 512].map(|input| mlp(MlpHeadConfig::barlip(), input)).iter().sum();
    assert_eq!(rocket + barlip, 208_433_506);
    let projector = |input| parameter_count(&SiamLipProjectorConfig::default().init(input, &device).unwrap());
    let predictor = mlp(MlpHeadConfig::siamlip_predictor(), 128);
    assert_eq!(rocket + projector(2048) + projector(512) + 2 * predictor, 140_348_738);
}

#[test]
fn published_heads_have_their_published_widths() {
    let widths = |config: MlpHeadConfig| config.widths;
    assert_eq!(widths(MlpHeadConfig::slip()), [4096, 4096, 256]);
    assert_eq!(widths(MlpHeadConfig::swalip_v1()), [2048, 128]);
    assert_eq!(widths(MlpHeadConfig::nclip(Activation::Relu)), [4096, 4096, 32_768]);
    assert_eq!(widths(MlpHeadConfig::moco_v3_projector(2)), [4096, 256]);
    assert_eq!(widths(MlpHeadConfig::moco_v3_projector(3)), [4096, 4096, 256]);
    assert_eq!(widths(MlpHeadConfig::moco_v3_predictor(LastNorm::None)), [4096, 256]);
}

#[test]
fn frozen_batch_norm_uses_its_running_statistics_and_leaves_them_alone() {
    let device = Device::flex().autodiff();
    let norm = BatchNorm::new(1, &device).freeze();
    let x = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
    let output = norm.forward(x).into_data().try_into_vec_as::<f32>().unwrap();
    assert_relative_eq!(output[..], [1.0, 3.0][..], max_relative = 1e-4);
    assert_eq!(norm.running_mean.value().into_scalar::<f32>(), 0.0);
}

#[test]
fn batch_norm_of_pictures_counts_every_pixel_as_a_row() {
    let device = Device::flex().autodiff();
    let (flat, picture) = (BatchNorm::new(2, &device), BatchNorm::plain(2, &device));
    let x = Tensor::<4>::random([3, 2, 4, 5], Distribution::Normal(2.0, 3.0), &device);
    let rows = x.clone().permute([0, 2, 3, 1]).reshape([60, 2]);
    let expected = flat.forward(rows).reshape([3, 4, 5, 2]).permute([0, 3, 1, 2]);
    let difference = (picture.forward(x) - expected).abs().max().into_scalar::<f32>();
    assert!(difference < 1e-5, "off by {difference}");
    let statistics = |norm: &BatchNorm| norm.running_var.value().into_data().try_into_vec_as::<f32>().unwrap();
    assert_relative_eq!(statistics(&flat)[..], statistics(&picture)[..], max_relative = 1e-5);
}

#[test]
fn an_mlp_head_is_scale_free_in_its_input_thanks_to_batch_norm() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let head = ProjectionConfig::Mlp { hidden: 8 }.init([4, 3], &device).unwrap();
    let x = Tensor::<2>::random([16, 4], Distribution::Normal(0.0, 1.0), &device);
    let (plain, scaled) = (head.forward(x.clone() * 10.0).inner(), head.forward(x * 1000.0).inner());
    let difference = (plain - scaled).abs().max().into_scalar::<f32>();
    assert!(difference < 1e-3, "off by {difference}");
}

#[test]
fn a_head_without_units_is_refused() {
    let device = Device::flex();
    for (config, shape) in [(ProjectionConfig::Linear, [0, 4]), (ProjectionConfig::Mlp { hidden: 0 }, [4, 4])] {
        assert!(config.init(shape, &device).unwrap_err().to_string().contains("without units"));
    }
    let refused = ProjectionConfig::Identity.init([48, 24], &device).unwrap_err().to_string();
    assert!(refused.contains("48 columns into 24"), "{refused}");
    assert!(MlpHeadConfig::new([]).init(4, &device).unwrap_err().to_string().contains("[] behind 4 columns"));
    let dino = DinoHeadConfig { output: 0, ..Default::default() };
    assert!(dino.init(4, &device).unwrap_err().to_string().contains("0 prototypes"));
}
