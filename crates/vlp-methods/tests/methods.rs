//! CLIP and CLIP-rocket as methods: what they compare, what learns, what happens after an update.

use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp_core::{Embedder, Features, Method, PairBatch, StepContext, View};
use vlp_encoders::{
    ImagePooling, ProjectionConfig, StemConfig, TextTransformer, TextTransformerConfig, Vit, VitConfig,
};
use vlp_methods::{ClipConfig, ClipFeatures, ClipRocket, ClipRocketConfig, ViewVectors};

const BATCH: usize = 4;

fn encoders(device: &Device) -> (Vit, TextTransformer) {
    device.seed(11);
    let stem = StemConfig::Patch { size: 8 };
    let pooling = ImagePooling::Mean;
    let image = VitConfig { image_size: 16, stem, width: 12, depth: 1, heads: 2, pooling, ..Default::default() };
    let text =
        TextTransformerConfig { vocab_size: 30, context_length: 6, width: 8, depth: 1, heads: 2, ..Default::default() };
    (image.init(device).unwrap(), text.init(device).unwrap())
}

fn rocket(device: &Device, strong_head: Option<ProjectionConfig>) -> ClipRocket<Vit, TextTransformer> {
    let (image, text) = encoders(device);
    ClipRocketConfig { embed_dim: 8, strong_head, ..Default::default() }
        .init(image, text, device)
        .unwrap()
        .materialize()
}

fn batch(views: usize, device: &Device) -> PairBatch {
    let view = || View {
        images: Tensor::random([BATCH, 3, 16, 16], Distribution::Normal(0.0, 1.0), device),
        tokens: Tensor::<2, Int>::random([BATCH, 6], Distribution::Uniform(0.0, 30.0), device),
    };
    PairBatch::new(view(), (0..views).map(|_| view()).collect())
}

#[test]
fn features_survive_the_way_through_plain_tensors_in_order() {
    let device = Device::flex();
    let tensor = |value: f32| Tensor::<2>::full([1, 1], value, &device);
    for views in 0..3 {
        let tensors: Vec<_> = (0..2 + 2 * views).map(|index| tensor(index as f32)).collect();
        let features = ViewVectors::from_tensors(tensors);
        assert_eq!((features.strong_images.len(), features.strong_texts.len()), (views, views));
        let back: Vec<f32> = features.into_tensors().into_iter().map(|t| t.into_scalar::<f32>()).collect();
        assert_eq!(back, (0..2 + 2 * views).map(|index| index as f32).collect::<Vec<_>>());
    }
    let features = ClipFeatures::from_tensors(vec![tensor(0.0), tensor(1.0)]);
    assert_eq!(features.image.into_scalar::<f32>(), 0.0);
}

#[test]
fn clip_rocket_with_shared_heads_and_no_strong_view_is_clip() {
    let device = Device::flex().autodiff();
    let rocket = rocket(&device, None);
    let (image, text) = encoders(&device);
    let clip = ClipConfig { embed_dim: 8, ..Default::default() }.init(image, text, &device).unwrap();
    let clip = clip.materialize().load_record_of(&rocket);
    let (pairs, ctx) = (batch(0, &device), StepContext::new(0, 0, 1));
    let a = rocket.objective(rocket.encode(pairs.clone(), &ctx), &ctx).loss.into_scalar::<f32>();
    let b = clip.objective(clip.encode(pairs, &ctx), &ctx).loss.into_scalar::<f32>();
    assert_eq!(a, b);
}

/// CLIP's parameters have the paths of CLIP-rocket's shared ones.
trait LoadRecordOf: Module + Sized {
    fn load_record_of(self, other: &impl Module) -> Self {
        self.load_record(other.clone().into_record())
    }
}
impl<M: Module> LoadRecordOf for M {}

#[test]
fn every_parameter_of_clip_rocket_learns_from_two_strong_views() {
    let device = Device::flex().autodiff();
    let method = rocket(&device, Some(ProjectionConfig::Mlp { hidden: 16 }));
    let ctx = StepContext::new(0, 0, 1);
    let output = method.objective(method.encode(batch(2, &device), &ctx), &ctx);
    let names: Vec<_> = output.terms.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["accuracy", "weak_loss", "scale", "strong_loss", "strong_accuracy", "strong_scale"]);
    let gradients = GradientsParams::from_grads(output.loss.backward(), &method);
    let tensors = Counter::of(&method);
    assert_eq!(gradients.len(), tensors, "gradients for every parameter that is no running statistic");
}

/// Counts parameters that require gradients.
struct Counter(usize);

impl Counter {
    fn of(method: &impl Module) -> usize {
        let mut counter = Counter(0);
        method.visit(&mut counter);
        counter.0
    }
}

impl burn::module::ModuleVisitor for Counter {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        self.0 += usize::from(param.val().is_require_grad());
    }
}

#[test]
fn both_scales_are_clamped_after_an_update() {
    let device = Device::flex().autodiff();
    let mut method = rocket(&device, Some(ProjectionConfig::Linear));
    let ctx = StepContext::new(0, 0, 1);
    let output = method.objective(method.encode(batch(1, &device), &ctx), &ctx);
    let gradients = GradientsParams::from_grads(output.loss.backward(), &method);
    // A step far beyond either bound.
    method = SgdConfig::new().init().step(1e6, method, gradients).after_update(&ctx);
    let strong = method.strong.as_ref().expect("strong heads");
    for scale in [method.scale.scale(), strong.scale.scale()] {
        let scale = scale.into_scalar::<f32>();
        assert!((1.0 - 1e-4..=100.0 + 1e-3).contains(&scale), "{scale}");
    }
}

#[test]
fn evaluation_sees_both_heads_and_leaves_no_trace() {
    let device = Device::flex().autodiff();
    let method = rocket(&device, Some(ProjectionConfig::Mlp { hidden: 16 })).valid();
    let plain = Device::flex();
    let images = Tensor::<4>::random([2, 3, 16, 16], Distribution::Normal(0.0, 1.0), &plain);
    let first = method.embed_images(images.clone());
    let again = method.embed_images(images);
    let strong = first.strong.expect("a strong head");
    assert_eq!((first.weak.dims(), strong.dims()), ([2, 8], [2, 8]));
    let moved = (strong - again.strong.expect("a strong head")).abs().max().into_scalar::<f32>();
    assert_eq!(moved, 0.0);
}
