//! Image towers as timm stores them: `config.json` with an `architecture`, and weights beside it.

mod architecture;
mod names;
mod settings;

use std::path::Path;

use burn::tensor::Device;
use vlp_encoders::AnyImageEncoder;

use crate::folder::{self, HF_CONFIG, OPEN_CLIP_CONFIG, in_file, read_json};
use crate::loader::Loader;
use crate::{PreprocessConfig, ReadLimits, StateDict, WeightError};

pub(crate) use names::name_in_timm;

/// An image tower in a folder that timm wrote (`save_for_hf`, `push_to_hf_hub`), with its weights. Its vectors are those in
/// front of the classifier, timm's with `num_classes=0`.
#[derive(Debug)]
pub struct TimmTower {
    /// The tower.
    pub encoder: AnyImageEncoder,
    /// How pictures are prepared.
    pub preprocess: PreprocessConfig,
    /// What was passed over while reading, and could matter: a sentence each.
    pub warnings: Vec<String>,
}

impl TimmTower {
    /// Reads a folder, or a file of weights with its configuration beside it; none when that is of another kind of model. The sizes are those of the architecture's name with
    /// `model_args` over them, the preprocessing that of `pretrained_cfg` as timm evaluates with it, `crop_pct` included.
    ///
    /// # Errors
    /// When something cannot be read or is damaged, when the tower is none that is here, and with every tensor that is unknown,
    /// missing or of another shape.
    pub fn read(
        path: impl AsRef<Path>,
        limits: &ReadLimits,
        device: &Device,
    ) -> Result<Option<TimmTower>, WeightError> {
        let (folder, file) = folder::both(path.as_ref());
        let path = folder.join(HF_CONFIG);
        if folder.join(OPEN_CLIP_CONFIG).is_file() || !path.is_file() {
            return Ok(None);
        }
        let json = read_json(&path)?;
        if json["architecture"].is_null() || !json["model_type"].is_null() {
            return Ok(None);
        }
        let preprocess = settings::read(&json).map_err(in_file(&path, ""))?;
        let file = file.map_or_else(|| folder::weights(folder), |file| Ok(file.to_path_buf()))?;
        let weights = StateDict::read(file, limits)?;
        let config = architecture::read(&json, &weights, preprocess.size).map_err(in_file(&path, ""))?;
        let refuse = |error| WeightError::config(path.display().to_string(), error);
        let encoder = config.init(device).map_err(refuse)?;
        let (encoder, rest, mut problems) = Loader::load(encoder, weights, name_in_timm);
        let classifier: Vec<_> = rest.names().filter(|name| names::of_classifier(name)).collect();
        let warnings = match classifier.is_empty() {
            true => Vec::new(),
            false => vec![format!(
                "{}: {} classify, and are left out: vectors are those in front of the classifier, timm's with num_classes=0",
                folder.display(),
                classifier.join(" and ")
            )],
        };
        let unknown = |name: &&str| !names::of_classifier(name) && !name.ends_with("num_batches_tracked");
        problems.unknown.extend(rest.names().filter(unknown).map(str::to_owned));
        problems.into_result("the architecture of this folder")?;
        Ok(Some(TimmTower { encoder, preprocess, warnings }))
    }
}
