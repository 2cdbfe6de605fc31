use std::env;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How shards are fetched from afar, and where they are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteOptions {
    /// Directory of the cache, on a local disk; several loaders and processes may share it. By default `VLP_CACHE` of the
    /// environment, or else `vlp` in the user's cache directory.
    pub cache: PathBuf,
    /// Room for shards in it, in bytes; those used least recently make way. By default `VLP_CACHE_GIB` of the environment
    /// times 2^30, or else 64 GiB. The indices of all shards, about 70 bytes a sample, come on top.
    pub cache_bytes: u64,
    /// Shards fetched at the same time when a dataset is opened for the first time.
    pub connections: usize,
    /// Attempts after one that made no headway.
    pub retries: usize,
    /// Wait before the first of them, in seconds; each further one waits twice as long, a minute at most.
    pub backoff: f64,
    /// A connection must stand after so many seconds.
    pub connect_timeout: f64,
    /// More bytes must come within so many seconds.
    pub read_timeout: f64,
}

impl Default for RemoteOptions {
    /// 64 GiB in the user's cache directory, four connections, eight retries from 0.5 s on, time-outs of 10 and 60 s.
    fn default() -> Self {
        let gibibytes = env::var("VLP_CACHE_GIB").ok().and_then(|text| text.trim().parse::<f64>().ok());
        Self {
            cache: default_cache(),
            cache_bytes: (gibibytes.unwrap_or(64.0) * (1u64 << 30) as f64) as u64,
            connections: 4,
            retries: 8,
            backoff: 0.5,
            connect_timeout: 10.0,
            read_timeout: 60.0,
        }
    }
}

fn default_cache() -> PathBuf {
    let directory = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    directory("VLP_CACHE").unwrap_or_else(|| {
        let user = directory("XDG_CACHE_HOME").or_else(|| Some(env::home_dir()?.join(".cache")));
        user.unwrap_or_else(env::temp_dir).join("vlp")
    })
}
