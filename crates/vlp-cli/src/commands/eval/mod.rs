//! `vlp eval`: what a model knows.

mod on_data;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use vlp::data::{Dataset, Limits};
use vlp::encoders::ImageEncoderConfig;
use vlp::eval::{Report, side_by_side};
use vlp::methods::MethodConfig;
use vlp::pretrained::Templates;
use vlp::recipe::{EvalRecipe, EvalSetRecipe, SourceRecipe, ZeroShotRecipe};
use vlp::run::load_as;

use crate::batches::BatchArgs;
use crate::failure::{Blame, Failure};
use crate::model_arg::ModelArg;
use crate::screen::{Answer, Screen};

/// Measures a run by what its recipe asks for, or any model on data that you name: retrieval both ways, and classes by name.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// What to measure on: shards, a table, a folder; without it what the recipe of a run names
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// Also classify by name among the values of this field of the data, such as label
    #[arg(long, value_name = "FIELD", requires = "data")]
    label: Option<String>,
    /// What is said about a class, {} being its name; several are averaged
    #[arg(long = "template", value_name = "TEXT", requires = "label")]
    templates: Vec<String>,
    /// Folder for results.json, and pictures of what a run's recipe asks for
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    batches: BatchArgs,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        match (self.model.is_run(), &self.data) {
            (true, _) => self.trained::<M, I>(screen),
            (false, Some(source)) => self.pretrained::<M, I>(source, screen),
            (false, None) => {
                Err(Failure::asked("this model has no recipe that says what to measure it on: name --data SOURCE"))
            }
        }
    }

    /// A run, by its recipe or by one set of its own.
    fn trained<M: MethodConfig, I: ImageEncoderConfig>(&self, screen: Screen) -> Result<(), Failure> {
        let trained = load_as::<M, I>(self.model.path(), &self.model.device()?).map_err(Failure::of)?;
        let evaluation = match &self.data {
            None => trained.evaluate(),
            Some(source) => {
                let plain = || vec!["{}".to_owned()];
                let templates = if self.templates.is_empty() { plain() } else { self.templates.clone() };
                let zero_shot = self.label.clone().map(|field| ZeroShotRecipe { field, templates });
                let (name, source) = (short(source), SourceRecipe::new(source));
                let set = EvalSetRecipe { name, source, retrieval: true, zero_shot, knn: None };
                trained.evaluate_by(&EvalRecipe { every: None, sets: vec![set] })
            }
        };
        let evaluation = evaluation.map_err(Failure::of)?;
        let files = self.out.as_ref().map_or(Ok(Vec::new()), |out| evaluation.save(out)).map_err(Failure::of)?;
        let model = self.model.path().display().to_string();
        screen.show(&Answered { model, results: &evaluation.reports, out: self.out.clone(), files })
    }

    /// Any model on any data.
    fn pretrained<M: MethodConfig, I: ImageEncoderConfig>(&self, source: &str, screen: Screen) -> Result<(), Failure> {
        let dataset = Arc::new(Dataset::from_path(source, Limits::default()).asked()?);
        let model = self.model.open::<M, I>()?;
        model.text_reader().asked()?;
        let templates = if self.templates.is_empty() {
            model.templates().clone()
        } else {
            Templates::new(&self.templates).asked()?
        };
        let label = self.label.as_deref().map(|field| (field, &templates));
        let report = on_data::evaluate(&model, &short(source), &dataset, label, &self.batches, screen)?;
        let (mut files, results) = (Vec::new(), [report]);
        if let Some(out) = &self.out {
            let about = |error| Failure::failed(format!("{}: {error}", out.display()));
            std::fs::create_dir_all(out).map_err(about)?;
            let text = serde_json::to_vec_pretty(&results).failed()?;
            std::fs::write(out.join("results.json"), text).map_err(about)?;
            files.push("results.json");
        }
        screen.show(&Answered { model: model.name().to_owned(), results: &results, out: self.out.clone(), files })
    }
}

/// The name of data in the results: without folders and ending.
fn short(source: &str) -> String {
    let name = Path::new(source).file_stem().and_then(OsStr::to_str).filter(|name| !name.is_empty());
    name.unwrap_or(source).to_owned()
}

#[derive(Serialize)]
struct Answered<'a> {
    model: String,
    results: &'a [Report],
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<PathBuf>,
    files: Vec<&'static str>,
}

impl Answer for Answered<'_> {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", side_by_side(&format!("What {} knows", self.model), self.results))?;
        match &self.out {
            Some(folder) => writeln!(out, "\n{}: {}", folder.display(), self.files.join(", ")),
            None => Ok(()),
        }
    }
}
