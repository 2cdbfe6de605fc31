//! The arguments that name data.

use toml::{Table, Value};
use vlp::data::{Dataset, SourceOptions};

use crate::failure::{Blame, Failure};

/// Data, and how it is read.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct SourceArg {
    /// A folder of pictures, a table, a pattern of shards: whatever a recipe's data may be
    pub(crate) data: String,
    /// How it is read, as in a recipe's [[data.train]]: captions=["recaption"], split=train, join_rows=true; may be given again
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl SourceArg {
    pub(crate) fn options(&self) -> Result<SourceOptions, Failure> {
        let mut table = Table::new();
        for option in &self.options {
            let about = |problem: &str| Failure::asked(format!("--option {option}: {problem}"));
            let (key, text) = option.split_once('=').ok_or_else(|| about("it is KEY=VALUE"))?;
            // What is no TOML is text without quotes.
            let read = format!("value = {text}").parse::<Table>().ok().and_then(|mut read| read.remove("value"));
            table.insert(key.trim().to_owned(), read.unwrap_or_else(|| Value::String(text.trim().to_owned())));
        }
        table.try_into().map_err(|error: toml::de::Error| Failure::asked(format!("--option: {}", error.message())))
    }

    pub(crate) fn open(&self) -> Result<Dataset, Failure> {
        Dataset::from_path_with(&self.data, &self.options()?).asked()
    }
}
