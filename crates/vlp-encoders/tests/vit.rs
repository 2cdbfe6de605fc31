//! The vision transformer: shapes, sizes, gradients, what it refuses.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Gradients, Tensor};
use vlp_core::ImageEncoder;
use vlp_encoders::{Activation, EncoderError, ImagePooling, StemConfig, VitConfig};

fn small(stem: StemConfig, pooling: ImagePooling) -> VitConfig {
    let activation = Activation::Gelu;
    VitConfig { image_size: 32, stem, width: 24, depth: 2, heads: 3, pooling, activation, ..VitConfig::default() }
}

fn stems() -> [StemConfig; 2] {
    [StemConfig::Patch { size: 8 }, StemConfig::Conv { channels: vec![6, 12, 16] }]
}

/// Names of float parameters without a gradient.
struct WithoutGradient<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<String>,
}

impl ModuleVisitor for WithoutGradient<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        if !path.contains("running_") && param.val().grad(self.gradients).is_none() {
            self.found.push(path);
        }
    }
}

#[test]
fn every_stem_and_pooling_gives_one_finite_vector_a_picture_and_every_parameter_a_gradient() {
    let device = Device::flex().autodiff();
    device.seed(1);
    let poolings = [ImagePooling::Class, ImagePooling::Mean, ImagePooling::PatchMean, ImagePooling::Map];
    for (stem, pooling) in stems().into_iter().flat_map(|stem| poolings.map(|pooling| (stem.clone(), pooling))) {
        let vit = VitConfig { registers: 2, pre_norm: true, layer_scale: Some(0.5), ..small(stem.clone(), pooling) };
        let vit = vit.init(&device).unwrap();
        let images = Tensor::random([2, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let vectors = vit.encode(images);
        assert_eq!(vectors.dims(), [2, vit.width()]);
        assert!(vectors.clone().is_finite().all().into_scalar::<bool>());
        // Not the plain sum: the last layer normalisation makes that one constant.
        let gradients = vectors.powi_scalar(2).slice([0..2, 0..7]).sum().backward();
        let mut visitor = WithoutGradient { gradients: &gradients, path: vec![], found: vec![] };
        vit.visit(&mut visitor);
        assert!(visitor.found.is_empty(), "{stem:?}, {pooling:?}: no gradient for {:?}", visitor.found);
    }
}

#[test]
fn pictures_are_encoded_independently_of_the_batch_they_are_in() {
    let device = Device::flex();
    device.seed(2);
    for stem in stems() {
        let vit = small(stem, ImagePooling::Class).init(&device).unwrap();
        let images = Tensor::random([3, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let alone = vit.encode(images.clone().slice([1..2]));
        let together = vit.encode(images).slice([1..2]);
        assert!((alone - together).abs().max().into_scalar::<f32>() < 1e-5);
    }
}

#[test]
fn a_patch_stem_cuts_patches_row_by_row_as_a_convolution_of_stride_equal_to_its_kernel() {
    let device = Device::flex();
    device.seed(3);
    let VitConfig { stem, .. } = small(StemConfig::Patch { size: 8 }, ImagePooling::Mean);
    let vit = VitConfig { stem, ..small(StemConfig::Patch { size: 8 }, ImagePooling::Mean) }.init(&device).unwrap();
    let vlp_encoders::Stem::Patch(stem) = &vit.stem else { panic!("a patch stem") };
    let images = Tensor::<4>::random([2, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
    let kernel = stem.projection.weight.val().swap_dims(0, 1).reshape([24, 3, 8, 8]);
    let bias = stem.projection.bias.as_ref().map(|bias| bias.val());
    let options = burn::tensor::ops::ConvOptions::new([8, 8], [0, 0], [1, 1], 1);
    let convolved = burn::tensor::module::conv2d(images.clone(), kernel, bias, options);
    let expected = convolved.flatten::<3>(2, 3).swap_dims(1, 2);
    assert!((vit.stem.forward(images) - expected).abs().max().into_scalar::<f32>() < 1e-5);
}

#[test]
fn the_default_has_the_parameter_count_of_clip_rockets_vit_s_16() {
    // 21,665,664: methods of the reference, counted there by running it.
    let vit = VitConfig::default().init(&Device::flex()).unwrap();
    assert_eq!(vit.num_params(), 21_665_664);
}

#[test]
fn impossible_configurations_are_refused_with_the_value() {
    let base = small(StemConfig::Patch { size: 8 }, ImagePooling::Mean);
    let cases = [
        (VitConfig { heads: 5, ..base.clone() }, "5 heads do not divide the width 24"),
        (VitConfig { image_size: 30, ..base.clone() }, "image_size 30"),
        (VitConfig { depth: 0, ..base.clone() }, "depth 0"),
        (VitConfig { mlp_ratio: 0.0, ..base.clone() }, "mlp_ratio 0"),
        (VitConfig { norm_eps: 0.0, ..base.clone() }, "norm_eps 0"),
        (VitConfig { drop_path: 1.0, ..base.clone() }, "drop_path 1"),
        (VitConfig { patch_dropout: -0.1, ..base.clone() }, "patch_dropout -0.1"),
        (VitConfig { layer_scale: Some(f64::NAN), ..base.clone() }, "layer_scale NaN"),
        (VitConfig { pooling: ImagePooling::Map, norm_after_pool: true, ..base.clone() }, "norm_after_pool"),
        (VitConfig { crop_border: true, ..small(stems()[1].clone(), ImagePooling::Mean) }, "crop_border"),
        (VitConfig { stem: StemConfig::Patch { size: 0 }, ..base.clone() }, "patch size 0"),
        (VitConfig { stem: StemConfig::Conv { channels: vec![] }, ..base.clone() }, "at least one convolution"),
    ];
    for (config, sentence) in cases {
        let EncoderError::Config { problem, .. } = config.init(&Device::flex()).unwrap_err() else {
            panic!("another kind of error");
        };
        assert!(problem.contains(sentence), "{problem}");
    }
}

#[test]
fn pixels_beyond_the_last_whole_patch_count_only_where_the_configuration_says_so() {
    let device = Device::flex();
    device.seed(4);
    let config = VitConfig { crop_border: true, image_size: 35, ..small(stems()[0].clone(), ImagePooling::Class) };
    let vit = config.init(&device).unwrap();
    let images = Tensor::<4>::random([1, 3, 35, 35], Distribution::Normal(0.0, 1.0), &device);
    let border = images.clone().slice_assign([0..1, 0..3, 32..35, 0..35], Tensor::ones([1, 3, 3, 35], &device));
    let inside = images.clone().slice_assign([0..1, 0..3, 31..32, 0..35], Tensor::ones([1, 3, 1, 35], &device));
    let furthest = |a: Tensor<4>, b: Tensor<4>| (vit.encode(a) - vit.encode(b)).abs().max().into_scalar::<f32>();
    assert_eq!(furthest(images.clone(), border), 0.0);
    assert!(furthest(images, inside) > 1e-4);
}

#[test]
#[should_panic(expected = "takes 3 x 32 x 32 pictures, got 3 x 16 x 16")]
fn a_picture_of_another_size_is_refused_with_both_sizes() {
    let device = Device::flex();
    let vit = small(StemConfig::Patch { size: 8 }, ImagePooling::Mean).init(&device).unwrap();
    vit.encode(Tensor::zeros([1, 3, 16, 16], &device));
}
