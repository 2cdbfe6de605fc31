//! What several tests of the loader need.
#![allow(dead_code, unreachable_pub)] // each test uses its own part

use std::path::Path;
use std::sync::Arc;

use vlp_augment::{KeywordShuffle, recipes};
use vlp_data::{Dataset, HostBatch, Limits, Loader, LoaderConfig, TokenIds, Tokenizer, View, Views};

/// Ids are the bytes of the caption, cut at `CONTEXT`.
#[derive(Debug)]
pub struct Bytes;

pub const CONTEXT: usize = 24;

impl Tokenizer for Bytes {
    fn vocab_size(&self) -> usize {
        257
    }

    fn context_length(&self) -> usize {
        CONTEXT
    }

    fn end_id(&self) -> u32 {
        256
    }

    fn encode(&self, text: &str) -> TokenIds {
        let mut ids: Vec<u32> = text.bytes().map(u32::from).collect();
        let truncated = ids.len() >= CONTEXT;
        ids.truncate(CONTEXT - 1);
        ids.push(256);
        ids.resize(CONTEXT, 0);
        TokenIds { ids, truncated }
    }
}

pub fn views() -> Views {
    Views::weak(View::new(recipes::clip_rocket_weak(8), vlp_augment::Identity))
        .and_strong(2, View::new(recipes::clip_rocket_strong(8), KeywordShuffle { at_least: 1 }))
}

pub fn open(directory: &Path) -> Arc<Dataset> {
    Arc::new(Dataset::open(directory, "train-", Limits::default()).unwrap())
}

pub fn loader(dataset: &Arc<Dataset>, config: LoaderConfig) -> Loader {
    Loader::new(Arc::clone(dataset), Arc::new(Bytes), views(), config).unwrap()
}

pub fn batches(loader: &mut Loader, count: usize) -> Vec<HostBatch> {
    (0..count).map(|_| loader.next_batch().unwrap()).collect()
}
