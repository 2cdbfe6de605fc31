//! Time of whole encoders with random weights, forward and forward with backward, in samples per second.
//!
//! ```text
//! cargo bench --bench encoders                # all, on the CPU
//! cargo bench --bench encoders -- ViT-B-32    # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench encoders
//! cargo bench --bench encoders -- --serve     # answers benches/peers/encoders.py
//! ```

#[path = "common/device.rs"]
mod device;

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Int, Tensor};
use criterion::{Criterion, SamplingMode, Throughput};
use serde_json::{Value, json};
use vlp::core::{Embedder, ImageEncoder, TextEncoder, TextMode};
use vlp::encoders::{DualEncoderConfig, preset};
use vlp::recipe::Recipe;

/// Large activations are freed and taken at each run; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One tower of a model. Presets are open_clip's, with projection; the quickstart's towers come without heads.
struct Case {
    model: &'static str,
    tower: &'static str,
    batch: usize,
}

const CASES: [Case; 6] = [
    Case { model: "ViT-B-32", tower: "image", batch: 8 },
    Case { model: "ViT-B-32", tower: "text", batch: 8 },
    Case { model: "ViT-B-16", tower: "image", batch: 8 },
    Case { model: "RN50", tower: "image", batch: 8 },
    Case { model: "quickstart", tower: "image", batch: 16 },
    Case { model: "quickstart", tower: "text", batch: 16 },
];

impl Case {
    fn sizes(&self) -> String {
        format!("batch={}", self.batch)
    }
}

/// A pass over a batch that is always the same; the sum of the vectors against random numbers is what is derived.
struct Run {
    device: Device,
    encode: Box<dyn Fn() -> Tensor<2>>,
    against: Tensor<2>,
    parameters: usize,
}

impl Run {
    /// With gradients, as in training, or without, as in evaluation.
    fn new(case: &Case, device: &Device, backward: bool) -> Result<Self, Box<dyn Error>> {
        let device = if backward { device.clone().autodiff() } else { device.clone() };
        device.seed(0);
        let (encode, parameters) = match (case.model, case.tower) {
            ("quickstart", "image") => {
                let recipe = Recipe::quickstart();
                let (encoder, images) = (recipe.image.init(&device)?, pictures(case.batch, recipe.views.size, &device));
                let parameters = vlp::encoders::parameter_count(&encoder);
                (Box::new(move || encoder.encode(images.clone())) as Box<dyn Fn() -> _>, parameters)
            }
            ("quickstart", _) => {
                let config = Recipe::quickstart().text;
                let tokens = tokens(case.batch, config.context_length, config.vocab_size, &device);
                let encoder = config.init(&device)?;
                let parameters = vlp::encoders::parameter_count(&encoder);
                (Box::new(move || encoder.encode(tokens.clone(), TextMode::Global)) as Box<dyn Fn() -> _>, parameters)
            }
            (name, tower) => of_preset(&preset(name)?, tower, case.batch, &device)?,
        };
        let against = Tensor::random(encode().dims(), Distribution::Normal(0.0, 1.0), &device);
        Ok(Run { device, encode, against, parameters })
    }

    /// One pass, to its end on the device.
    fn once(&self) {
        let vectors = (self.encode)();
        if self.device.is_autodiff() {
            black_box((vectors * self.against.clone()).sum().backward());
        } else {
            black_box(vectors);
        }
        self.device.sync().expect("the device computes");
    }
}

type Encode = (Box<dyn Fn() -> Tensor<2>>, usize);

fn of_preset(config: &DualEncoderConfig, tower: &str, batch: usize, device: &Device) -> Result<Encode, Box<dyn Error>> {
    let model = config.init(device)?;
    Ok(match tower {
        "image" => {
            let images = pictures(batch, 224, device);
            let parameters = vlp::encoders::parameter_count(&model.image);
            (Box::new(move || model.embed_images(images.clone())), parameters)
        }
        _ => {
            let tokens = tokens(batch, config.text.context_length, config.text.vocab_size, device);
            let parameters = vlp::encoders::parameter_count(&model.text);
            (Box::new(move || Embedder::embed_texts(&model, tokens.clone()).weak), parameters)
        }
    })
}

fn pictures(batch: usize, side: usize, device: &Device) -> Tensor<4> {
    Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), device)
}

fn tokens(batch: usize, context: usize, vocabulary: usize, device: &Device) -> Tensor<2, Int> {
    Tensor::random([batch, context], Distribution::Uniform(0.0, vocabulary as f64), device)
}

/// Reads one question per line, writes one line of JSON for each: `list`, `start NUMBER forward|forward_backward` (makes a
/// case and runs it once, which does not count; answers with its parameters) and `once` (milliseconds of one run of it).
fn serve(device: &Device) -> Result<(), Box<dyn Error>> {
    let mut run = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let answer: Value = match (&words[..], &run) {
            (["list"], _) => {
                CASES.iter().map(|c| json!({"model": c.model, "tower": c.tower, "batch": c.batch})).collect()
            }
            (["start", number, pass], _) => {
                let case = CASES.get(number.parse::<usize>()?).ok_or_else(|| line.clone())?;
                // The case before is let go first.
                drop(run.take());
                let new = Run::new(case, device, *pass == "forward_backward")?;
                new.once();
                let parameters = new.parameters;
                run = Some(new);
                json!(parameters)
            }
            (["once"], Some(run)) => {
                let begun = Instant::now();
                run.once();
                json!(begun.elapsed().as_secs_f64() * 1e3)
            }
            _ => return Err(format!("not a question: {line}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = device::device()?;
    if std::env::args().any(|argument| argument == "--serve") {
        return serve(&device);
    }
    // A start: what the command line says counts.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for case in &CASES {
        let mut group = criterion.benchmark_group(format!("{}-{}", case.model, case.tower));
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(case.batch as u64));
        for (pass, backward) in [("forward", false), ("forward_backward", true)] {
            // A model is made when its benchmark is chosen, and let go before the next.
            group.bench_function(format!("{pass}/{}", case.sizes()), |b| {
                let run = Run::new(case, &device, backward).expect("these models can be built");
                b.iter(|| run.once());
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
