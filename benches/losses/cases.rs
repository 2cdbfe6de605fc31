//! Every loss with the sizes at which it is measured. A further size is one more line.
//!
//! Longer than most files since the table and what it names belong together.

use std::hint::black_box;

use burn::module::Param;
use burn::tensor::Tensor;
use vlp::losses::{
    BarLipConfig, BarlowTwinsConfig, CaptioningConfig, ClipRocketLossConfig, ClusterConfig, CyClipConfig, DclConfig,
    DinoConfig, DistillationConfig, FilipConfig, InfoLoobConfig, InfoNceConfig, Logits, MocoV3Config,
    NegativeCosineConfig, NtXentConfig, Prototypes, SiamLipConfig, SiamLipView, SigmoidConfig, SwaLipConfig,
    SwaLipV1Config, SwavConfig, VicRegConfig, XClipConfig,
};

use crate::common::{Case, Inputs, Objective, Sizes, size};

const SMALL: &Sizes = &[("batch", 12), ("dim", 16)];
const PAIRS: &[&Sizes] =
    &[&[("batch", 256), ("dim", 256)], &[("batch", 1024), ("dim", 512)], &[("batch", 4096), ("dim", 512)]];
/// Where the similarities are never held whole: their matrix would take 4 GiB.
const LEAN: &[&Sizes] = &[
    &[("batch", 256), ("dim", 256)],
    &[("batch", 1024), ("dim", 512)],
    &[("batch", 2048), ("dim", 512)],
    &[("batch", 4096), ("dim", 512)],
    &[("batch", 32768), ("dim", 256)],
];
/// The same losses with the matrix held whole, for comparison.
const WHOLE: &[&Sizes] = &[
    &[("batch", 256), ("dim", 256)],
    &[("batch", 1024), ("dim", 512)],
    &[("batch", 2048), ("dim", 512)],
    &[("batch", 4096), ("dim", 512)],
];
/// Losses of many view pairs.
const VIEWS: &[&Sizes] = &[&[("batch", 256), ("dim", 256)], &[("batch", 1024), ("dim", 512)]];
/// Losses on the correlation of dimensions; the papers' projectors are 2048 to 8192 wide.
const DIMENSIONS: &[&Sizes] =
    &[&[("batch", 256), ("dim", 2048)], &[("batch", 1024), ("dim", 2048)], &[("batch", 4096), ("dim", 512)]];

pub(crate) const LOSSES: &[Case] = &[
    Case { name: "info_nce", build: info_nce, check: SMALL, sizes: LEAN },
    Case { name: "info_nce_whole", build: info_nce_whole, check: SMALL, sizes: WHOLE },
    Case { name: "sigmoid", build: sigmoid, check: SMALL, sizes: LEAN },
    Case { name: "sigmoid_whole", build: sigmoid_whole, check: SMALL, sizes: WHOLE },
    Case { name: "clip_rocket", build: clip_rocket, check: SMALL, sizes: VIEWS },
    Case { name: "cyclip", build: cyclip, check: SMALL, sizes: PAIRS },
    Case { name: "info_loob", build: info_loob, check: SMALL, sizes: PAIRS },
    Case { name: "cloob", build: cloob, check: SMALL, sizes: PAIRS },
    Case { name: "distillation", build: distillation, check: SMALL, sizes: PAIRS },
    Case { name: "moco_v3", build: moco_v3, check: SMALL, sizes: PAIRS },
    Case { name: "nt_xent", build: nt_xent, check: SMALL, sizes: PAIRS },
    Case { name: "dcl", build: dcl, check: SMALL, sizes: PAIRS },
    Case { name: "dclw", build: dclw, check: SMALL, sizes: PAIRS },
    Case { name: "negative_cosine", build: negative_cosine, check: SMALL, sizes: PAIRS },
    Case { name: "siamlip", build: siamlip, check: SMALL, sizes: PAIRS },
    Case { name: "barlow_twins", build: barlow_twins, check: SMALL, sizes: DIMENSIONS },
    Case { name: "vicreg", build: vicreg, check: SMALL, sizes: DIMENSIONS },
    Case { name: "barlip", build: barlip, check: SMALL, sizes: DIMENSIONS },
    Case { name: "swalip", build: swalip, check: SMALL, sizes: VIEWS },
    Case {
        name: "swalip_v1",
        build: swalip_v1,
        check: &[("batch", 12), ("dim", 16), ("prototypes", 10)],
        sizes: &[
            &[("batch", 256), ("dim", 128), ("prototypes", 3000)],
            &[("batch", 1024), ("dim", 128), ("prototypes", 3000)],
            &[("batch", 4096), ("dim", 128), ("prototypes", 3000)],
        ],
    },
    Case {
        name: "swav",
        build: swav,
        check: &[("batch", 12), ("prototypes", 10), ("views", 4)],
        sizes: &[
            &[("batch", 256), ("prototypes", 3000), ("views", 8)],
            &[("batch", 1024), ("prototypes", 3000), ("views", 4)],
        ],
    },
    Case {
        name: "dino",
        build: dino,
        check: &[("batch", 12), ("units", 10), ("views", 4)],
        sizes: &[&[("batch", 256), ("units", 4096), ("views", 8)], &[("batch", 32), ("units", 65536), ("views", 4)]],
    },
    Case {
        name: "cluster",
        build: cluster,
        check: &[("batch", 12), ("units", 10)],
        sizes: &[
            &[("batch", 256), ("units", 4096)],
            &[("batch", 1024), ("units", 4096)],
            &[("batch", 128), ("units", 32768)],
        ],
    },
    Case {
        name: "xclip",
        build: xclip,
        check: &[("batch", 12), ("dim", 16), ("units", 10)],
        sizes: &[&[("batch", 1024), ("dim", 512), ("units", 4096)], &[("batch", 128), ("dim", 512), ("units", 32768)]],
    },
    Case {
        name: "filip",
        build: filip,
        check: &[("batch", 4), ("image_tokens", 3), ("text_tokens", 6), ("dim", 8)],
        sizes: &[
            &[("batch", 32), ("image_tokens", 49), ("text_tokens", 32), ("dim", 256)],
            &[("batch", 128), ("image_tokens", 49), ("text_tokens", 32), ("dim", 256)],
        ],
    },
    Case {
        name: "captioning",
        build: captioning,
        check: &[("batch", 4), ("length", 6), ("vocabulary", 11)],
        sizes: &[
            &[("batch", 32), ("length", 32), ("vocabulary", 4096)],
            &[("batch", 8), ("length", 77), ("vocabulary", 49408)],
        ],
    },
];

fn shape(sizes: &Sizes) -> [usize; 2] {
    [size(sizes, "batch"), size(sizes, "dim")]
}

fn pair(sizes: &Sizes, inputs: &mut Inputs) -> [Tensor<2>; 2] {
    [inputs.vectors(shape(sizes)), inputs.vectors(shape(sizes))]
}

fn info_nce(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    info_nce_with(Logits::Chunked, sizes, inputs)
}

fn info_nce_whole(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    info_nce_with(Logits::Whole, sizes, inputs)
}

fn info_nce_with(logits: Logits, sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = InfoNceConfig { logits, ..Default::default() }.init().unwrap();
    let ([a, b], scale) = (pair(sizes, inputs), inputs.scale());
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), scale.clone(), ctx).loss())
}

fn sigmoid(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    sigmoid_with(Logits::Chunked, sizes, inputs)
}

fn sigmoid_whole(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    sigmoid_with(Logits::Whole, sizes, inputs)
}

fn sigmoid_with(logits: Logits, sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = SigmoidConfig { logits, ..Default::default() }.init(inputs.device()).unwrap();
    let [a, b] = pair(sizes, inputs);
    inputs.learning(&loss.scale.log_scale.val());
    inputs.learning(&loss.bias.val());
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

/// One weak and two strong views.
fn clip_rocket(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = ClipRocketLossConfig::default().init().unwrap();
    let (weak, images, texts) = (pair(sizes, inputs), pair(sizes, inputs), pair(sizes, inputs));
    let scales = [inputs.scale(), inputs.scale()];
    Box::new(move |ctx| loss.forward(weak.clone(), [&images, &texts], scales.clone(), ctx).loss)
}

fn cyclip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b], scale) = (CyClipConfig::default().init().unwrap(), pair(sizes, inputs), inputs.scale());
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), scale.clone(), ctx).loss)
}

fn info_loob(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (InfoLoobConfig::default().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

fn cloob(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (InfoLoobConfig::cloob().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

/// With InfoNCE, as open_clip's class returns both.
fn distillation(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (contrast, loss) = (InfoNceConfig::default().init().unwrap(), DistillationConfig::default().init().unwrap());
    let (student, scale) = (pair(sizes, inputs), inputs.scale());
    let teacher = [inputs.constant(shape(sizes)), inputs.constant(shape(sizes))];
    let teacher_scale = Tensor::full([1], 1.0 / 0.07, inputs.device());
    Box::new(move |ctx| {
        let ([a, b], scales) = (student.clone(), [scale.clone(), teacher_scale.clone()]);
        contrast.forward(a, b, scale.clone(), ctx).loss() + loss.forward(student.clone(), teacher.clone(), scales, ctx)
    })
}

fn moco_v3(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, queries) = (MocoV3Config::default().init().unwrap(), pair(sizes, inputs));
    let keys = [inputs.constant(shape(sizes)), inputs.constant(shape(sizes))];
    Box::new(move |ctx| loss.forward(queries.clone(), keys.clone(), ctx))
}

fn nt_xent(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (NtXentConfig::default().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

fn dcl(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (DclConfig::default().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

fn dclw(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (DclConfig::weighted().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

fn negative_cosine(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = NegativeCosineConfig::default().init().unwrap();
    let (predictions, targets) = (inputs.vectors(shape(sizes)), inputs.constant(shape(sizes)));
    Box::new(move |_| loss.forward(predictions.clone(), targets.clone()))
}

/// One weak and two strong views.
fn siamlip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = SiamLipConfig::default().init().unwrap();
    let mut view = || SiamLipView {
        predictions: pair(sizes, inputs),
        targets: [inputs.constant(shape(sizes)), inputs.constant(shape(sizes))],
    };
    let (weak, strong) = (view(), [view(), view()]);
    Box::new(move |_| loss.forward(weak.clone(), &strong))
}

fn barlow_twins(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (BarlowTwinsConfig::default().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx))
}

fn vicreg(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [a, b]) = (VicRegConfig::default().init().unwrap(), pair(sizes, inputs));
    Box::new(move |ctx| loss.forward(a.clone(), b.clone(), ctx).loss)
}

/// One weak and one strong view.
fn barlip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, weak) = (BarLipConfig::default().init().unwrap(), pair(sizes, inputs));
    let (images, texts) = ([inputs.vectors(shape(sizes))], [inputs.vectors(shape(sizes))]);
    Box::new(move |ctx| loss.forward(weak.clone(), [&images, &texts], ctx))
}

fn swalip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = SwaLipConfig::default().init().unwrap();
    let (images, texts, scale) = (pair(sizes, inputs), pair(sizes, inputs), inputs.scale());
    Box::new(move |ctx| loss.forward([&images, &texts], scale.clone(), ctx))
}

/// With its prototypes.
fn swalip_v1(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, [image, text]) = (SwaLipV1Config::default().init().unwrap(), pair(sizes, inputs));
    let weight = inputs.constant([size(sizes, "prototypes"), size(sizes, "dim")]);
    let prototypes = Prototypes { weight: Param::from_tensor(weight) };
    inputs.learning(&prototypes.weight.val());
    let scale = inputs.scale();
    Box::new(move |ctx| {
        let scores = [&image, &text].map(|vectors| prototypes.forward(vectors.clone()));
        loss.forward(scores, None, scale.clone(), ctx)
    })
}

/// Two global views, the rest local.
fn swav(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, shape) = (SwavConfig::default().init().unwrap(), [size(sizes, "batch"), size(sizes, "prototypes")]);
    let views: Vec<_> = (0..size(sizes, "views")).map(|_| inputs.vectors(shape)).collect();
    Box::new(move |ctx| loss.forward(&views[..2], &views[2..], &[], ctx))
}

/// Two global views, the rest local; with the next centre, which lightly's class computes too.
fn dino(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let (loss, shape @ [_, units]) =
        (DinoConfig::default().init().unwrap(), [size(sizes, "batch"), size(sizes, "units")]);
    let views: Vec<_> = (0..size(sizes, "views")).map(|_| inputs.vectors(shape)).collect();
    let (teacher, center) = ([inputs.constant(shape), inputs.constant(shape)], inputs.constant([1, units]));
    Box::new(move |ctx| {
        black_box(loss.next_center(center.clone(), &teacher, ctx));
        loss.forward(&teacher, &views, center.clone(), ctx)
    })
}

/// Both entropies count, so that each side computes all three terms.
fn cluster(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = ClusterConfig { sharpness_weight: 0.5, ..ClusterConfig::default() }.init().unwrap();
    let shape = [size(sizes, "batch"), size(sizes, "units")];
    let scores = [inputs.vectors(shape), inputs.vectors(shape)];
    Box::new(move |ctx| loss.forward(scores.clone(), ctx).loss)
}

fn xclip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let cluster = ClusterConfig { sharpness_weight: 0.5, ..ClusterConfig::default() };
    let loss = XClipConfig { cluster, ..XClipConfig::default() }.init().unwrap();
    let (vectors, shape) = (pair(sizes, inputs), [size(sizes, "batch"), size(sizes, "units")]);
    let (scores, scale) = ([inputs.vectors(shape), inputs.vectors(shape)], inputs.scale());
    Box::new(move |ctx| loss.forward(vectors.clone(), scores.clone(), scale.clone(), ctx).loss)
}

fn filip(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let ([batch, dim], loss) = (shape(sizes), FilipConfig::default().init().unwrap());
    let image = inputs.vectors([batch, size(sizes, "image_tokens"), dim]);
    let text = inputs.vectors([batch, size(sizes, "text_tokens"), dim]);
    let present = inputs.tokens([batch, size(sizes, "text_tokens")], 2).greater_elem(0);
    let scale = inputs.scale();
    Box::new(move |ctx| loss.forward(image.clone(), text.clone(), present.clone(), scale.clone(), ctx))
}

fn captioning(sizes: &Sizes, inputs: &mut Inputs) -> Objective {
    let loss = CaptioningConfig::default().init().unwrap();
    let [batch, length, vocabulary] = ["batch", "length", "vocabulary"].map(|name| size(sizes, name));
    let (logits, tokens) = (inputs.vectors([batch, length, vocabulary]), inputs.tokens([batch, length], vocabulary));
    Box::new(move |ctx| loss.forward(logits.clone(), tokens.clone(), ctx))
}
