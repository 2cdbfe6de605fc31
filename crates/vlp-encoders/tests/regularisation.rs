//! What is random or remembered while training: stochastic depth, patch dropout, running statistics, teachers.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use vlp_core::{ImageEncoder, TextEncoder, TextMode};
use vlp_encoders::{
    DropPath, MlpHeadConfig, PatchDropout, ResNetConfig, RunningStatistic, SiamLipProjectorConfig,
    TextTransformerConfig, detached_copy,
};

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as().unwrap()
}

fn furthest<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    (a - b).abs().max().into_scalar()
}

#[test]
fn stochastic_depth_drops_whole_samples_and_keeps_the_expectation() {
    let device = Device::flex().autodiff();
    device.seed(1);
    let drop = DropPath::new(0.25);
    let samples = 4000;
    let kept = read(drop.forward(Tensor::<3>::ones([samples, 2, 3], &device)));
    for sample in kept.chunks(6) {
        assert!(sample.iter().all(|&value| value == sample[0]), "a sample is dropped whole: {sample:?}");
        assert!(sample[0] == 0.0 || (sample[0] - 4.0 / 3.0).abs() < 1e-6, "{}", sample[0]);
    }
    let mean = kept.iter().sum::<f32>() / kept.len() as f32;
    // Standard error √(0.25 / 0.75 / 4000) = 0.009; five of them.
    assert!((mean - 1.0).abs() < 0.045, "mean {mean}");
}

#[test]
fn stochastic_depth_rests_on_a_plain_device_and_when_frozen() {
    let (plain, training) = (Device::flex(), Device::flex().autodiff());
    let drop = DropPath::new(0.9);
    assert_eq!(read(drop.forward(Tensor::<2>::ones([50, 1], &plain))), [1.0; 50]);
    assert_eq!(read(drop.freeze().forward(Tensor::<2>::ones([50, 1], &training))), [1.0; 50]);
}

/// `[batch, length, 2]`, every token holding its sample's and its own number.
fn numbered(batch: usize, length: usize, device: &Device) -> Tensor<3> {
    let values: Vec<f32> = (0..batch).flat_map(|n| (0..length).flat_map(move |l| [n as f32, l as f32])).collect();
    Tensor::from_data(TensorData::new(values, [batch, length, 2]), device)
}

#[test]
fn patch_dropout_keeps_prefix_tokens_and_the_right_number_of_each_samples_own_patches() {
    let device = Device::flex().autodiff();
    device.seed(2);
    for (prefix, rate, kept) in [(1, 0.5, 8), (3, 0.9, 1), (0, 0.25, 12)] {
        let (batch, length) = (6, prefix + 16);
        let x = PatchDropout::new(rate).forward(numbered(batch, length, &device), prefix);
        assert_eq!(x.dims(), [batch, prefix + kept, 2]);
        let mut choices = BTreeSet::new();
        for (sample, tokens) in read(x).chunks(2 * (prefix + kept)).enumerate() {
            assert!(tokens.chunks(2).all(|token| token[0] == sample as f32), "tokens of another sample");
            let numbers: Vec<usize> = tokens.chunks(2).map(|token| token[1] as usize).collect();
            assert_eq!(numbers[..prefix], (0..prefix).collect::<Vec<_>>(), "class and register tokens stay in front");
            let patches: BTreeSet<usize> = numbers[prefix..].iter().copied().collect();
            assert_eq!(patches.len(), kept, "no patch twice");
            assert!(patches.iter().all(|patch| (prefix..length).contains(patch)));
            choices.insert(patches);
        }
        assert!(choices.len() > 1, "samples choose for themselves");
    }
}

#[test]
fn texts_drop_paths_in_local_mode_only() {
    let device = Device::flex().autodiff();
    device.seed(6);
    let config = TextTransformerConfig {
        vocab_size: 30,
        context_length: 6,
        width: 8,
        depth: 3,
        heads: 2,
        drop_path: 0.8,
        ..TextTransformerConfig::default()
    };
    let text = config.init(&device).unwrap().materialize();
    let tokens = Tensor::<2, burn::tensor::Int>::from_ints([[1, 5, 29, 0], [2, 3, 4, 29], [9, 8, 7, 29]], &device);
    let global = || text.encode(tokens.clone(), TextMode::Global).inner();
    assert_eq!(read(global()), read(global()));
    let locals: Vec<_> = (0..8).map(|_| text.encode(tokens.clone(), TextMode::Local).inner()).collect();
    assert!(locals.iter().any(|local| furthest(local.clone(), global()) > 1e-2));
}

fn mean(statistic: &RunningStatistic) -> Vec<f32> {
    read(statistic.value())
}

#[test]
fn weak_and_strong_views_have_their_last_running_statistics_apart_and_the_others_in_common() {
    let device = Device::flex().autodiff();
    let config = SiamLipProjectorConfig { hidden: 8, output: 4, last_norm: true };
    let projector = config.init(5, &device).unwrap().materialize();
    let (weak, strong) = (projector.weak_norm.as_ref().unwrap(), projector.strong_norm.as_ref().unwrap());
    let x = || Tensor::<2>::random([16, 5], Distribution::Normal(1.0, 1.0), &device);
    projector.weak(x());
    let shared = mean(&projector.shared.norms[0].running_mean);
    assert!(mean(&weak.running_mean) != [0.0; 4] && mean(&strong.running_mean) == [0.0; 4]);
    let before = mean(&weak.running_mean);
    projector.strong(x());
    assert_ne!(mean(&projector.shared.norms[0].running_mean), shared);
    assert!(mean(&weak.running_mean) == before && mean(&strong.running_mean) != [0.0; 4]);
    let plain = SiamLipProjectorConfig { last_norm: false, ..config }.init(5, &device).unwrap();
    assert!(plain.weak_norm.is_none() && plain.strong_norm.is_none());
}

#[test]
fn a_teacher_begins_equal_and_then_shares_nothing_with_its_student() {
    let device = Device::flex().autodiff();
    let student = MlpHeadConfig::new([6, 6, 4]).init(5, &device).unwrap();
    let teacher = detached_copy(&student);
    let x = Tensor::<2>::random([16, 5], Distribution::Normal(1.0, 1.0), &device);

    let start = mean(&teacher.norms[0].running_mean);
    let learned = student.forward(x.clone());
    assert_ne!(mean(&student.norms[0].running_mean), start);
    assert_eq!(mean(&teacher.norms[0].running_mean), start, "a pass of the student leaves the teacher alone");

    let before = mean(&student.norms[0].running_mean);
    let target = teacher.forward(x);
    assert_eq!(read(learned.clone().inner()), read(target.inner()), "it normalises by the batch, with equal weights");
    assert_ne!(mean(&teacher.norms[0].running_mean), start, "it follows what it sees itself");
    assert_eq!(mean(&student.norms[0].running_mean), before, "and the other way round");

    let gradients = learned.sum().backward();
    assert!(student.layers[0].weight.val().grad(&gradients).is_some());
    let ids = |module: &vlp_encoders::MlpHead| {
        let mut reader = Ids::default();
        module.visit(&mut reader);
        reader
    };
    let (student, teacher) = (ids(&student), ids(&teacher));
    assert!(teacher.learning == 0 && student.learning > 0);
    assert_eq!(student.ids.len(), teacher.ids.len());
    assert!(student.ids.is_disjoint(&teacher.ids), "statistics included: whoever keeps buffers by id mixes none up");
}

/// Ids of all float parameters, and how many of them ask for a gradient.
#[derive(Default)]
struct Ids {
    ids: BTreeSet<u64>,
    learning: usize,
}

impl ModuleVisitor for Ids {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.ids.insert(param.id.val());
        self.learning += usize::from(param.val().is_require_grad());
    }
}

#[test]
fn a_clone_has_running_statistics_of_its_own_and_visitors_see_the_newest() {
    let device = Device::flex().autodiff();
    let resnet = ResNetConfig { layers: [1; 4], channels: [4; 4], ..Default::default() }.init(&device).unwrap();
    let clone = resnet.clone();
    clone.encode(Tensor::random([2, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device));
    assert_eq!(mean(&resnet.norm_1.running_mean), [0.0; 64]);
    let moved = mean(&clone.norm_1.running_mean);
    assert_ne!(moved, [0.0; 64]);
    let loaded = resnet.load_record(clone.into_record());
    assert_eq!(mean(&loaded.norm_1.running_mean), moved, "a record holds the newest statistics");
}
