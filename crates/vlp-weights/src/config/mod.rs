//! open_clip's model JSON, read as it is.

mod hugging_face;
mod presets;
mod schema;
mod select;
mod siglip_trunk;
mod towers;

pub(crate) use siglip_trunk::mlp_ratio;

pub use presets::{preset, presets};
pub use schema::{ImageSize, Layers, ModelConfig, TextConfig, VisionConfig};
pub use towers::{
    ImageTower, ModelActivation, ResNetTower, TextPool, TextProjection, TextTower, Towers, VitPool, VitTower,
};
