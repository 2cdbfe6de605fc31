//! Hugging Face's models of one tower: CLIPVisionModel, CLIPTextModel, SiglipVisionModel, SiglipTextModel, and CLIP's with
//! their projection.

use serde_json::{Value, json};

use super::ModelConfig;
use crate::{HostTensor, Layout, StateDict, WeightError, convert};

/// What a model consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TowersThere {
    /// Both towers.
    Both,
    /// The image tower alone; texts cannot be embedded.
    ImageOnly,
    /// The text tower alone; pictures cannot be embedded.
    TextOnly,
}

/// One tower of Hugging Face as a whole model whose other tower is as small as can be.
#[derive(Debug)]
pub(crate) struct OneTower {
    pub(crate) config: ModelConfig,
    pub(crate) there: TowersThere,
    layout: Layout,
    /// CLIP's towers without their projection give the vector in front of it.
    projected: bool,
}

const PROJECTIONS: [&str; 2] = ["visual_projection.weight", "text_projection.weight"];

impl OneTower {
    /// Reads `config.json`; none when it is of another kind of model. Whether CLIP's projection is there, the weights tell.
    pub(crate) fn from_hugging_face(config: &Value, weights: &StateDict) -> Option<Result<Self, WeightError>> {
        let (there, family) = match config["model_type"].as_str()? {
            "clip_vision_model" => (TowersThere::ImageOnly, "clip"),
            "clip_text_model" => (TowersThere::TextOnly, "clip"),
            "siglip_vision_model" => (TowersThere::ImageOnly, "siglip"),
            "siglip_text_model" => (TowersThere::TextOnly, "siglip"),
            _ => return None,
        };
        let clip = family == "clip";
        let projected = !clip || PROJECTIONS.iter().any(|name| weights.contains(name));
        let own = |key: &str, default: u64| config[key].as_u64().unwrap_or(default);
        let width = own("hidden_size", if clip && there == TowersThere::TextOnly { 512 } else { 768 });
        let embed_dim = match (clip, there) {
            (true, _) if projected => own("projection_dim", 512),
            (false, TowersThere::TextOnly) => own("projection_size", width),
            _ => width,
        };
        let smallest = json!({"hidden_size": 1, "intermediate_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1,
            "image_size": 1, "patch_size": 1, "vocab_size": 2, "max_position_embeddings": 2, "hidden_act": config["hidden_act"],
            "projection_size": embed_dim, "eos_token_id": 1});
        // SigLIP's image tower gives vectors of its own width.
        let smallest_image = match clip {
            true => smallest.clone(),
            false => json!({"hidden_size": embed_dim, "intermediate_size": 1, "num_hidden_layers": 1,
                "num_attention_heads": 1, "image_size": 1, "patch_size": 1, "hidden_act": config["hidden_act"]}),
        };
        let [vision, text] = match there {
            TowersThere::TextOnly => [&smallest_image, config],
            _ => [config, &smallest],
        };
        let whole =
            json!({"model_type": family, "projection_dim": embed_dim, "vision_config": vision, "text_config": text});
        let layout = if clip { Layout::HfClip } else { Layout::HfSiglip };
        Some(ModelConfig::from_hugging_face(&whole.to_string()).map(|config| OneTower {
            config,
            there,
            layout,
            projected,
        }))
    }

    /// The weights of the whole model: zeros for the tower that is not there.
    pub(crate) fn complete(&self, weights: StateDict) -> Result<StateDict, WeightError> {
        let (prefix, projection) = match self.there {
            TowersThere::TextOnly => ("text_model.", PROJECTIONS[1]),
            _ => ("vision_model.", PROJECTIONS[0]),
        };
        let mine = |name: &str| name.starts_with(prefix) || name == projection;
        let metadata = weights.metadata.clone();
        // transformers 5 leaves the prefix out.
        let named = |(name, tensor): (String, HostTensor)| match mine(&name) {
            true => (name, tensor),
            false => (format!("{prefix}{name}"), tensor),
        };
        let mut all: StateDict = weights.into_iter().map(named).collect();
        let zeros = self.config.expected_tensors()?.into_iter().map(|tensor| {
            let count = tensor.shape.iter().product();
            (tensor.name, HostTensor::from_f32(tensor.shape, &vec![0.0; count]))
        });
        for (name, tensor) in convert(zeros.collect(), self.config.layout(), self.layout)? {
            if !mine(&name) {
                all.insert(name, tensor);
            }
        }
        if self.layout == Layout::HfClip && !self.projected {
            let width = self.config.embed_dim;
            let mut identity = vec![0.0; width * width];
            identity.iter_mut().step_by(width + 1).for_each(|value| *value = 1.0);
            all.insert(projection, HostTensor::from_f32([width, width], &identity));
        }
        all.metadata = metadata;
        Ok(all)
    }
}
