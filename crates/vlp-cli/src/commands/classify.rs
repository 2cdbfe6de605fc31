//! `vlp classify`: what is on these pictures?

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::pretrained::{Classified, Pictures, Templates, imagenet_classes};

use crate::batches::{self, BatchArgs, Damaged};
use crate::failure::{Blame, Failure};
use crate::model_arg::ModelArg;
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Classifies pictures among classes given by name, for which the model need not have been trained.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    classes: Classes,
    /// What is said about a class, {} being its name, several are averaged; or openai (80 sentences), simple ("a photo of a {}.") or
    /// plain ("{}") [default: the model's own: simple, plain for a run]
    #[arg(long = "template", value_name = "TEXT")]
    templates: Vec<String>,
    /// Classes shown for each picture
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    top: usize,
    #[command(flatten)]
    batches: BatchArgs,
}

/// Where the names of the classes are.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Classes {
    /// Names of the classes, with commas between them
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// A file with a class name on each line
    #[arg(long, value_name = "FILE")]
    classes_from: Option<PathBuf>,
    /// The 1,000 classes of ImageNet
    #[arg(long)]
    imagenet: bool,
}

impl Classes {
    fn names(&self) -> Result<Vec<String>, Failure> {
        let listed = match &self.classes_from {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| Failure::asked(format!("{}: {error}", path.display())))?
            }
            None => String::new(),
        };
        let names = self.classes.iter().map(String::as_str).chain(listed.lines());
        let names = names.chain(self.imagenet.then(imagenet_classes).into_iter().flatten());
        let names: Vec<_> = names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() { Err(Failure::asked("no class is named")) } else { Ok(names) }
    }
}

/// The sentences that `--template` asks for; none where the model's own will do.
fn templates(asked: &[String]) -> Result<Option<Templates>, Failure> {
    match asked {
        [] => Ok(None),
        [word] if word == "openai" => Ok(Some(Templates::openai())),
        [word] if word == "simple" => Ok(Some(Templates::simple())),
        [word] if word == "plain" => Ok(Some(Templates::plain())),
        sentences => Templates::new(sentences).asked().map(Some),
    }
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let names = self.classes.names()?;
        let templates = templates(&self.templates)?;
        let pictures = Pictures::find(&self.pictures).asked()?;
        let model = self.model.open::<M, I>()?;
        let classifier = model.classifier(&names, templates.as_ref().unwrap_or(model.templates())).asked()?;
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        let whole = batches::each(&model, &pictures, &self.batches, screen, |batch| {
            if let Some(vectors) = batch.unit().failed()? {
                let classes = classifier.rank(&vectors, self.top).failed()?;
                found.extend(batch.names.into_iter().zip(classes).map(|(picture, classes)| Found { picture, classes }));
            }
            damaged.extend(batch.damaged.into_iter().map(|(picture, why)| Damaged { picture, why }));
            Ok(())
        })?;
        if let ([], [Damaged { picture, why }, ..]) = (&found[..], &damaged[..]) {
            return Err(Failure::failed(format!("none of the pictures could be read; the first is {picture}: {why}")));
        }
        Damaged::warn(screen, &damaged);
        let left = pictures.len() - found.len() - damaged.len();
        screen.show(&Answered { model: model.name().to_owned(), classes: names.len(), pictures: found, damaged })?;
        if whole { Ok(()) } else { Err(Failure::failed(format!("stopped with {left} pictures left"))) }
    }
}

#[derive(Serialize)]
struct Answered {
    model: String,
    /// How many there were to choose from.
    classes: usize,
    pictures: Vec<Found>,
    damaged: Vec<Damaged>,
}

#[derive(Serialize)]
struct Found {
    picture: String,
    /// The likeliest first.
    classes: Vec<Classified>,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let most = self.pictures.iter().map(|found| found.classes.len()).max().unwrap_or(0);
        let mut columns = vec!["picture"];
        (0..most).for_each(|_| columns.extend(["%>", "class"]));
        let mut table = Table::new(&columns);
        for Found { picture, classes } in &self.pictures {
            let mut cells = vec![picture.clone()];
            for Classified { name, probability } in classes {
                cells.extend([format!("{:.1}", 100.0 * probability), name.clone()]);
            }
            table.row(cells);
        }
        table.write(out)?;
        writeln!(out, "\n{} pictures, {} classes, by {}", self.pictures.len(), self.classes, self.model)
    }
}
