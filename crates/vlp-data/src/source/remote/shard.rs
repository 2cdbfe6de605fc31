use std::fs::File;
use std::io::Seek;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::RemoteOptions;
use super::cache::Cache;
use super::fetch::{fetch, near};
use super::index_file::IndexFile;
use super::place::{Place, Stores};
use crate::source::positioned::Positioned;
use crate::source::tar_options::TarOptions;
use crate::source::tar_scan::{Scan, scan};
use crate::source::unpack::Packing;
use crate::{Limits, Unreachable};

/// Where shards are fetched from and kept.
#[derive(Debug)]
pub(in crate::source) struct Remote {
    stores: Stores,
    cache: Arc<Cache>,
    options: RemoteOptions,
}

/// One shard afar, indexed: its length is known.
#[derive(Debug)]
pub(in crate::source) struct RemoteShard {
    place: Place,
    name: String,
    cache: Arc<Cache>,
    options: RemoteOptions,
    length: u64,
    etag: Option<String>,
    /// When fetching it failed last, and why: whoever has waited for that attempt need not make another one.
    failure: Mutex<Option<(Instant, Unreachable)>>,
}

impl Remote {
    pub(in crate::source) fn new(options: &RemoteOptions) -> Result<Self, Unreachable> {
        let cache = Cache::open(&options.cache, options.cache_bytes).map_err(|error| Unreachable {
            url: options.cache.display().to_string(),
            reason: format!("the cache's directory cannot be made: {error}"),
            remedy: "Name another one in `RemoteOptions::cache` (VLP_CACHE)".to_owned(),
        })?;
        Ok(Self { stores: Stores::default(), cache: Arc::new(cache), options: options.clone() })
    }

    pub(in crate::source) fn connections(&self) -> usize {
        self.options.connections.max(1)
    }

    /// The index of a shard, from the cache or else from the shard, and the shard. `has_caption` looks at what was found.
    pub(in crate::source) fn index(
        &self,
        url: &str,
        options: &TarOptions,
        limits: &Limits,
        has_caption: impl Fn(&Positioned, &Scan) -> bool,
    ) -> Result<(RemoteShard, IndexFile), Unreachable> {
        let place = self.stores.place(url, &self.options)?;
        let (cache, name) = (Arc::clone(&self.cache), Cache::name(url));
        let near = |error: std::io::Error| near(&place, &self.cache, &error);
        let lock = cache.hold(&name).map_err(near)?;
        let index = match IndexFile::read(&cache, &name, url, (options, limits)) {
            Some(index) => index,
            None => {
                let (mut file, length, etag) = fetch(&place, &cache, &name, &self.options)?;
                file.rewind().map_err(near)?;
                let whole = Positioned::new(Arc::new(file.try_clone().map_err(near)?)).map_err(near)?;
                let mut found = scan(&whole, "txt", options, limits).map_err(near)?;
                if let Some(packing) = Packing::of(&whole).map_err(near)? {
                    let name = packing.name();
                    found.warnings =
                        vec![format!("is packed with {name}: remote shards are read as they are, unpack it first")];
                }
                let captions = has_caption(&whole, &found);
                let index = IndexFile::new(url, (length, etag), (options, limits), captions, found);
                // In this order, a shard without an index is fetched again, and an index without a shard is no harm.
                cache.publish(&name, &file).map_err(near)?;
                index.write(&cache, &name).map_err(near)?;
                index
            }
        };
        drop(lock);
        let options = self.options.clone();
        let (length, etag) = (index.length, index.etag.clone());
        Ok((RemoteShard { place, name, cache, options, length, etag, failure: Mutex::default() }, index))
    }
}

impl RemoteShard {
    pub(in crate::source) fn url(&self) -> &str {
        &self.place.url
    }

    /// The shard's file in the cache, fetched first where it is not there.
    pub(in crate::source) fn file(&self) -> Result<File, Unreachable> {
        if let Some(file) = self.cache.get(&self.name, self.length) {
            return Ok(file);
        }
        let asked = Instant::now();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, error)) = &*failure
            && *when >= asked
        {
            return Err(error.clone());
        }
        let fetched = self.fetch();
        if let Err(error) = &fetched {
            *failure = Some((Instant::now(), error.clone()));
        }
        fetched
    }

    fn fetch(&self) -> Result<File, Unreachable> {
        let near = |error: std::io::Error| near(&self.place, &self.cache, &error);
        let _lock = self.cache.hold(&self.name).map_err(near)?;
        // Another process may have fetched it while this one waited.
        if let Some(file) = self.cache.get(&self.name, self.length) {
            return Ok(file);
        }
        let (file, length, etag) = fetch(&self.place, &self.cache, &self.name, &self.options)?;
        let strong = |etag: &Option<String>| etag.clone().filter(|etag| !etag.starts_with("W/"));
        let other_version = matches!((strong(&self.etag), strong(&etag)), (Some(one), Some(other)) if one != other);
        if length != self.length || other_version {
            self.cache.discard(&self.name);
            return Err(Unreachable {
                url: self.place.url.clone(),
                reason: format!("it has changed since it was indexed ({length} bytes, then {})", self.length),
                remedy: format!(
                    "Bring the old shard back, or remove {} and start the run anew: its samples are others",
                    self.cache.path(&self.name, "index").display()
                ),
            });
        }
        self.cache.publish(&self.name, &file).map_err(near)?;
        Ok(file)
    }
}
