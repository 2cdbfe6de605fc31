use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::RemoteOptions;
use crate::Unreachable;

/// Where a shard is: a store, and a name in it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    service: Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    S3,
    Google,
    Http,
}

/// The stores that places are in, each opened once.
#[derive(Default)]
pub(super) struct Stores {
    known: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

// By hand: stores know credentials.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.url)
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}

impl Stores {
    /// What a URL names. Credentials come from the environment.
    pub(super) fn place(&self, url: &str, options: &RemoteOptions) -> Result<Place, Unreachable> {
        let wrong = |reason: String, remedy: &str| Unreachable { url: shown(url), reason, remedy: remedy.to_owned() };
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let service = match scheme {
            "s3" | "s3a" => Service::S3,
            "gs" => Service::Google,
            "http" | "https" => Service::Http,
            _ => return Err(wrong(format!("shards are not read from `{scheme}`"), "Use s3, gs, http or https")),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || path.is_empty() {
            return Err(wrong("the URL names no file".to_owned(), "Give the whole name of a shard"));
        }
        // They would be printed in every message, and be part of the shard's name in the cache.
        if host.contains('@') || path.contains(['?', '#']) {
            let remedy = "Credentials are taken from the environment, never from a URL";
            return Err(wrong("a URL with a user, a query or a fragment".to_owned(), remedy));
        }
        let path = match service {
            Service::Http => Path::from_url_path(path),
            _ => Path::parse(path),
        };
        let path = path.map_err(|error| wrong(error.to_string(), "Check the pattern"))?;
        let base = format!("{scheme}://{host}");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match known.get(&base) {
            Some(store) => Arc::clone(store),
            None => {
                let store = open(service, &base, options)
                    .map_err(|error| wrong(cause(&error), "Check the environment's settings of this service"))?;
                known.insert(base, Arc::clone(&store));
                store
            }
        };
        Ok(Place { url: url.to_owned(), store, path, service })
    }
}

/// A URL without what may be secret in it.
fn shown(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url[..end].split_once("://").unwrap_or(("", &url[..end]));
    let host = rest.find('/').unwrap_or(rest.len());
    let begin = rest[..host].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[begin..])
}

fn open(service: Service, base: &str, options: &RemoteOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    // Once for the process; whoever has chosen another provider before us keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(60));
    let retry = RetryConfig {
        max_retries: options.retries,
        backoff: BackoffConfig {
            init_backoff: seconds(options.backoff),
            max_backoff: Duration::from_secs(60),
            ..BackoffConfig::default()
        },
        ..RetryConfig::default()
    };
    let milliseconds = |duration: f64| format!("{}ms", seconds(duration).as_millis());
    let client = [
        // For a shard as a whole, which may be large: the others notice when nothing comes.
        (ClientConfigKey::Timeout, "30days".to_owned()),
        (ClientConfigKey::ConnectTimeout, milliseconds(options.connect_timeout)),
        (ClientConfigKey::ReadTimeout, milliseconds(options.read_timeout)),
    ];
    Ok(match service {
        Service::S3 => {
            let set =
                |builder: AmazonS3Builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value);
            let builder = client.into_iter().fold(AmazonS3Builder::from_env(), set);
            Arc::new(builder.with_url(base).with_retry(retry).build()?)
        }
        Service::Google => {
            let set = |builder: GoogleCloudStorageBuilder, (key, value)| {
                builder.with_config(GoogleConfigKey::Client(key), value)
            };
            let builder = client.into_iter().fold(GoogleCloudStorageBuilder::from_env(), set);
            Arc::new(builder.with_url(base).with_retry(retry).build()?)
        }
        Service::Http => {
            let set = |builder: HttpBuilder, (key, value)| builder.with_config(key, value);
            let plain = (ClientConfigKey::AllowHttp, base.starts_with("http://").to_string());
            let builder = client.into_iter().chain([plain]).fold(HttpBuilder::new(), set);
            Arc::new(builder.with_url(base).with_retry(retry).build()?)
        }
    })
}

impl Place {
    /// What an error of the store means for whoever waits for the shard.
    pub(super) fn unreachable(&self, error: &object_store::Error) -> Unreachable {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        let remedy = match (error, self.service) {
            (NotFound { .. }, _) => "Check the pattern: there is no shard of this name",
            (PermissionDenied { .. } | Unauthenticated { .. }, Service::S3) => {
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or set AWS_SKIP_SIGNATURE=true for a public bucket"
            }
            (PermissionDenied { .. } | Unauthenticated { .. }, Service::Google) => {
                "Check GOOGLE_APPLICATION_CREDENTIALS, or set GOOGLE_SKIP_SIGNATURE=true for a public bucket"
            }
            (PermissionDenied { .. } | Unauthenticated { .. }, Service::Http) => {
                "The server wants credentials, which are not sent over HTTP"
            }
            (_, Service::S3) => {
                "Check the network, AWS_ENDPOINT and AWS_REGION, and start again: what was fetched stays in the cache"
            }
            _ => "Check the network and start again: what was fetched stays in the cache",
        };
        let status = match error {
            NotFound { .. } => "status 404 Not Found: ",
            PermissionDenied { .. } => "status 403 Forbidden: ",
            Unauthenticated { .. } => "status 401 Unauthorized: ",
            _ => "",
        };
        Unreachable { url: self.url.clone(), reason: format!("{status}{}", cause(error)), remedy: remedy.to_owned() }
    }
}

/// An error with its causes, as far as these say more, in one line of bounded length.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(600).collect()
}
