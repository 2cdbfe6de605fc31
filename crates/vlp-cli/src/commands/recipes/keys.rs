//! A recipe's keys in one flat list: `optimizer.weight_decay`.

use std::collections::BTreeMap;

use toml::{Table, Value};
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::recipe::Recipe;

use crate::failure::{Blame, Failure};

/// Every key that has a value, with it.
pub(crate) struct Keys {
    values: BTreeMap<String, Value>,
}

impl Keys {
    pub(crate) fn of<M: MethodConfig, I: ImageEncoderConfig>(recipe: &Recipe<M, I>) -> Result<Self, Failure> {
        let table = Table::try_from(recipe).failed()?;
        let mut values = BTreeMap::new();
        flatten("", table, &mut values);
        Ok(Keys { values })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// A text without its quotation marks; blank where there is none.
    pub(crate) fn text(&self, key: &str) -> String {
        self.values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }
}

fn flatten(before: &str, table: Table, into: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let name = if before.is_empty() { key } else { format!("{before}.{key}") };
        match value {
            Value::Table(table) => flatten(&name, table, into),
            value => {
                into.insert(name, shortened(value));
            }
        }
    }
}

/// Numbers of single precision with the digits that they were written with: 0.1, not 0.10000000149011612.
fn shortened(value: Value) -> Value {
    match value {
        Value::Float(wide) if f64::from(wide as f32) == wide => {
            Value::Float((wide as f32).to_string().parse().unwrap_or(wide))
        }
        Value::Array(values) => Value::Array(values.into_iter().map(shortened).collect()),
        Value::Table(table) => Value::Table(table.into_iter().map(|(key, value)| (key, shortened(value))).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_level_have_their_values_as_they_were_written() {
        let keys = Keys::of(&Recipe::quickstart()).unwrap();
        for (key, value) in [
            ("epochs", "20.0"),
            ("optimizer.beta_2", "0.98"),
            ("views.weak_scale", "[0.5, 1.0]"),
            ("method.weak_head.kind", "\"linear\""),
        ] {
            assert_eq!(keys.get(key).map(Value::to_string).as_deref(), Some(value), "{key}");
        }
        assert_eq!((keys.text("image.kind").as_str(), keys.get("views")), ("vit", None));
    }
}
