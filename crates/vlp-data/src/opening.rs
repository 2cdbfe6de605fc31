//! Datasets by pattern, by folder and by name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::globs::expand_names;
use crate::source::{Table, metadata_files, shards_of_export, split_of_file};
use crate::{DataError, Dataset, LeftOutPolicy, Limits, SourceOptions, TarOptions};

impl Dataset {
    /// Indexes the shards of a directory whose names begin with `prefix` and end in `.tar`, or in an ending of packed ones (`.tar.gz`,
    /// `.tgz`, `.tar.zst`, `.tar.xz`, `.tar.bz2`), in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read or has no such file, and as [`TarShards::open`](crate::TarShards::open).
    pub fn open(directory: impl AsRef<Path>, prefix: &str, limits: Limits) -> Result<Self, DataError> {
        let directory = directory.as_ref();
        Self::open_with(directory, prefix, &TarOptions::default(), limits)
    }

    fn open_with(directory: &Path, prefix: &str, options: &TarOptions, limits: Limits) -> Result<Self, DataError> {
        match files_of(directory, prefix, is_shard)? {
            (shards, files) if shards.is_empty() => {
                Err(DataError::NoShards { directory: directory.to_owned(), prefix: prefix.to_owned(), files })
            }
            (shards, _) => Self::from_shards_with(shards, options, limits),
        }
    }

    /// Indexes the shards that a pattern names, as open_clip's `--train-data`: see [`expand_braces`](crate::expand_braces); `*`, `?`,
    /// `[...]` and `**` stand for the files there are. With the feature `remote` names may be URLs: see `Dataset::remote_tars`.
    ///
    /// # Errors
    /// When the pattern is malformed or names a command, or a remote place without that feature, and as [`TarShards::open`](crate::TarShards::open).
    pub fn tars(patterns: &str, limits: Limits) -> Result<Self, DataError> {
        Self::tars_with(patterns, &TarOptions::default(), limits)
    }

    /// As [`Dataset::tars`], with a say in how names are read and packed shards unpacked.
    ///
    /// # Errors
    /// As there, and when packed shards unpack to more than the options allow.
    pub fn tars_with(patterns: &str, options: &TarOptions, limits: Limits) -> Result<Self, DataError> {
        let names = expand_names(patterns)?;
        match names.iter().find(|name| name.starts_with("pipe:") || name.contains("://")) {
            None => Self::from_shards_with(names.into_iter().map(PathBuf::from), options, limits),
            Some(name) if name.starts_with("pipe:") => Err(DataError::Pattern {
                pattern: name.clone(),
                reason: "commands are never run: fetch the shards first".to_owned(),
            }),
            #[cfg(feature = "remote")]
            Some(_) => {
                let remote = crate::RemoteOptions::default();
                Self::new(crate::TarShards::open_urls_with(names, &remote, options, limits.clone())?, limits)
            }
            #[cfg(not(feature = "remote"))]
            Some(name) => Err(DataError::Pattern {
                pattern: name.clone(),
                reason: "remote shards are read with the feature `remote` only: build with it, or fetch them first"
                    .to_owned(),
            }),
        }
    }

    /// As [`Dataset::tars`], with a say in where shards are kept and how they are fetched. `s3://`, `gs://`, `http://` and
    /// `https://` may stand beside paths.
    ///
    /// # Errors
    /// When the pattern is malformed or names a command, and as [`TarShards::open_urls`](crate::TarShards::open_urls).
    #[cfg(feature = "remote")]
    pub fn remote_tars(patterns: &str, options: &crate::RemoteOptions, limits: Limits) -> Result<Self, DataError> {
        let names = expand_names(patterns)?;
        if let Some(name) = names.iter().find(|name| name.starts_with("pipe:")) {
            let reason = "commands are never run: fetch the shards first".to_owned();
            return Err(DataError::Pattern { pattern: name.clone(), reason });
        }
        Self::new(crate::TarShards::open_urls(names, options, limits.clone())?, limits)
    }

    /// Several patterns with `::` between them, each with the weight of its samples, as open_clip's `--train-data` and
    /// `--train-data-upsampling-factors`: `("a.tar::b.tar", "1::2")`.
    ///
    /// # Errors
    /// When there are not as many weights as patterns, a weight is no positive number, and as [`Dataset::tars`].
    pub fn weighted_tars(patterns: &str, weights: &str, limits: Limits) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Pattern { pattern: weights.to_owned(), reason };
        let patterns: Vec<&str> = patterns.split("::").collect();
        let weights: Vec<f64> = weights
            .split("::")
            .map(|weight| weight.trim().parse().map_err(|_| wrong(format!("`{weight}` is no number"))))
            .collect::<Result<_, _>>()?;
        if patterns.len() != weights.len() {
            return Err(wrong(format!("{} weights for {} patterns: give one for each", weights.len(), patterns.len())));
        }
        let parts =
            patterns.iter().zip(weights).map(|(pattern, weight)| Ok((Self::tars(pattern, limits.clone())?, weight)));
        Self::mix(parts.collect::<Result<Vec<_>, _>>()?)
    }

    /// Parquet tables that a pattern names (see [`Dataset::tars`]): see [`ParquetTable`](crate::ParquetTable).
    ///
    /// # Errors
    /// When the pattern is malformed, and as [`ParquetTable::open`](crate::ParquetTable::open).
    #[cfg(feature = "parquet")]
    pub fn parquet(patterns: &str, options: &crate::ParquetOptions, limits: Limits) -> Result<Self, DataError> {
        Self::parquet_files(expand_names(patterns)?.into_iter().map(PathBuf::from).collect(), options, limits)
    }

    #[cfg(feature = "parquet")]
    fn parquet_files(paths: Vec<PathBuf>, options: &crate::ParquetOptions, limits: Limits) -> Result<Self, DataError> {
        let names = paths.iter().map(|path| path.display().to_string());
        if let Some(pattern) = names.into_iter().find(|name| name.contains("://")) {
            let reason = "tables are read from disk only: fetch them first".to_owned();
            return Err(DataError::Pattern { pattern, reason });
        }
        Self::new(crate::ParquetTable::open(paths, options, limits.clone())?, limits)
    }

    /// Whatever this names, with everything found out by itself: see [`Dataset::from_path_with`].
    ///
    /// # Errors
    /// As there.
    pub fn from_path(path: &str, limits: Limits) -> Result<Self, DataError> {
        Self::from_path_with(path, &SourceOptions::with_limits(limits))
    }

    /// Whatever this names: a pattern of shards (`cc/{00..99}.tar`), a `.csv` or `.tsv` table, `.jsonl` lines, a pattern of `.parquet`
    /// tables (feature `parquet`), a folder of shards or of such tables, or a folder of pictures.
    ///
    /// # Errors
    /// When it is none of these, as the function that reads it, and when something is left out that the options do not allow.
    pub fn from_path_with(path: &str, options: &SourceOptions) -> Result<Self, DataError> {
        let dataset = Self::of_any_layout(path, options)?.with_alpha(options.alpha);
        let left_out = dataset.left_out();
        match options.left_out {
            LeftOutPolicy::Refuse if left_out.lost() > 0 => Err(DataError::LeftOut {
                origin: path.to_owned(),
                total: left_out.lost(),
                left_out: left_out.to_string(),
            }),
            _ => Ok(dataset),
        }
    }

    fn of_any_layout(path: &str, options: &SourceOptions) -> Result<Self, DataError> {
        let limits = options.limits.clone();
        let ends = |ending: &str| path.to_ascii_lowercase().ends_with(ending);
        if Path::new(path).is_dir() {
            return Self::of_folder(path.as_ref(), options);
        }
        if ends(".csv") || ends(".tsv") || ends(".txt") || ends(".token") {
            Self::new(Table::from_text(path.as_ref(), options)?, limits)
        } else if ends(".jsonl") || ends(".ndjson") {
            Self::new(Table::read_json_lines(path.as_ref(), options)?.finish()?, limits)
        } else if ends(".json") {
            Self::new(Table::from_json_document(path.as_ref(), options)?, limits)
        } else if is_shard(path) {
            Self::tars_with(path, &TarOptions::of(options), limits)
        } else if ends(".parquet") {
            Self::tables(expand_names(path)?.into_iter().map(PathBuf::from).collect(), options)
        } else {
            if path.contains("://") {
                let reason = "folders are not listed afar: name the shards (`https://host/cc/{00000..00331}.tar`), of CLIP_benchmark's \
                              exports with `caption_lines`; or fetch the folder first";
                return Err(DataError::Pattern { pattern: path.to_owned(), reason: reason.to_owned() });
            }
            let reason =
                "no folder and none of .tar (.tar.gz, .tgz, .tar.zst, .tar.xz, .tar.bz2), .csv, .tsv, .txt, .json, \
                          .jsonl, .ndjson, .parquet"
                    .to_owned();
            Err(DataError::Pattern { pattern: path.to_owned(), reason })
        }
    }

    fn of_folder(folder: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        let (tar, limits) = (TarOptions::of(options), options.limits.clone());
        if let Some(shards) = shards_of_export(folder, options.split.as_deref())? {
            return Self::from_shards_with(shards, &tar, limits);
        }
        match Self::open_with(folder, "", &tar, limits.clone()) {
            Err(DataError::NoShards { .. }) => {}
            shards => return shards,
        }
        let metadata = metadata_files(folder);
        if !metadata.is_empty() {
            return Self::new(Table::from_metadata(folder, &metadata, options)?, limits);
        }
        // Hugging Face's repositories have their tables in `data`.
        for folder in [folder.to_owned(), folder.join("data")].iter().filter(|folder| folder.is_dir()) {
            let (tables, _) = files_of(folder, "", |name| name.ends_with(".parquet"))?;
            if !tables.is_empty() {
                let (tables, options) = of_split(tables, options);
                return Self::tables(tables, &options);
            }
        }
        Self::new(Table::from_folder_with(folder, options)?, limits)
    }

    /// Parquet tables with usual column names.
    fn tables(paths: Vec<PathBuf>, options: &SourceOptions) -> Result<Self, DataError> {
        #[cfg(feature = "parquet")]
        return Self::parquet_files(paths, &crate::ParquetOptions::of(options), options.limits.clone());
        #[cfg(not(feature = "parquet"))]
        {
            let (_, pattern) = (options, paths.first().map(|path| path.display().to_string()).unwrap_or_default());
            Err(DataError::Pattern { pattern, reason: "built without the feature `parquet`".to_owned() })
        }
    }
}

/// The tables of the split that is asked for, if their names tell splits (`train-00000-of-00004.parquet`); it is then no column any more.
fn of_split(tables: Vec<PathBuf>, options: &SourceOptions) -> (Vec<PathBuf>, SourceOptions) {
    let named: Vec<PathBuf> = match &options.split {
        Some(split) => tables.iter().filter(|path| split_of_file(path, split)).cloned().collect(),
        None => Vec::new(),
    };
    match named.is_empty() {
        true => (tables, options.clone()),
        false => (named, SourceOptions { split: None, ..options.clone() }),
    }
}

/// Whether a name is that of a tar shard, packed or not: `.tar`, `.tar.gz`, `.tgz`, `.tar.zst`, `.tar.xz`, `.tar.bz2` and their short forms.
pub fn is_shard(name: &str) -> bool {
    const ENDINGS: [&str; 10] =
        [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz"];
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The files of a directory with such names, in the order of these, and how many files of any name there are.
fn files_of(directory: &Path, prefix: &str, wanted: impl Fn(&str) -> bool) -> Result<(Vec<PathBuf>, usize), DataError> {
    let read_error = |source| DataError::Read { path: directory.to_owned(), source };
    let (mut found, mut files) = (Vec::new(), 0);
    for entry in fs::read_dir(directory).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files += 1;
        if name.starts_with(prefix) && wanted(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok((found, files))
}
