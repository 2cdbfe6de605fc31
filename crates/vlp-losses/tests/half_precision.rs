//! Losses of half-precision vectors are computed in f32.

use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor};
use vlp_core::StepContext;
use vlp_losses::{
    BarLipConfig, BarlowTwinsConfig, CyClipConfig, DclConfig, InfoLoobConfig, NegativeCosineConfig, NtXentConfig,
    SiamLipConfig, SiamLipView, SigmoidConfig, VicRegConfig,
};

type Loss = Box<dyn Fn(Tensor<2>, Tensor<2>) -> Tensor<1>>;

fn losses(device: &Device) -> Vec<(&'static str, Loss)> {
    let ctx = StepContext::new(0, 0, 1);
    let scale = Tensor::<1>::from_floats([10.0], device);
    let sigmoid = SigmoidConfig::default().init(device).unwrap();
    let cosine = NegativeCosineConfig::default().init().unwrap();
    let siamlip = SiamLipConfig::default().init().unwrap();
    let barlow = BarlowTwinsConfig::default().init().unwrap();
    let barlip = BarLipConfig::default().init().unwrap();
    let nt_xent = NtXentConfig::default().init().unwrap();
    let vicreg = VicRegConfig::default().init().unwrap();
    let dclw = DclConfig::weighted().init().unwrap();
    let cyclip = CyClipConfig::default().init().unwrap();
    let cloob = InfoLoobConfig::cloob().init().unwrap();
    let view = |a: Tensor<2>, b: Tensor<2>| SiamLipView { predictions: [a.clone(), b.clone()], targets: [b, a] };
    vec![
        ("sigmoid", Box::new(move |a, b| sigmoid.forward(a, b, &ctx))),
        ("negative cosine", Box::new(move |a, b| cosine.forward(a, b))),
        ("SiamLIP", Box::new(move |a, b| siamlip.forward(view(a.clone(), b.clone()), &[view(b, a)]))),
        ("Barlow Twins", Box::new(move |a, b| barlow.forward(a, b, &ctx))),
        ("BarLIP", Box::new(move |a, b| barlip.forward([a, b], [&[], &[]], &ctx))),
        ("NT-Xent", Box::new(move |a, b| nt_xent.forward(a, b, &ctx))),
        ("VICReg", Box::new(move |a, b| vicreg.forward(a, b, &ctx).loss)),
        ("DCLW", Box::new(move |a, b| dclw.forward(a, b, &ctx))),
        ("CyCLIP", Box::new(move |a, b| cyclip.forward(a, b, scale.clone(), &ctx).loss)),
        ("CLOOB", Box::new(move |a, b| cloob.forward(a, b, &ctx))),
    ]
}

#[test]
fn half_precision_vectors_give_the_loss_of_the_same_numbers_in_f32() {
    let device = Device::flex().autodiff();
    device.seed(12);
    for (name, loss) in losses(&device) {
        for half in [FloatDType::BF16, FloatDType::F16] {
            let vectors = || Tensor::<2>::random([8, 6], Distribution::Normal(0.0, 1.0), &device).cast(half);
            let (a, b) = (vectors().detach().require_grad(), vectors());
            let narrow = loss(a.clone(), b.clone());
            assert_eq!(narrow.dtype(), DType::F32, "{name}");
            let gradient = a.grad(&narrow.clone().backward()).unwrap();
            assert!(gradient.is_finite().all().into_scalar::<bool>(), "{name}");
            let wide = loss(a.cast(FloatDType::F32), b.cast(FloatDType::F32));
            // The same operations on the same numbers.
            assert_eq!(narrow.into_scalar::<f32>(), wide.into_scalar::<f32>(), "{name}");
        }
    }
}
