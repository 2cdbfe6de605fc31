//! The digits of contrastive losses where a batch is nearly solved: in f32 against f64, from losses of 1 down to 1e-7.

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use vlp_core::{StepContext, mix};
use vlp_losses::{InfoNceConfig, KeyGradients, Logits, MocoV3Config, NtXentConfig};
use vlp_testkit::device::under_test;

const ROWS: usize = 48;
const DIM: usize = 64;
/// Of CLIP at the end of its training.
const SCALE: f32 = 100.0;
/// By how much a row's partner beats the others, in cosines: of losses of some 1 to 1e-7.
const MARGINS: [f64; 7] = [0.04, 0.08, 0.11, 0.135, 0.16, 0.18, 0.2];

/// From -1 to 1, by a seed and a number.
fn uniform(seed: u64, number: u64) -> f64 {
    (mix(seed, number) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Two sides whose partners have cosines of 1 or little less, and all others of some `margin` less, as f32 holds them.
fn sides(margin: f64, seed: u64) -> [Vec<Vec<f64>>; 2] {
    let row = |side: u64, i: usize| -> Vec<f64> {
        let value = |j: usize| {
            let shared = if j == 0 { (1.0 - margin).sqrt() } else { 0.0 };
            let own = if j == 1 + i { margin.sqrt() } else { 0.0 };
            let noise = 2e-3 * uniform(mix(seed, side), (i * DIM + j) as u64);
            // Lengths do not matter.
            f64::from(((shared + own + noise) * (1.5 + uniform(seed, i as u64))) as f32)
        };
        (0..DIM).map(value).collect()
    };
    [0, 1].map(|side| (0..ROWS).map(|i| row(side, i)).collect())
}

fn tensor(rows: &[Vec<f64>], dtype: FloatDType, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::<2>::from_data(TensorData::new(values, [rows.len(), DIM]), device).cast(dtype).detach().require_grad()
}

fn number(x: Tensor<1>) -> f64 {
    x.into_data().convert::<f64>().try_into_vec::<f64>().expect("f64 data")[0]
}

/// InfoNCE and its derivative with respect to the scale, from the equation, without a difference of large numbers.
fn from_equation(a: &[Vec<f64>], b: &[Vec<f64>], scale: f64) -> [f64; 2] {
    let unit = |row: &Vec<f64>| -> Vec<f64> {
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        row.iter().map(|x| x / norm).collect()
    };
    let [a, b] = [a, b].map(|side| side.iter().map(unit).collect::<Vec<_>>());
    let mut result = [0.0; 2];
    for (from, to) in [(&a, &b), (&b, &a)] {
        for (i, row) in from.iter().enumerate() {
            let cosine = |j: usize| row.iter().zip(&to[j]).map(|(x, y)| x * y).sum::<f64>();
            let gap = |j: usize| cosine(j) - cosine(i);
            let others = || (0..ROWS).filter(|&j| j != i);
            let sum: f64 = others().map(|j| (scale * gap(j)).exp()).sum();
            result[0] += sum.ln_1p() / (2 * ROWS) as f64;
            result[1] +=
                others().map(|j| (scale * gap(j)).exp() * gap(j)).sum::<f64>() / (1.0 + sum) / (2 * ROWS) as f64;
        }
    }
    result
}

#[test]
fn info_nce_and_its_gradients_keep_their_digits() {
    let (device, ctx) = (under_test().autodiff(), StepContext::new(0, 0, 1));
    let (mut smallest, mut largest) = (f64::INFINITY, 0f64);
    for (number_of, margin) in MARGINS.into_iter().enumerate() {
        let [a, b] = sides(margin, 11 + number_of as u64);
        let [expected, of_scale] = from_equation(&a, &b, SCALE.into());
        (smallest, largest) = (smallest.min(expected), largest.max(expected));
        for (logits, key_gradients) in [Logits::Whole, Logits::Chunked]
            .into_iter()
            .flat_map(|logits| [KeyGradients::Full, KeyGradients::Detached].map(|keys| (logits, keys)))
        {
            let loss = InfoNceConfig { logits, key_gradients, ..Default::default() }.init().unwrap();
            let run = |dtype| {
                let leaves = [tensor(&a, dtype, &device), tensor(&b, dtype, &device)];
                let scale = Tensor::<1>::from_floats([SCALE], &device).cast(dtype).detach().require_grad();
                let [x, y] = leaves.clone();
                let value = loss.forward(x, y, scale.clone(), &ctx).loss();
                let gradients = value.backward();
                let sides = leaves.map(|leaf| leaf.grad(&gradients).unwrap().into_data().convert::<f64>());
                (number(value), number(scale.grad(&gradients).unwrap()), sides)
            };
            let what = format!("a loss of {expected:e}, {logits:?}, {key_gradients:?}");
            let (value, d_scale, sides) = run(FloatDType::F32);
            // A cosine of nearly 1 is rounded to 6e-8, a hundredfold logit to 6e-6; PyTorch is off by that and, at losses of 1e-7, by
            // half of them.
            assert!((value / expected - 1.0).abs() < 3e-5, "{what}: {value:e}");
            assert!((d_scale / of_scale - 1.0).abs() < 1e-4, "{what}: {d_scale:e} for {of_scale:e}");
            let (value, d_scale, exact) = run(FloatDType::F64);
            assert!((value / expected - 1.0).abs() < 1e-9, "{what} in f64: {value:e}");
            assert!((d_scale / of_scale - 1.0).abs() < 1e-7, "{what} in f64: {d_scale:e} for {of_scale:e}");
            for (actual, exact) in sides.iter().zip(&exact) {
                let exact: Vec<f64> = exact.iter::<f64>().collect();
                let most = exact.iter().fold(0f64, |most, x| most.max(x.abs()));
                let worst = actual.iter::<f64>().zip(&exact).map(|(a, e)| (a - e).abs() / most).fold(0.0, f64::max);
                assert!(worst < 2e-4, "{what}: a gradient is off by {worst:e} of the largest");
            }
        }
    }
    assert!(smallest < 2e-7 && largest > 0.5, "{smallest:e} to {largest:e}");
}

#[test]
fn targets_by_id_and_by_distribution_keep_them_too() {
    let (device, ctx) = (under_test().autodiff(), StepContext::new(0, 0, 1));
    let [a, b] = sides(0.2, 5);
    let [expected, _] = from_equation(&a, &b, SCALE.into());
    let [a, b] = [a, b].map(|side| tensor(&side, FloatDType::F32, &device));
    let scale = || Tensor::<1>::from_floats([SCALE], &device);
    let ids: Vec<u64> = (0..ROWS as u64).collect();
    for logits in [Logits::Whole, Logits::Chunked] {
        let loss = InfoNceConfig { logits, ..Default::default() }.init().unwrap();
        let by_id = loss.forward_with_ids(a.clone(), b.clone(), &ids, scale(), &ctx).loss();
        let targets = [(); 2].map(|()| Tensor::<2>::eye(ROWS, &device));
        let by_target = loss.forward_with_targets(a.clone(), b.clone(), targets, scale(), &ctx).loss();
        let plain = loss.forward(a.clone(), b.clone(), scale(), &ctx).loss();
        let exact = plain.backward();
        for (what, value) in [("ids", by_id), ("targets", by_target)] {
            let gradients = value.backward();
            let off = (number(value) / expected - 1.0).abs();
            assert!(off < 3e-5, "{what}, {logits:?}: off by {off:e}");
            for leaf in [&a, &b] {
                let [actual, exact] = [&gradients, &exact].map(|all| leaf.grad(all).unwrap());
                let most = exact.clone().max_abs();
                let off = ((actual - exact).max_abs() / most).into_scalar::<f32>();
                assert!(off < 1e-4, "{what}, {logits:?}: a gradient is off by {off:e}");
            }
        }
    }
}

/// A loss of two sides.
type Loss<'a> = (&'static str, Box<dyn Fn(Tensor<2>, Tensor<2>) -> Tensor<1> + 'a>);

#[test]
fn losses_of_its_family_keep_them_too() {
    let (device, ctx) = (under_test().autodiff(), StepContext::new(0, 0, 1));
    for (number_of, margin) in MARGINS.into_iter().enumerate() {
        let [a, b] = sides(margin, 31 + number_of as u64);
        for logits in [Logits::Whole, Logits::Chunked] {
            let temperature = 1.0 / f64::from(SCALE);
            let nt_xent = NtXentConfig { temperature, logits, ..Default::default() }.init().unwrap();
            let moco = MocoV3Config { temperature, logits }.init().unwrap();
            let losses: [Loss<'_>; 2] = [
                ("NT-Xent", Box::new(|a, b| nt_xent.forward(a, b, &ctx))),
                ("MoCo", Box::new(|a, b| moco.forward([a.clone(), b.clone()], [b, a], &ctx))),
            ];
            for (what, loss) in losses {
                let [value, exact] = [FloatDType::F32, FloatDType::F64]
                    .map(|dtype| number(loss(tensor(&a, dtype, &device), tensor(&b, dtype, &device))));
                assert!((value / exact - 1.0).abs() < 3e-5, "{what}, {logits:?}: {value:e} for {exact:e}");
            }
        }
    }
}
