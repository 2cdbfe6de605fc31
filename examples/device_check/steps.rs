//! Whole training steps on random data: forward, backward, clipping, AdamW. Each model in a process of its own, so that memory is its own
//! and a batch that does not fit ends nothing else.

use std::error::Error;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp::core::{Method, PairBatch, Precision, StepContext, View};
use vlp::device::check_precision;
use vlp::encoders::preset;
use vlp::losses::ClipLossConfig;
use vlp::methods::{ClipRocketConfig, PairMethod};
use vlp::recipe::Recipe;
use vlp::trainer::{AdamWOptions, StepNumbers, adamw, clip_global_norm};

use crate::args::Args;
use crate::ceilings::Ceilings;

/// A model, and GFLOP of its forward pass for one sample as open_clip publishes them.
struct Model {
    name: &'static str,
    preset: &'static str,
    strong_views: usize,
    forward_gflop: f64,
}

const MODELS: [Model; 4] = [
    Model { name: "CLIP ViT-B/32", preset: "ViT-B-32", strong_views: 0, forward_gflop: 14.78 },
    Model { name: "CLIP ViT-B/16", preset: "ViT-B-16", strong_views: 0, forward_gflop: 41.09 },
    Model { name: "CLIP RN50", preset: "RN50", strong_views: 0, forward_gflop: 18.18 },
    // One weak and one strong view; the heads are a thousandth of it.
    Model { name: "CLIP-rocket ViT-B/32", preset: "ViT-B-32", strong_views: 1, forward_gflop: 2.0 * 14.78 },
];
/// The first batch, doubled until one does not fit and halved until one does.
const BATCH: usize = 1024;
const OPTIMIZER: AdamWOptions = AdamWOptions { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-6, weight_decay: 0.2 };
const QUICK: &str = "quickstart";

/// What a process of one step prints.
#[derive(Debug, Serialize, Deserialize)]
struct Timed {
    seconds: f64,
    parameters: usize,
    /// Bytes that the device holds at the end, where it can be asked: allocators keep what they once took.
    memory: Option<u64>,
}

/// One model in one precision at one batch.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) model: &'static str,
    pub(crate) precision: Precision,
    pub(crate) batch: usize,
    /// Samples a second, or why there are none.
    pub(crate) samples: Result<f64, String>,
    pub(crate) tflops: Option<f64>,
    /// Of the matrix product in the same precision.
    pub(crate) share: Option<f64>,
    pub(crate) gibibytes: Option<f64>,
}

/// All models, each in bf16 and then in f32, at the first batch and at the largest that fits.
pub(crate) fn measure_all(
    args: &Args,
    device: &Device,
    ceilings: &Ceilings,
    until: Instant,
) -> Result<Vec<Step>, Box<dyn Error>> {
    if args.quick {
        let timed = in_own_process(args, QUICK, Precision::F32, 8, until)?;
        return Ok(vec![step((QUICK, None), Precision::F32, 8, timed, ceilings)]);
    }
    let mut steps = Vec::new();
    for precision in [Precision::Bf16, Precision::F32] {
        if let Err(error) = check_precision(device, precision) {
            println!("no training steps: {error}");
            continue;
        }
        for model in &MODELS {
            let mut take = |batch| -> Result<bool, Box<dyn Error>> {
                let new = in_own_process(args, model.name, precision, batch, until)?;
                let fits = new.is_ok();
                steps.push(step((model.name, Some(model.forward_gflop)), precision, batch, new, ceilings));
                Ok(fits)
            };
            let mut batch = BATCH;
            if take(batch)? {
                while take(2 * batch)? {
                    batch *= 2;
                }
            } else {
                while batch > 1 && Instant::now() < until && !take(batch / 2)? {
                    batch /= 2;
                }
            }
        }
    }
    Ok(steps)
}

fn step(
    (model, gflop): (&'static str, Option<f64>),
    precision: Precision,
    batch: usize,
    timed: Result<Timed, String>,
    ceilings: &Ceilings,
) -> Step {
    let memory = timed.as_ref().ok().and_then(|timed| timed.memory);
    let samples = timed.map(|timed| batch as f64 / timed.seconds);
    // The backward pass is two forward passes' work.
    let tflops = samples.as_ref().ok().zip(gflop).map(|(samples, gflop)| 3.0 * samples * gflop / 1e3);
    let ceiling = match precision {
        Precision::F32 => ceilings.matmul_f32,
        Precision::Bf16 => ceilings.matmul_bf16,
    };
    let (share, gibibytes) =
        (tflops.map(|tflops| tflops / ceiling), memory.map(|bytes| bytes as f64 / (1u64 << 30) as f64));
    Step { model, precision, batch, samples, tflops, share, gibibytes }
}

/// Starts this program for one step; the inner error says why there is no time.
fn in_own_process(
    args: &Args,
    model: &str,
    precision: Precision,
    batch: usize,
    until: Instant,
) -> Result<Result<Timed, String>, Box<dyn Error>> {
    if Instant::now() >= until {
        return Ok(Err("left out: no time left".to_string()));
    }
    let device = args.device.to_string();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--device", &device, "--step", model, "--batch", &batch.to_string()])
        .args(if precision == Precision::Bf16 { &["--bf16"][..] } else { &[] })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                child.kill()?;
                child.wait()?;
                return Ok(Err("ended: no time left".to_string()));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut answer = Vec::new();
    child.stdout.take().ok_or("the process has no output")?.take(1 << 20).read_to_end(&mut answer)?;
    match String::from_utf8_lossy(&answer).lines().last().map(serde_json::from_str) {
        Some(Ok(timed)) if status.success() => Ok(Ok(timed)),
        _ => Ok(Err(format!("it did not finish ({status}), most likely for want of memory"))),
    }
}

/// Measures one step in this process and prints it.
pub(crate) fn measure_here(
    name: &str,
    precision: Precision,
    batch: usize,
    device: &Device,
) -> Result<(), Box<dyn Error>> {
    let device = device.clone().autodiff();
    device.seed(0);
    let timed = if name == QUICK {
        let recipe = Recipe::quickstart_with("clip")?;
        let method = recipe.method.init(recipe.image.init(&device)?, recipe.text.init(&device)?, &device)?;
        let (side, context) = (recipe.views.size, recipe.text.context_length);
        time(method, pairs(batch, 0, side, [context, recipe.text.vocab_size], &device), &device)?
    } else {
        let model =
            MODELS.iter().find(|model| model.name == name).ok_or_else(|| format!("no model is called {name}"))?;
        let config = preset(model.preset)?;
        let words = [config.text.context_length, config.text.vocab_size];
        let batch = pairs(batch, model.strong_views, 224, words, &device);
        let mut encoder = config.init(&device)?;
        (encoder.image, encoder.text) =
            (encoder.image.with_precision(precision), encoder.text.with_precision(precision));
        if model.strong_views > 0 {
            time(ClipRocketConfig::default().init(encoder.image, encoder.text, &device)?, batch, &device)?
        } else {
            time(PairMethod { encoder, loss: ClipLossConfig::default().init(&device)? }, batch, &device)?
        }
    };
    println!("{}", serde_json::to_string(&timed)?);
    Ok(())
}

fn pairs(batch: usize, strong: usize, side: usize, [context, words]: [usize; 2], device: &Device) -> PairBatch {
    let view = || View {
        images: Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), device),
        tokens: Tensor::<2, Int>::random([batch, context], Distribution::Uniform(0.0, words as f64), device),
    };
    PairBatch::new(view(), (0..strong).map(|_| view()).collect())
}

/// The median of five steps, after three that do not count.
fn time<M: Method<Batch = PairBatch>>(method: M, batch: PairBatch, device: &Device) -> Result<Timed, Box<dyn Error>> {
    let (parameters, mut optimizer) = (method.num_params(), adamw(&method, OPTIMIZER));
    let (mut method, mut seconds) = (method, Vec::new());
    for number in 0..8 {
        let (begun, ctx) = (Instant::now(), StepContext::new(0, number, 8));
        let output = method.objective(method.encode(batch.clone(), &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, 1.0).ok_or("nothing to train")?;
        StepNumbers::read(&output, norm)?;
        method = optimizer.step(1e-5, method, gradients).after_update(&ctx);
        device.sync()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let mut counted = seconds.split_off(3);
    counted.sort_by(f64::total_cmp);
    Ok(Timed { seconds: counted[2], parameters, memory: memory(device) })
}

/// What the allocator holds where the backend says, else what the driver reports for all processes together.
fn memory(device: &Device) -> Option<u64> {
    if let Some(usage) = device.clone().without_autodiff().memory_pool_usage() {
        return Some(usage.bytes_reserved);
    }
    let asked =
        Command::new("nvidia-smi").args(["--query-gpu=memory.used", "--format=csv,noheader,nounits"]).output().ok()?;
    String::from_utf8(asked.stdout).ok()?.lines().next()?.trim().parse::<u64>().ok().map(|mebibytes| mebibytes << 20)
}
