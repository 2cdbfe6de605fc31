//! Text towers of Hugging Face: what a name or a `config.json` says of them.

use serde_json::Value;
use vlp_encoders::{Activation, BertConfig, BertPooling, BertProjection, BertTowerConfig};

use crate::{ModelConfig, WeightError};

impl ModelConfig {
    /// The text tower of Hugging Face's that this model names (`hf_model_name`), with its pooling (`hf_pooler_type`) and
    /// projection (`hf_proj_type`); none for a model with a native text tower.
    ///
    /// # Errors
    /// With every key that asks for a tower which is not of BERT's family, or for another pooling or projection.
    pub fn hugging_face_text(&self) -> Result<Option<BertTowerConfig>, WeightError> {
        self.hugging_face_text_of(None)
    }

    /// The same where the sizes are known from elsewhere: a `config.json` of the model that is named.
    pub(crate) fn hugging_face_text_of(
        &self,
        sizes: Option<BertConfig>,
    ) -> Result<Option<BertTowerConfig>, WeightError> {
        let text = &self.text_cfg;
        let Some(name) = &text.hf_model_name else { return Ok(None) };
        let mut keys = Vec::new();
        let bert = sizes.or_else(|| published(name));
        if bert.is_none() {
            keys.push(format!("text_cfg.hf_model_name = {name:?} ({} are known)", NAMES.join(", ")));
        }
        if text.hf_model_config.is_some() {
            keys.push("text_cfg.hf_model_config".to_owned());
        }
        let pooling = match text.hf_pooler_type.as_str() {
            "mean_pooler" => Some(BertPooling::Mean),
            "cls_pooler" => Some(BertPooling::Pooler),
            "cls_last_hidden_state_pooler" => Some(BertPooling::First),
            other => {
                keys.push(format!("text_cfg.hf_pooler_type = {other:?}"));
                None
            }
        };
        let projection = match text.hf_proj_type.as_deref() {
            None => Some(BertProjection::None),
            Some("linear") => Some(BertProjection::Linear),
            Some("mlp") => Some(BertProjection::Mlp),
            Some(other) => {
                keys.push(format!("text_cfg.hf_proj_type = {other:?}"));
                None
            }
        };
        match (bert, pooling, projection) {
            (Some(bert), Some(pooling), Some(projection)) if keys.is_empty() => {
                Ok(Some(BertTowerConfig { bert: BertConfig { pooling, ..bert }, projection, output: self.embed_dim }))
            }
            _ => Err(WeightError::Unsupported { keys }),
        }
    }
}

const NAMES: [&str; 8] = [
    "bert-base-uncased",
    "bert-base-cased",
    "bert-base-multilingual-cased",
    "bert-large-uncased",
    "roberta-base",
    "roberta-large",
    "xlm-roberta-base",
    "xlm-roberta-large",
];

/// The sizes that a name of the hub stands for, with or without its owner.
fn published(name: &str) -> Option<BertConfig> {
    let name = name.strip_prefix("FacebookAI/").or_else(|| name.strip_prefix("google-bert/")).unwrap_or(name);
    let large = |base| BertConfig { width: 1024, depth: 24, heads: 16, hidden: 4096, ..base };
    let vocab = |vocab_size, base| BertConfig { vocab_size, ..base };
    Some(match name {
        "bert-base-uncased" => BertConfig::bert_base(),
        "bert-base-cased" => vocab(28_996, BertConfig::bert_base()),
        "bert-base-multilingual-cased" => vocab(119_547, BertConfig::bert_base()),
        "bert-large-uncased" => large(BertConfig::bert_base()),
        "roberta-base" => BertConfig::default(),
        "roberta-large" => large(BertConfig::default()),
        "xlm-roberta-base" => vocab(250_002, BertConfig::default()),
        "xlm-roberta-large" => large(vocab(250_002, BertConfig::default())),
        _ => return None,
    })
}

/// The encoder that a `config.json` of BERT, RoBERTa or XLM-RoBERTa describes. Keys that leave the numbers as they are, are
/// passed over; what is left out has transformers' default.
pub(crate) fn from_hugging_face(what: &str, json: &Value) -> Result<BertConfig, WeightError> {
    let refuse = |reason: String| Err(WeightError::config(what, reason));
    let base = match json["model_type"].as_str() {
        Some("bert") => BertConfig::bert_base(),
        Some("roberta") => {
            BertConfig { pad_id: 1, offset_positions: true, vocab_size: 50_265, ..BertConfig::bert_base() }
        }
        Some("xlm-roberta") => BertConfig { pad_id: 1, offset_positions: true, ..BertConfig::bert_base() },
        other => return refuse(format!("model_type is {other:?}, only bert, roberta and xlm-roberta are read")),
    };
    let size = |key: &str, default: usize| match &json[key] {
        Value::Null => Ok(default),
        value => match value.as_u64() {
            Some(size) => Ok(size as usize),
            None => Err(WeightError::config(what, format!("{key} is {value}, no whole number"))),
        },
    };
    let norm_eps = match &json["layer_norm_eps"] {
        Value::Null => base.norm_eps,
        value => match value.as_f64() {
            Some(eps) => eps,
            None => return refuse(format!("layer_norm_eps is {value}, no number")),
        },
    };
    let activation = match json["hidden_act"].as_str() {
        None | Some("gelu") => Activation::Gelu,
        Some("gelu_new" | "gelu_pytorch_tanh") => Activation::GeluTanh,
        Some("relu") => Activation::Relu,
        Some(other) => return refuse(format!("hidden_act is {other:?}; gelu, gelu_new and relu are known")),
    };
    for (key, only) in [("position_embedding_type", Value::from("absolute")), ("is_decoder", false.into())] {
        if !json[key].is_null() && json[key] != only {
            return refuse(format!("{key} is {}, only {only} is read", json[key]));
        }
    }
    let pad_id = size("pad_token_id", base.pad_id as usize)?;
    Ok(BertConfig {
        vocab_size: size("vocab_size", base.vocab_size)?,
        positions: size("max_position_embeddings", base.positions)?,
        token_types: size("type_vocab_size", base.token_types)?,
        pad_id: u32::try_from(pad_id)
            .map_err(|_| WeightError::config(what, format!("pad_token_id {pad_id} is no id")))?,
        width: size("hidden_size", base.width)?,
        depth: size("num_hidden_layers", base.depth)?,
        heads: size("num_attention_heads", base.heads)?,
        hidden: size("intermediate_size", base.hidden)?,
        activation,
        norm_eps,
        ..base
    })
}
