//! `vlp search`: which pictures are like this?

mod index;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::eval::{Embeddings, top_k};
use vlp::methods::MethodConfig;
use vlp::pretrained::{Model, Pictures};

use self::index::{Index, Place};
use crate::batches::{BatchArgs, Damaged};
use crate::failure::{Blame, Failure};
use crate::model_arg::ModelArg;
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Finds the pictures that are nearest to a text or to a picture.
///
/// The vectors of the pictures are kept in an index, one for each model: a second search reads no picture that has not changed.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    queries: Queries,
    /// Pictures shown for each text or picture
    #[arg(long, default_value_t = 10, value_parser = crate::at_least_one)]
    top: usize,
    /// File of the index [default: .vlp-index-….safetensors in the first folder, one for each model]
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    #[command(flatten)]
    batches: BatchArgs,
}

/// What is looked for.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = true)]
struct Queries {
    /// Pictures of this; may be given again
    #[arg(long = "text", value_name = "TEXT")]
    texts: Vec<String>,
    /// Pictures like this one; may be given again
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
}

impl Queries {
    /// Their names and vectors, texts first.
    fn embed(&self, model: &Model) -> Result<Vec<(String, Embeddings)>, Failure> {
        let text = |text: &String| Ok((text.clone(), model.embed_texts(&[text]).asked()?));
        let image = |path: &PathBuf| Ok((path.display().to_string(), model.embed_images(&[path]).asked()?));
        self.texts.iter().map(text).chain(self.images.iter().map(image)).collect()
    }
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let pictures = Pictures::find(&self.pictures).asked()?;
        let model = self.model.open::<M, I>()?;
        let queries = self.queries.embed(&model)?;
        let place = Place::new(&model, self.model.path(), self.index, &self.pictures[0])?;
        let (index, embedded) = Index::of(&model, &pictures, &place, &self.batches, screen)?;
        Damaged::warn(screen, &index.damaged());
        let (names, vectors) = (index.names(), index.vectors()?);
        let mut answers = Vec::new();
        for (query, vector) in queries {
            let nearest = top_k(&vector, &vectors, self.top.min(names.len())).failed()?.remove(0);
            let cosines = vector.similarity(&vectors.select(&nearest).failed()?).failed()?;
            let hit = |(at, index): (usize, &usize)| Hit { picture: names[*index].clone(), cosine: cosines[(0, at)] };
            answers.push(Found { query, found: nearest.iter().enumerate().map(hit).collect() });
        }
        screen.show(&Answered {
            model: model.name().to_owned(),
            index: place.path.clone(),
            pictures: names.len(),
            embedded,
            queries: answers,
        })
    }
}

#[derive(Serialize)]
struct Answered {
    model: String,
    index: PathBuf,
    /// How many there were to find.
    pictures: usize,
    /// How many of them were not in the index.
    embedded: usize,
    queries: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    query: String,
    /// The nearest first.
    found: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    picture: String,
    cosine: f32,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for Found { query, found } in &self.queries {
            let mut table = Table::new(&["cosine>", query]);
            for Hit { picture, cosine } in found {
                table.row([format!("{cosine:.4}"), picture.clone()]);
            }
            table.write(out)?;
            writeln!(out)?;
        }
        let (pictures, embedded, index) = (self.pictures, self.embedded, self.index.display());
        writeln!(out, "{pictures} pictures, {embedded} of them embedded now, by {}; index: {index}", self.model)
    }
}

/// Where the index of a search lies when nothing else is said.
fn beside(pictures: &Path) -> &Path {
    if pictures.is_dir() { pictures } else { pictures.parent().unwrap_or(Path::new("")) }
}
