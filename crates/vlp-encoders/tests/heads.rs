//! Projection heads and batch normalisation.

use approx::assert_relative_eq;
use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use vlp_encoders::{BatchNorm, ProjectionConfig};

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
}
