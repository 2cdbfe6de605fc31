//! `vlp recipes diff`: two recipes side by side.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use toml::Value;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;

use super::keys::Keys;
use crate::failure::Failure;
use crate::recipe_arg;
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Lists the keys in which two recipes differ, each as a run takes it.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A recipe's file or the name of one that is built in
    left: String,
    /// Another
    right: String,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let keys = |name: &String| Keys::of(&recipe_arg::open::<M, I>(name)?);
        let [left, right] = [&self.left, &self.right].map(keys);
        let (left, right) = (left?, right?);
        let names: BTreeSet<&String> = left.names().chain(right.names()).collect();
        let differing = |key: &String| {
            let (left, right) = (left.get(key).cloned(), right.get(key).cloned());
            (left != right).then(|| Difference { key: key.clone(), left, right })
        };
        let differences = names.into_iter().filter_map(differing).collect();
        screen.show(&Differences { left: self.left, right: self.right, differences })
    }
}

#[derive(Serialize)]
struct Differences {
    left: String,
    right: String,
    differences: Vec<Difference>,
}

/// A key and its values; none where the recipe leaves it out.
#[derive(Serialize)]
struct Difference {
    key: String,
    left: Option<Value>,
    right: Option<Value>,
}

impl Answer for Differences {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.differences.is_empty() {
            return writeln!(out, "{} and {} say the same", self.left, self.right);
        }
        let mut table = Table::new(&["key", &self.left, &self.right]);
        for Difference { key, left, right } in &self.differences {
            let [left, right] = [left, right].map(|value| value.as_ref().map_or_else(String::new, Value::to_string));
            table.row([key.clone(), left, right]);
        }
        table.write(out)
    }
}
