//! Captions per second on one core, for the captions of the emoji training shards.

use std::ffi::OsStr;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vlp_data::{ClipBpe, ClipVocab, HfTokenizer, Tokenizer};

fn captions(folder: &Path) -> Vec<String> {
    let mut captions = Vec::new();
    for shard in 0..5 {
        let file = File::open(folder.join(format!("train-{shard:03}.tar"))).expect("data/emoji holds train-000 to 004");
        for entry in tar::Archive::new(file).entries().expect("a tar file") {
            let entry = entry.expect("a whole entry");
            if entry.path().is_ok_and(|path| path.extension() == Some(OsStr::new("json"))) {
                let record: serde_json::Value = serde_json::from_reader(entry).expect("a JSON record");
                captions.push(record["caption"].as_str().expect("a caption").to_owned());
            }
        }
    }
    captions
}

fn tokenizers(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji");
    let captions = captions(&folder);
    let vocab = ClipVocab::embedded().expect("the embedded vocabulary is sound");
    let clip = ClipBpe::with_vocab(vocab.clone(), ClipBpe::CONTEXT_LENGTH).expect("77 ids are enough");
    let hf = HfTokenizer::from_path(folder.join("tokenizer.json"), 32).expect("data/emoji holds tokenizer.json");

    let mut group = criterion.benchmark_group("tokenizer");
    group.throughput(Throughput::Elements(captions.len() as u64));
    let encode_all = |tokenizer: &dyn Tokenizer| {
        for caption in &captions {
            black_box(tokenizer.encode(caption));
        }
    };
    group.bench_function("clip_bpe", |bencher| bencher.iter(|| encode_all(&clip)));
    // Every word new: what the first epoch costs at most.
    group.bench_function("clip_bpe_nothing_remembered", |bencher| {
        let fresh = || ClipBpe::with_vocab(vocab.clone(), ClipBpe::CONTEXT_LENGTH).expect("77 ids are enough");
        bencher.iter_batched(fresh, |clip| encode_all(&clip), criterion::BatchSize::LargeInput);
    });
    group.bench_function("hf_emoji", |bencher| bencher.iter(|| encode_all(&hf)));
    group.finish();

    let mut group = criterion.benchmark_group("tokenizer_load");
    group.bench_function("clip_vocab", |bencher| bencher.iter(ClipVocab::embedded));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = tokenizers
}
criterion_main!(benches);
