//! open_clip's model JSON, read as it is.

mod hugging_face;
mod one_tower;
mod presets;
mod remarks;
mod schema;
mod select;
mod siglip_trunk;
mod towers;

pub(crate) use siglip_trunk::{mlp_ratio, name_of as timm_name, trunk, with_arguments};

pub(crate) use one_tower::OneTower;

pub use one_tower::TowersThere;
pub use presets::{preset, presets};
pub use schema::{ImageSize, Layers, ModelConfig, TextConfig, VisionConfig};
pub use towers::{
    ImageTower, ModelActivation, ResNetTower, TextPool, TextProjection, TextTower, Towers, VitPool, VitTower,
};
