//! `vlp data index`: how many samples tar shards hold.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use vlp::augment::read_regular;
use vlp::data::{DataError, Source, SourceOptions, Tally, TarOptions, TarShards, expand_names, is_shard};

use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::source_arg::HowArg;
use crate::table::Table;

const KIND: &str = "wids-shard-index-v1";

/// Counts the samples of tar shards into index.json, in the form of WebDataset's `wids`; shards that have not changed since are not
/// read again.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A folder of shards, or a pattern such as `cc/{00000..00331}.tar` or `training_*.tar`
    shards: String,
    #[command(flatten)]
    how: HowArg,
    /// The file to write [default: index.json beside the first shard]
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        let (shards, options) = (self.paths()?, self.how.options()?);
        let beside = shards[0].parent().unwrap_or(Path::new("")).join("index.json");
        let out = self.out.unwrap_or(beside);
        let earlier = Index::read(&out)?;
        let folder = out.parent().unwrap_or(Path::new(""));
        let (mut list, mut counted) = (Vec::new(), 0);
        let bar = screen.bar(shards.len() as u64, "shards");
        for path in &shards {
            let (filesize, modified) = stamp(path)?;
            // Readers take names from the place of the index on.
            let url = path.strip_prefix(folder).unwrap_or(path).display().to_string();
            // What was counted in another way says nothing.
            let known = earlier.shardlist.iter().find(|shard| shard.url == url && earlier.options == options);
            let shard = match known.filter(|shard| (shard.filesize, shard.modified) == (filesize, modified)) {
                Some(shard) => shard.clone(),
                None => {
                    counted += 1;
                    let (nsamples, damaged) = count(path, &options)?;
                    Shard { url, nsamples, filesize, modified, damaged }
                }
            };
            list.push(shard);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let index = Index { kind: KIND.to_owned(), wids_version: 1, options, shardlist: list };
        if index != earlier {
            index.write(&out)?;
        }
        let samples = index.shardlist.iter().map(|shard| shard.nsamples).sum();
        screen.show(&Answered { out, samples, counted, index })
    }

    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let folder = Path::new(&self.shards);
        if !folder.is_dir() {
            let paths: Vec<_> = expand_names(&self.shards).asked()?.into_iter().map(PathBuf::from).collect();
            return if paths.is_empty() { Err(Failure::asked("no shards are named")) } else { Ok(paths) };
        }
        let entries = fs::read_dir(folder).map_err(|error| about(folder, error))?;
        let paths: Result<Vec<_>, io::Error> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(|error| about(folder, error))?;
        paths.retain(|path| path.file_name().is_some_and(|name| is_shard(&name.to_string_lossy())));
        paths.sort();
        if paths.is_empty() {
            return Err(Failure::asked(format!("{} holds no .tar files", folder.display())));
        }
        Ok(paths)
    }
}

fn about(path: &Path, error: io::Error) -> Failure {
    Failure::asked(format!("{}: {error}", path.display()))
}

/// Bytes and time of the last change, in nanoseconds since 1970.
fn stamp(path: &Path) -> Result<(u64, u64), Failure> {
    let file = fs::metadata(path).map_err(|error| about(path, error))?;
    let modified = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((file.len(), modified.map_or(0, |time| time.as_nanos() as u64)))
}

fn count(path: &Path, options: &SourceOptions) -> Result<(usize, Tally), Failure> {
    match TarShards::open_with([path.to_owned()], &TarOptions::of(options), options.limits.clone()) {
        Ok(shard) => Ok((shard.len(), shard.tally().clone())),
        // An empty shard is none that keeps others from being counted.
        Err(DataError::NoSamples { .. }) => Ok((0, Tally::default())),
        Err(error) => Err(Failure::asked(error)),
    }
}

/// The file, as `wids` reads it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Index {
    #[serde(rename = "__kind__")]
    kind: String,
    wids_version: u32,
    /// How the shards were read, where it was not as usual.
    #[serde(default, skip_serializing_if = "is_usual")]
    options: SourceOptions,
    shardlist: Vec<Shard>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shard {
    url: String,
    nsamples: usize,
    #[serde(default)]
    filesize: u64,
    #[serde(default)]
    modified: u64,
    #[serde(default)]
    damaged: Tally,
}

fn is_usual(options: &SourceOptions) -> bool {
    *options == SourceOptions::default()
}

impl Index {
    /// An earlier index; a file that is none is not overwritten.
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = match read_regular(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Index::default()),
            Err(error) => return Err(about(path, error)),
        };
        let index: Option<Index> = serde_json::from_slice(&text).ok().filter(|index: &Index| index.kind == KIND);
        let taken =
            || Failure::asked(format!("{} is there and no index of shards: choose another --out", path.display()));
        index.ok_or_else(taken)
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        let part = path.with_added_extension("part");
        let text = serde_json::to_vec_pretty(self).failed()?;
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
        written.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    }
}

#[derive(Serialize)]
struct Answered {
    out: PathBuf,
    samples: usize,
    /// Shards that were read; the others had not changed.
    counted: usize,
    #[serde(flatten)]
    index: Index,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["shard", "samples>", "MB>", "damaged>"]);
        for shard in &self.index.shardlist {
            let megabytes = format!("{:.1}", shard.filesize as f64 / 1e6);
            let damaged = shard.damaged.total().to_string();
            table.row([shard.url.clone(), shard.nsamples.to_string(), megabytes, damaged]);
        }
        table.write(out)?;
        let (shards, counted) = (self.index.shardlist.len(), self.counted);
        writeln!(
            out,
            "\n{} samples in {shards} shards, {counted} of them counted now: {}",
            self.samples,
            self.out.display()
        )
    }
}
