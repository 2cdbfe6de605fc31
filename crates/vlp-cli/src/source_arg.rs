//! The arguments that name data.

use toml::{Table, Value};
use vlp::data::{Dataset, SourceOptions};

use crate::failure::{Blame, Failure};

/// Data, and how it is read.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct SourceArg {
    /// A folder of pictures, a table, a pattern of shards: whatever a recipe's data may be
    pub(crate) data: String,
    #[command(flatten)]
    how: HowArg,
}

/// How data is read.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct HowArg {
    /// How it is read, as in a recipe's [[data.train]]: captions=["recaption"], split=train, alpha=drop, key=last_dot,
    /// limits.image_pixels=60000000; may be given again
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl HowArg {
    pub(crate) fn options(&self) -> Result<SourceOptions, Failure> {
        let mut table = Table::new();
        for option in &self.options {
            let about = |problem: &str| Failure::asked(format!("--option {option}: {problem}"));
            let (key, text) = option.split_once('=').ok_or_else(|| about("it is KEY=VALUE"))?;
            // What is no TOML is text without quotes.
            let read = format!("value = {text}").parse::<Table>().ok().and_then(|mut read| read.remove("value"));
            let value = read.unwrap_or_else(|| Value::String(text.trim().to_owned()));
            insert(&mut table, key.trim(), value).ok_or_else(|| about("a part of its name is no table"))?;
        }
        table.try_into().map_err(|error: toml::de::Error| Failure::asked(format!("--option: {}", error.message())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.options.is_empty()
    }
}

impl SourceArg {
    pub(crate) fn options(&self) -> Result<SourceOptions, Failure> {
        self.how.options()
    }

    pub(crate) fn open(&self) -> Result<Dataset, Failure> {
        Dataset::from_path_with(&self.data, &self.options()?).asked()
    }
}

/// Sets a key, tables within tables by dots; nothing where something else stands in the way.
fn insert(table: &mut Table, key: &str, value: Value) -> Option<()> {
    match key.split_once('.') {
        Some((outer, inner)) => {
            let within = table.entry(outer.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            insert(within.as_table_mut()?, inner, value)
        }
        None => {
            table.insert(key.to_owned(), value);
            Some(())
        }
    }
}
