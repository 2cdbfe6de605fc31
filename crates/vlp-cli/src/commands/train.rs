//! `vlp train`: a recipe becomes a trained model.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::eval::Report;
use vlp::methods::MethodConfig;
use vlp::recipe::{Recipe, SourceRecipe};
use vlp::run::{Evaluation, Run, RunError, RunOptions, Trained};
use vlp::trainer::Stop;

use crate::device_arg::DeviceArg;
use crate::failure::{Blame, Failure};
use crate::recipe_arg::{self, Changes};
use crate::screen::{Answer, Screen};
use crate::source_arg::HowArg;

/// Trains what a recipe describes, into a folder with checkpoints, metrics.jsonl and, at the end, results.json and pictures.
///
/// Ctrl-C saves and ends the run; --resume continues it to the bit. A folder that holds a run is not touched without --resume or --fresh.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A recipe's file, or the name of one that is built in: `vlp recipes list`
    #[arg(required_unless_present_any = ["resume", "fork"], conflicts_with_all = ["resume", "fork"])]
    recipe: Option<String>,
    #[command(flatten)]
    changes: Changes,
    /// What to train on instead of the recipe's data: shards, a table, a folder; may be given again. A tenth is held out for evaluation
    #[arg(long, value_name = "SOURCE")]
    data: Vec<String>,
    #[command(flatten)]
    how: HowArg,
    /// Steps of the run, instead of the recipe's length
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Continue the run in this folder
    #[arg(long, value_name = "RUN", conflicts_with_all = ["method", "settings", "data", "options", "steps", "out", "fresh", "fork"])]
    resume: Option<PathBuf>,
    /// Start a new run from the parameters of the one in this folder, by its recipe with what --set changes
    #[arg(long, value_name = "RUN", requires = "out", conflicts_with = "method")]
    fork: Option<PathBuf>,
    /// Folder of the run [default: runs/RECIPE-METHOD]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replace the run in that folder
    #[arg(long)]
    fresh: bool,
    /// Threads that read and augment; they do not change what is learned [default: one for each core, at most 8]
    #[arg(long, value_parser = crate::threads)]
    workers: Option<usize>,
    #[command(flatten)]
    device: DeviceArg,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let (run, out) = self.prepare::<M, I>()?;
        let mut options = RunOptions::default().with_fresh(self.fresh).with_quiet(screen.is_json());
        options = options.with_stop(Stop::on_signals().failed()?);
        if let Some(workers) = self.workers {
            options = options.with_workers(workers);
        }
        let (started, total) = (Instant::now(), run.total_steps());
        let trained = run.with_options(options).fit(&out).map_err(Failure::of)?;
        if trained.is_stopped() {
            let (step, out) = (trained.step(), out.display());
            return Err(Failure::failed(format!(
                "stopped after {step} of {total} steps, which are saved: `train --resume {out}` goes on"
            )));
        }
        let seconds = started.elapsed().as_secs_f64();
        let results = evaluate(&trained)?;
        let files = results.as_ref().map_or(Ok(Vec::new()), |results| results.save(&out)).map_err(Failure::of)?;
        let recipe = trained.recipe();
        screen.show(&Answered {
            method: recipe.method.name(),
            steps: trained.step(),
            seconds,
            files,
            results: results.as_ref().map_or(&[], |results| &results.reports[..]),
            table: results.as_ref().map(ToString::to_string),
            run: out,
        })
    }

    /// The run that is asked for, and its folder.
    fn prepare<M: MethodConfig, I: ImageEncoderConfig>(&self) -> Result<(Run<M, I>, PathBuf), Failure> {
        if let Some(folder) = &self.resume {
            let run = Run::resume_as(folder, &self.device.open()?).map_err(Failure::of)?;
            return Ok((run, folder.clone()));
        }
        if let (Some(folder), Some(out)) = (&self.fork, &self.out) {
            let recipe = Run::<M, I>::forked(folder, &self.changes.settings).map_err(Failure::of)?;
            let recipe = self.changed(recipe)?;
            return Ok((Run::new(recipe, &self.device.open()?).map_err(Failure::of)?, out.clone()));
        }
        let name = self.recipe.as_deref().unwrap_or_default();
        let recipe = self.changed(self.changes.open::<M, I>(name)?)?;
        let folder = format!("{}-{}", recipe_arg::name(name), recipe.method.name());
        let out = self.out.clone().unwrap_or_else(|| Path::new("runs").join(folder));
        Ok((Run::new(recipe, &self.device.open()?).map_err(Failure::of)?, out))
    }

    /// The recipe with what the flags say.
    fn changed<M: MethodConfig, I: ImageEncoderConfig>(&self, recipe: Recipe<M, I>) -> Result<Recipe<M, I>, Failure> {
        let mut recipe = match self.data.split_first() {
            Some((first, others)) => {
                let mut recipe = recipe.with_data(first);
                recipe.data.train.extend(others.iter().map(SourceRecipe::new));
                let options = self.how.options()?;
                recipe.data.train.iter_mut().for_each(|source| source.options = options.clone());
                // Other data brings other values of some keys; those that are set by hand have the last word, but for where a fork begins.
                let init = recipe.init.clone();
                Recipe { init, ..recipe.set(&self.changes.settings).asked()? }
            }
            None if !self.how.is_empty() => {
                return Err(Failure::asked("--option says how --data is read: give that, or --set data.train=[…]"));
            }
            None => recipe,
        };
        if let Some(steps) = self.steps {
            recipe = recipe.set(&[format!("steps={steps}")]).asked()?;
        }
        Ok(recipe)
    }
}

/// What the recipe asks for, if it asks for anything.
fn evaluate<M: MethodConfig, I: ImageEncoderConfig>(trained: &Trained<M, I>) -> Result<Option<Evaluation>, Failure> {
    match trained.evaluate() {
        Ok(evaluation) => Ok(Some(evaluation)),
        Err(RunError::NothingToEvaluate) => Ok(None),
        Err(error) => Err(Failure::failed(error)),
    }
}

#[derive(Serialize)]
struct Answered<'a> {
    run: PathBuf,
    method: &'static str,
    steps: u64,
    seconds: f64,
    results: &'a [Report],
    /// The same for people.
    #[serde(skip)]
    table: Option<String>,
    files: Vec<&'static str>,
}

impl Answer for Answered<'_> {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} steps of {} in {:.0} s", self.steps, self.method, self.seconds)?;
        if let Some(table) = &self.table {
            writeln!(out, "\n{table}\n")?;
        }
        let files: String = self.files.iter().map(|file| format!(", {file}")).collect();
        writeln!(out, "{}: checkpoints, metrics.jsonl{files}", self.run.display())
    }
}
