//! `vlp embed`: pictures or texts into a matrix.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::pretrained::{EmbedOptions, EmbedSummary, Pictures, Progress, RowFormat, RowWriter, embed_files};
use vlp::trainer::Stop;

use crate::batches::BatchArgs;
use crate::failure::{Blame, Failure};
use crate::model_arg::ModelArg;
use crate::screen::{Answer, Screen};

/// Texts that the model has read between two moves of the bar.
const TEXTS: usize = 256;

/// Writes the vectors of pictures, or of the lines of a file, into one matrix, a row each.
///
/// Names of pictures go to the same name with .txt, those that cannot be read to .damaged.txt. The matrix appears when it is whole; after
/// Ctrl-C or a crash the same command with --resume does only what is missing.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required_unless_present = "texts", conflicts_with = "texts")]
    pictures: Vec<PathBuf>,
    /// A file with a text on each line, instead of pictures
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// The matrix to write, .npy or .safetensors
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// As the model gives them, without dividing by their length
    #[arg(long, conflicts_with = "texts")]
    raw: bool,
    /// Go on with a matrix that is not whole
    #[arg(long, conflicts_with = "texts")]
    resume: bool,
    #[command(flatten)]
    batches: BatchArgs,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        match &self.texts {
            None => self.pictures::<M, I>(screen),
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| Failure::asked(format!("{}: {error}", file.display())))?;
                self.texts::<M, I>(&text.lines().collect::<Vec<_>>(), screen)
            }
        }
    }

    fn pictures<M: MethodConfig, I: ImageEncoderConfig>(&self, screen: Screen) -> Result<(), Failure> {
        let pictures = Pictures::find(&self.pictures).asked()?;
        let model = self.model.open::<M, I>()?;
        let BatchArgs { batch, workers } = self.batches;
        let options = EmbedOptions { batch, workers, raw: self.raw, resume: self.resume };
        let bar = screen.bar(pictures.len() as u64, "pictures");
        let stop = Stop::on_signals().failed()?;
        let summary = embed_files(&model, &pictures, &self.out, &options, |Progress { done, total }| {
            bar.set_position(done as u64);
            // What has been done is on the disk, with what --resume needs.
            if stop.is_requested() && done < total {
                bar.finish_and_clear();
                let stopped =
                    format!("stopped with {done} of {total} pictures done: the same command with --resume goes on");
                std::process::exit(screen.end(Err(Failure::failed(stopped))).into());
            }
        });
        bar.finish_and_clear();
        let summary = summary.map_err(Failure::of)?;
        if summary.damaged > 0 {
            let list = self.out.with_extension("damaged.txt");
            screen.warn(format!("{} of {} pictures are left out: {}", summary.damaged, pictures.len(), list.display()));
        }
        screen.show(&Answered { model: model.name().to_owned(), out: self.out.clone(), summary })
    }

    fn texts<M: MethodConfig, I: ImageEncoderConfig>(&self, texts: &[&str], screen: Screen) -> Result<(), Failure> {
        RowFormat::of(&self.out).asked()?;
        let model = self.model.open::<M, I>()?;
        model.text_reader().asked()?;
        let started = std::time::Instant::now();
        let bar = screen.bar(texts.len() as u64, "texts");
        let mut writer: Option<RowWriter> = None;
        for chunk in texts.chunks(TEXTS) {
            let vectors = model.embed_texts(chunk).map_err(Failure::of)?;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(RowWriter::create(&self.out, vectors.width()).map_err(Failure::of)?),
            };
            writer.write(&vectors.rows().iter().copied().collect::<Vec<_>>()).failed()?;
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        let writer = writer.ok_or_else(|| Failure::asked("there is no text in the file"))?;
        let [rows, width] = writer.finish().failed()?;
        let seconds = started.elapsed().as_secs_f64();
        let summary = EmbedSummary { rows, width, damaged: 0, resumed: 0, seconds };
        screen.show(&Answered { model: model.name().to_owned(), out: self.out.clone(), summary })
    }
}

#[derive(Serialize)]
struct Answered {
    model: String,
    out: PathBuf,
    #[serde(flatten)]
    summary: EmbedSummary,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let EmbedSummary { rows, width, resumed, seconds, .. } = &self.summary;
        write!(out, "{}: {rows} x {width} in {seconds:.1} s by {}", self.out.display(), self.model)?;
        if *resumed > 0 {
            write!(out, ", {resumed} pictures were done before")?;
        }
        writeln!(out)
    }
}
