//! Every loss as a function of matrices, so that what must hold for all of them is tested for all of them.

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use vlp_core::{PairLoss, StepContext};
use vlp_losses::{
    BarLipConfig, BarlowTwinsConfig, CaptioningConfig, ClipLossConfig, ClipRocketLossConfig, ClusterConfig,
    CyClipConfig, DclConfig, DinoConfig, DistillationConfig, FilipConfig, InfoLoobConfig, InfoNceConfig, KeyGradients,
    MocoV3Config, NegativeCosineConfig, NtXentConfig, SiamLipConfig, SiamLipView, SigmoidConfig, SlipConfig,
    Smoothness, SwaLipConfig, SwaLipV1Config, SwavConfig, VicRegConfig, XClipConfig,
};

/// Image tokens and text tokens of FILIP, positions and words of captions.
const TOKENS: usize = 3;
/// Columns of every input: three tokens of width 2 for FILIP, three positions with two words for captions.
pub(crate) const COLUMNS: usize = 6;

type Function = Box<dyn Fn(&[Tensor<2>], Tensor<1>, &StepContext<'_>) -> Tensor<1> + Send + Sync>;

/// One loss.
pub(crate) struct Loss {
    pub(crate) name: &'static str,
    /// Inputs that learn; the loss takes `[rows, COLUMNS]` each.
    pub(crate) learning: usize,
    /// Constant inputs, which come after those.
    pub(crate) constant: usize,
    /// Whether the inverse temperature is an argument.
    pub(crate) scaled: bool,
    /// Whether the gradient is that of the value: not where a loss makes targets of its own inputs and holds them.
    pub(crate) differentiable: bool,
    /// Smallest batch it is defined for, over all ranks.
    pub(crate) smallest: usize,
    /// Whether inputs are compared by direction only.
    pub(crate) directions: bool,
    of: Function,
}

impl Loss {
    pub(crate) fn inputs(&self) -> usize {
        self.learning + self.constant
    }

    /// The loss, with `scale` as its inverse temperature if it takes one.
    pub(crate) fn forward(&self, inputs: &[Tensor<2>], scale: &Tensor<1>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_eq!(inputs.len(), self.inputs(), "{}", self.name);
        (self.of)(inputs, scale.clone(), ctx)
    }
}

/// A loss of directions without scale, unless it says otherwise.
fn loss(
    name: &'static str,
    learning: usize,
    of: impl Fn(&[Tensor<2>], &StepContext<'_>) -> Tensor<1> + Send + Sync + 'static,
) -> Loss {
    Loss { scaled: false, ..scaled(name, learning, move |x, _, ctx| of(x, ctx)) }
}

/// The same with a scale.
fn scaled(
    name: &'static str,
    learning: usize,
    of: impl Fn(&[Tensor<2>], Tensor<1>, &StepContext<'_>) -> Tensor<1> + Send + Sync + 'static,
) -> Loss {
    let of = Box::new(of);
    Loss { name, learning, constant: 0, scaled: true, differentiable: true, smallest: 1, directions: true, of }
}

fn pair(name: &'static str, pair: impl PairLoss + Sync + 'static) -> Loss {
    loss(name, 2, move |x, ctx| pair.forward(x[0].clone(), x[1].clone(), ctx))
}

/// `[1]` in the precision that losses compute `like` in.
pub(crate) fn scale(value: f64, like: &Tensor<2>) -> Tensor<1> {
    let dtype = if like.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    Tensor::full([1], value, (&like.device(), dtype))
}

fn two(x: &[Tensor<2>], first: usize) -> [Tensor<2>; 2] {
    [x[first].clone(), x[first + 1].clone()]
}

/// Texts of the ranks before are longer: 3, 2, 1, 3, ... tokens from the first row of all ranks.
fn present(rows: usize, ctx: &StepContext<'_>, device: &Device) -> Tensor<2, Bool> {
    let first = ctx.collective.rank() * rows;
    let flat = (first..first + rows).flat_map(|row| (0..TOKENS).map(move |at| f32::from(at < TOKENS - row % TOKENS)));
    let flat: Vec<f32> = flat.collect();
    Tensor::<2>::from_data(TensorData::new(flat, [rows, TOKENS]), device).greater_elem(0.5)
}

/// All losses whose keys may be constants.
pub(crate) fn with_keys(key_gradients: KeyGradients) -> Vec<Loss> {
    let nt_xent = NtXentConfig { key_gradients, ..Default::default() }.init().unwrap();
    let dcl = DclConfig { key_gradients, ..Default::default() }.init().unwrap();
    let dclw = DclConfig { key_gradients, ..DclConfig::weighted() }.init().unwrap();
    let loob = InfoLoobConfig { key_gradients, ..Default::default() }.init().unwrap();
    let cloob = InfoLoobConfig { key_gradients, ..InfoLoobConfig::cloob() }.init().unwrap();
    let cyclip = CyClipConfig { key_gradients, ..Default::default() }.init().unwrap();
    let filip = FilipConfig { key_gradients }.init().unwrap();
    let distillation = DistillationConfig { key_gradients }.init().unwrap();
    let swalip = SwaLipConfig { key_gradients, ..Default::default() }.init().unwrap();
    vec![
        pair("NT-Xent", nt_xent),
        Loss { smallest: 2, ..pair("DCL", dcl) },
        // The weights of DCLW are constants made of its inputs.
        Loss { smallest: 2, differentiable: false, ..pair("DCLW", dclw) },
        Loss { smallest: 2, ..pair("InfoLOOB", loob) },
        Loss { smallest: 2, ..pair("CLOOB", cloob) },
        scaled("CyCLIP", 2, move |x, s, ctx| cyclip.forward(x[0].clone(), x[1].clone(), s, ctx).loss),
        scaled("FILIP", 2, move |x, s, ctx| {
            let [rows, columns] = x[0].dims();
            let [image, text] = two(x, 0).map(|x| x.reshape([rows, TOKENS, columns / TOKENS]));
            let present = present(rows, ctx, &image.device());
            filip.forward(image, text, present, s, ctx)
        }),
        Loss {
            constant: 2,
            ..scaled("distillation", 2, move |x, s, ctx| {
                distillation.forward(two(x, 0), two(x, 2), [s, scale(10.0, &x[0])], ctx)
            })
        },
        Loss {
            differentiable: false,
            ..scaled("SwALIP", 4, move |x, s, ctx| swalip.forward([&x[..2], &x[2..]], s, ctx))
        },
    ]
}

/// All losses.
pub(crate) fn all() -> Vec<Loss> {
    let mut losses = with_keys(KeyGradients::Full);
    let info_nce = InfoNceConfig::default().init().unwrap();
    let rocket = ClipRocketLossConfig::default().init().unwrap();
    let slip = SlipConfig::default().init().unwrap();
    let xclip = XClipConfig::default().init().unwrap();
    let moco = MocoV3Config::default().init().unwrap();
    let siamlip = SiamLipConfig::default().init().unwrap();
    let barlip = BarLipConfig::default().init().unwrap();
    let swalip_v1 = SwaLipV1Config::default().init().unwrap();
    let swav = SwavConfig::default().init().unwrap();
    let dino = DinoConfig::default().init().unwrap();
    let cluster = ClusterConfig { sharpness_weight: 0.5, ..Default::default() }.init().unwrap();
    let pooled = ClusterConfig { smoothness: Smoothness::Pooled, ..Default::default() }.init().unwrap();
    let captioning = CaptioningConfig { pad_token: 9 }.init().unwrap();
    losses.extend([
        scaled("InfoNCE", 2, move |x, s, ctx| info_nce.forward(x[0].clone(), x[1].clone(), s, ctx).loss()),
        scaled("CLIP-rocket", 6, move |x, s, ctx| {
            rocket.forward(two(x, 0), [&x[2..4], &x[4..6]], [s.clone(), s], ctx).loss
        }),
        scaled("SLIP", 4, move |x, s, ctx| slip.forward(two(x, 0), two(x, 2), s, ctx).loss),
        Loss {
            constant: 1,
            ..loss("negative cosine", 1, |x, _| {
                NegativeCosineConfig::default().init().unwrap().forward(x[0].clone(), x[1].clone())
            })
        },
        Loss {
            constant: 4,
            ..loss("SiamLIP", 4, move |x, _| {
                let view = |at: usize| SiamLipView { predictions: two(x, at), targets: two(x, 4 + at) };
                siamlip.forward(view(0), &[view(2)])
            })
        },
        Loss { constant: 2, ..loss("MoCo v3", 2, move |x, ctx| moco.forward(two(x, 0), two(x, 2), ctx)) },
        Loss { directions: false, ..pair("Barlow Twins", BarlowTwinsConfig::default().init().unwrap()) },
        Loss { smallest: 2, directions: false, ..pair("VICReg", VicRegConfig::default().init().unwrap()) },
        Loss {
            directions: false,
            ..loss("BarLIP", 4, move |x, ctx| barlip.forward(two(x, 0), [&x[2..3], &x[3..4]], ctx))
        },
        Loss {
            directions: false,
            differentiable: false,
            ..scaled("SwALIP V1", 2, move |x, s, ctx| swalip_v1.forward(two(x, 0), None, s, ctx))
        },
        Loss {
            directions: false,
            differentiable: false,
            ..loss("SwAV", 3, move |x, ctx| swav.forward(&x[..2], &x[2..], &[], ctx))
        },
        Loss {
            directions: false,
            constant: 2,
            ..loss("DINO", 3, move |x, ctx| {
                let center = Tensor::full([1, COLUMNS], 0.1, (&x[0].device(), scale(0.1, &x[0]).dtype()));
                dino.forward(&x[3..], &x[..3], center, ctx)
            })
        },
        Loss { directions: false, ..loss("cluster", 2, move |x, ctx| cluster.forward(two(x, 0), ctx).loss) },
        Loss { directions: false, ..loss("cluster, pooled", 2, move |x, ctx| pooled.forward(two(x, 0), ctx).loss) },
        Loss {
            directions: false,
            ..scaled("xCLIP", 4, move |x, s, ctx| xclip.forward(two(x, 0), two(x, 2), s, ctx).loss)
        },
        Loss {
            directions: false,
            ..loss("captioning", 1, move |x, ctx| {
                let rows = x[0].dims()[0];
                let tokens = Tensor::<2, Int>::zeros([rows, TOKENS], &x[0].device());
                captioning.forward(x[0].clone().reshape([rows, TOKENS, COLUMNS / TOKENS]), tokens, ctx)
            })
        },
    ]);
    losses
}

/// Sigmoid and CLIP with their own scale, whose parameters are f32.
pub(crate) fn modules(device: &Device) -> Vec<Loss> {
    vec![
        pair("sigmoid", SigmoidConfig::default().init(device).unwrap()),
        pair("CLIP", ClipLossConfig::default().init(device).unwrap()),
    ]
}

/// Rows of sines, no two inputs alike.
pub(crate) fn rows(number: usize, input: usize) -> Vec<Vec<f64>> {
    let value = |i: usize, j: usize| (0.7 * ((i + 1) * (j + 2)) as f64 + 0.9 * input as f64 + 0.1).sin();
    (0..number).map(|i| (0..COLUMNS).map(|j| value(i, j)).collect()).collect()
}

/// Leaves of `[number, COLUMNS]` for a loss, in f32.
pub(crate) fn leaves(loss: &Loss, number: usize, device: &Device) -> Vec<Tensor<2>> {
    (0..loss.inputs()).map(|input| tensor(rows(number, input), device).require_grad()).collect()
}

pub(crate) fn tensor(rows: Vec<Vec<f64>>, device: &Device) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), (device, DType::F32))
}

pub(crate) fn tensor_f64(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), rows[0].len()]), (device, DType::F64))
}
