//! How configurations write the head of strong views: like any head, or the word `shared`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vlp_encoders::ProjectionConfig;

const SHARED: &str = "shared";

pub(crate) fn serialize<S: Serializer>(head: &Option<ProjectionConfig>, to: S) -> Result<S::Ok, S::Error> {
    match head {
        Some(head) => head.serialize(to),
        None => to.serialize_str(SHARED),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ProjectionConfig>, D::Error> {
    from.deserialize_any(Head)
}

struct Head;

impl<'de> Visitor<'de> for Head {
    type Value = Option<ProjectionConfig>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a head such as {{ kind = \"mlp\", hidden = 4096 }}, or \"{SHARED}\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == SHARED { Ok(None) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }

    /// As JSON of earlier checkpoints has it.
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ProjectionConfig::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::ClipRocketConfig;
    use vlp_encoders::ProjectionConfig;

    fn read(json: &str) -> Result<Option<ProjectionConfig>, String> {
        let config: Result<ClipRocketConfig, _> = serde_json::from_str(&format!("{{\"strong_head\": {json}}}"));
        config.map(|config| config.strong_head).map_err(|error| error.to_string())
    }

    #[test]
    fn a_head_and_none_come_back_as_they_were_written() {
        for strong_head in [None, Some(ProjectionConfig::Linear), Some(ProjectionConfig::Mlp { hidden: 7 })] {
            let config = ClipRocketConfig { strong_head, ..Default::default() };
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<ClipRocketConfig>(&text).unwrap(), config, "{text}");
        }
        assert_eq!(read("null"), Ok(None));
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        assert!(read("\"shaerd\"").unwrap_err().contains("\"shared\""));
        assert!(read("{\"kind\": \"mlp\", \"hiden\": 4}").unwrap_err().contains("hidden"));
    }
}
