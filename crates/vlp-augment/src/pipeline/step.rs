use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::Operation;
use crate::AugmentError;

/// One operation and how often it is applied: a table with the keys `op`, `p` (1 when left out) and the operation's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step<O> {
    /// Probability, 0 to 1.
    pub p: f64,
    /// What is done.
    #[serde(flatten)]
    pub op: O,
}

impl<O: Operation> Step<O> {
    /// Applies `op` always.
    pub fn always(op: O) -> Self {
        Self { p: 1.0, op }
    }

    /// Applies `op` with this probability.
    pub fn with(p: f64, op: O) -> Self {
        Self { p, op }
    }

    /// Checks the settings of the step, which messages call `name`.
    ///
    /// # Errors
    /// [`AugmentError::Value`] when the probability or a value of the operation is out of range.
    pub fn check(&self, name: &str) -> Result<(), AugmentError> {
        if !(0.0..=1.0).contains(&self.p) {
            let must = "a probability, 0 to 1";
            return Err(AugmentError::Value { op: name.to_owned(), field: "p", value: self.p.to_string(), must });
        }
        self.op.check()
    }

    fn from_table(mut table: Map<String, Value>) -> Result<Self, AugmentError> {
        let Some(Value::String(name)) = table.get("op").cloned() else {
            return Err(AugmentError::Unnamed { known: O::NAMES.join(", ") });
        };
        if !O::NAMES.contains(&name.as_str()) {
            return Err(AugmentError::unknown(O::KIND, &name, O::NAMES));
        }
        let fields = |message: String| AugmentError::Fields { op: name.clone(), message };
        let p = match table.remove("p") {
            None => 1.0,
            Some(p) => p.as_f64().ok_or_else(|| fields(format!("p is {p} but must be a probability, 0 to 1")))?,
        };
        let op = serde_json::from_value(Value::Object(table)).map_err(|error| fields(error.to_string()))?;
        let step = Self { p, op };
        step.check(&name)?;
        Ok(step)
    }
}

impl<'de, O: Operation> Deserialize<'de> for Step<O> {
    /// Through a table of JSON values: only so can an unknown name be told from unknown keys.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_table(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
