//! Trains the small vocabulary `data/emoji/tokenizer.json` from the captions of the training shards beside it:
//!
//! ```text
//! cargo run -p vlp-data --features hf-tokenizers --example train_tokenizer
//! ```
//!
//! Byte-level pairs, so that no text is unknown. Text is lower-cased; commas and colons at the end of a word, which only
//! separate keywords in these captions, are dropped. The pad token is id 0 and the end token is added last, so that its id
//! is the largest, as CLIP's arg-max pooling wants. The same captions give the same file, byte for byte.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Parser;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence, Strip, replace::ReplacePattern};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, Tokenizer};

const PAD: &str = "<|pad|>";
const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// Train a small lower-casing byte-pair vocabulary from the captions of tar shards.
#[derive(Parser)]
struct Args {
    /// Folder with the shards `train-*.tar`.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/emoji"))]
    data: PathBuf,
    /// Where to write; by default `tokenizer.json` beside the shards.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Entries, the three special tokens included.
    #[arg(long, default_value_t = 3200)]
    vocab_size: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let captions = read_captions(&args.data)?;
    let tokenizer = train(&captions, args.vocab_size).map_err(|error| error.to_string())?;

    let length = |caption: &String| tokenizer.encode_fast(caption.as_str(), true).map(|encoding| encoding.len());
    let lengths: Result<Vec<_>, _> = captions.iter().map(length).collect();
    let mut lengths = lengths.map_err(|error| error.to_string())?;
    lengths.sort_unstable();
    let quantile = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
    println!("{} captions, {} entries", captions.len(), tokenizer.get_vocab_size(true));
    println!("ids per caption: median {}, 99 % {}, longest {}", quantile(50), quantile(99), quantile(100));
    let out = args.out.unwrap_or_else(|| args.data.join("tokenizer.json"));
    let mut json = tokenizer.to_string(true).map_err(|error| error.to_string())?;
    json.push('\n');
    fs::write(&out, json).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    println!("wrote {}", out.display());
    Ok(())
}

/// Every `caption` of every `train-*.tar`, shards in the order of their names.
fn read_captions(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut shards = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    shards.retain(|path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.starts_with("train-") && name.ends_with(".tar")
    });
    shards.sort();
    let mut captions = Vec::new();
    for shard in &shards {
        for entry in tar::Archive::new(File::open(shard)?).entries()? {
            let entry = entry?;
            if entry.path()?.extension() == Some(OsStr::new("json")) {
                let record: serde_json::Value = serde_json::from_reader(entry)?;
                captions.extend(record["caption"].as_str().map(str::to_owned));
            }
        }
    }
    if captions.is_empty() {
        return Err(format!("no captions in {}/train-*.tar", folder.display()).into());
    }
    Ok(captions)
}

fn train(captions: &[String], vocab_size: usize) -> tokenizers::Result<Tokenizer> {
    let regex = |pattern: &str, to: &str| Replace::new(ReplacePattern::Regex(pattern.to_owned()), to);
    let normalizer: Vec<NormalizerWrapper> = vec![
        NFC.into(),
        Lowercase.into(),
        regex("[’‘]", "'")?.into(),
        regex(r"[,:;]+(?:\s|$)", " ")?.into(),
        regex(r"\s+", " ")?.into(),
        Strip::new(true, true).into(),
    ];
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_normalizer(Some(Sequence::new(normalizer)))?;
    tokenizer.with_pre_tokenizer(Some(ByteLevel::default()));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let special = |name: &str| AddedToken::from(name, true);
    let mut trainer: TrainerWrapper = BpeTrainer::builder()
        // Start and end come on top, after training: the last one added has the largest id.
        .vocab_size(vocab_size.saturating_sub(2))
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(vec![special(PAD)])
        .show_progress(false)
        .build()
        .into();
    tokenizer.train(&mut trainer, captions.iter())?;
    tokenizer.add_special_tokens([special(START), special(END)])?;
    let id = |name: &str| tokenizer.token_to_id(name).ok_or_else(|| format!("{name} was not added"));
    let around = TemplateProcessing::builder()
        .try_single(format!("{START} $0 {END}"))?
        .try_pair(format!("{START} $A $B {END}"))?
        .special_tokens(vec![(START, id(START)?), (END, id(END)?)])
        .build()?;
    tokenizer.with_post_processor(Some(around));
    Ok(tokenizer)
}
