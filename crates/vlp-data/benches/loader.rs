//! Samples a second of the loader on the emoji shards: decode, one weak and two strong views at 32 x 32, with a tokenizer
//! that does next to nothing.

use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vlp_augment::{Identity, KeywordShuffle, recipes};
use vlp_data::{Dataset, Limits, Loader, LoaderConfig, TokenIds, Tokenizer, View, Views};

#[derive(Debug)]
struct Lengths;

impl Tokenizer for Lengths {
    fn vocab_size(&self) -> usize {
        32
    }

    fn context_length(&self) -> usize {
        32
    }

    fn end_id(&self) -> u32 {
        31
    }

    fn encode(&self, text: &str) -> TokenIds {
        TokenIds { ids: vec![text.len() as u32 % 32; 32], truncated: false }
    }
}

fn batches(c: &mut Criterion) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji");
    let open = || Dataset::open(&directory, "train-", Limits::default()).expect("the vendored shards");
    c.bench_function("open", |b| b.iter(open));
    let dataset = Arc::new(open());
    let views = Views::weak(View::new(recipes::clip_rocket_weak(32), Identity))
        .and_strong(2, View::new(recipes::clip_rocket_strong(32), KeywordShuffle { at_least: 1 }));
    let mut group = c.benchmark_group("loader");
    group.throughput(Throughput::Elements(256)).sample_size(20);
    for workers in [1, 2] {
        let config = LoaderConfig { workers, distinct_by: Some("label".to_owned()), ..LoaderConfig::new(256, 0) };
        let dataset = Arc::clone(&dataset);
        let mut loader = Loader::new(dataset, Arc::new(Lengths), views.clone(), config).expect("options that work");
        group.bench_function(format!("{workers}_workers"), |b| {
            b.iter(|| loader.next_batch().expect("good shards"));
        });
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
