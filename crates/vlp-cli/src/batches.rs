//! Pictures through a model, in full batches, in their order.

use vlp::pretrained::{EmbeddedBatch, Model, Pictures};
use vlp::trainer::Stop;

use crate::failure::{Blame, Failure};
use crate::screen::Screen;

/// How pictures are read and put together.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct BatchArgs {
    /// Pictures that the model sees at once
    #[arg(long, default_value_t = 32, value_parser = crate::at_least_one)]
    pub(crate) batch: usize,
    /// Threads that read and resize
    #[arg(long, default_value_t = 2, value_parser = crate::threads)]
    pub(crate) workers: usize,
}

/// A picture that could not be read.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Damaged {
    pub(crate) picture: String,
    pub(crate) why: String,
}

impl Damaged {
    pub(crate) fn warn(screen: Screen, damaged: &[Damaged]) {
        damaged.iter().for_each(|Damaged { picture, why }| screen.warn(format!("{picture} is left out: {why}")));
    }
}

/// Gives each batch to `each`, until there are no more or someone pressed Ctrl-C; returns whether all have been looked at.
pub(crate) fn each(
    model: &Model,
    pictures: &Pictures,
    args: &BatchArgs,
    screen: Screen,
    mut each: impl FnMut(EmbeddedBatch) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let stop = Stop::on_signals().failed()?;
    let bar = screen.bar(pictures.len() as u64, "pictures");
    let mut left = pictures.len();
    for batch in model.batches(pictures, args.batch, args.workers, 0).asked()? {
        let batch = batch.failed()?;
        left -= batch.seen();
        bar.inc(batch.seen() as u64);
        each(batch)?;
        if stop.is_requested() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(left == 0)
}
