use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Operation, Step};
use crate::AugmentError;

/// Operations one after the other, or the name of a preset: a string or an array of tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline<O> {
    preset: Option<&'static str>,
    steps: Vec<Step<O>>,
}

impl<O: Operation> Pipeline<O> {
    /// These steps.
    ///
    /// # Errors
    /// [`AugmentError::Value`] when a probability or a value is out of range.
    pub fn new(steps: Vec<Step<O>>) -> Result<Self, AugmentError> {
        steps.iter().try_for_each(|step| step.check(&name_of(&step.op)))?;
        Ok(Self { preset: None, steps })
    }

    /// The preset of this name.
    ///
    /// # Errors
    /// [`AugmentError::Unknown`] with the name that comes closest.
    pub fn preset(name: &str) -> Result<Self, AugmentError> {
        let known = O::PRESETS.iter().find(|known| **known == name);
        match (known, O::preset(name)) {
            (Some(known), Some(steps)) => Ok(Self { preset: Some(known), steps }),
            _ => Err(AugmentError::unknown(O::PRESET_KIND, name, O::PRESETS)),
        }
    }

    /// The steps.
    pub fn steps(&self) -> &[Step<O>] {
        &self.steps
    }
}

/// What `op` says in the table of an operation.
fn name_of<O: Operation>(op: &O) -> String {
    let table = serde_json::to_value(op).unwrap_or_default();
    table["op"].as_str().unwrap_or("?").to_owned()
}

impl<O: Operation> Serialize for Pipeline<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.preset {
            Some(name) => serializer.serialize_str(name),
            None => self.steps.serialize(serializer),
        }
    }
}

impl<'de, O: Operation> Deserialize<'de> for Pipeline<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PipelineVisitor<O>(PhantomData<O>);

        impl<'de, O: Operation> Visitor<'de> for PipelineVisitor<O> {
            type Value = Pipeline<O>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a preset or a list of operations")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Pipeline::preset(name).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut steps = Vec::new();
                while let Some(step) = list.next_element()? {
                    steps.push(step);
                }
                Ok(Pipeline { preset: None, steps })
            }
        }

        deserializer.deserialize_any(PipelineVisitor(PhantomData))
    }
}
