//! `vlp plot schedule`: what a recipe will do, step by step.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::report::{LineChart, Series};
use vlp::schedulers::Schedule;

use crate::failure::{Blame, Failure};
use crate::recipe_arg::RecipeArg;
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Points of a curve at most.
const POINTS: u64 = 1000;

/// Draws the learning rate of a recipe's steps, and the weight decay where it changes.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: RecipeArg,
    /// Steps of the run
    #[arg(long, conflicts_with = "samples", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Samples of the training data, from which the steps follow
    #[arg(long)]
    samples: Option<usize>,
    /// The picture
    #[arg(long, default_value = "schedule.png")]
    out: PathBuf,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let recipe = self.recipe.open::<M, I>()?;
        let total = self.samples.map_or(self.steps, |samples| recipe.total_steps(samples));
        let rate = recipe.schedule.over(total).asked()?;
        let decay = recipe.optimizer.weight_decay_over(total).asked()?;
        let every = total.div_ceil(POINTS);
        let points: Vec<Point> = (0..total)
            .filter(|step| step % every == 0 || step + 1 == total)
            .map(|step| Point { step, learning_rate: rate.at(step), weight_decay: decay.at(step) })
            .collect();
        let changes = points.iter().any(|point| point.weight_decay != points[0].weight_decay);
        let curve = |value: fn(&Point) -> f64| points.iter().map(|p| (p.step as f64, value(p))).collect::<Vec<_>>();
        let mut chart = LineChart::new(self.recipe.name())
            .axes("step", "learning rate")
            .series(Series::new("learning rate", curve(|point| point.learning_rate)));
        if changes {
            let series = Series::new("weight decay", curve(|point| point.weight_decay));
            chart = chart.secondary_axis("weight decay").series(series.secondary());
        }
        chart.save(&self.out).failed()?;
        screen.show(&Answered { recipe: self.recipe.name(), total_steps: total, out: self.out, points })
    }
}

#[derive(Serialize)]
struct Point {
    step: u64,
    learning_rate: f64,
    weight_decay: f64,
}

#[derive(Serialize)]
struct Answered {
    recipe: String,
    total_steps: u64,
    out: PathBuf,
    points: Vec<Point>,
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["step>", "learning rate>", "weight decay>"]);
        let last = self.points.len() - 1;
        for tenth in 0..=10 {
            let Point { step, learning_rate, weight_decay } = &self.points[last * tenth / 10];
            table.row([step.to_string(), format!("{learning_rate:.3e}"), format!("{weight_decay:.4}")]);
        }
        table.write(out)?;
        writeln!(out, "\n{} steps of {}: {}", self.total_steps, self.recipe, self.out.display())
    }
}
