//! timm's SigLIP towers by name: what a name stands for, so that timm is not needed to know it.

use serde_json::{Map, Value};

use super::towers::{ModelActivation, VitPool, VitTower};

/// The family of a timm SigLIP ViT.
struct Family {
    name: &'static str,
    width: usize,
    layers: usize,
    heads: usize,
    mlp_ratio: f64,
}

const FAMILIES: [Family; 4] = [
    Family { name: "base", width: 768, layers: 12, heads: 12, mlp_ratio: 4.0 },
    Family { name: "large", width: 1024, layers: 24, heads: 16, mlp_ratio: 4.0 },
    Family { name: "so400m", width: 1152, layers: 27, heads: 16, mlp_ratio: 3.7362 },
    Family { name: "giantopt", width: 1536, layers: 40, heads: 16, mlp_ratio: 4.0 },
];

/// Family, patch size and side of every timm ViT with SigLIP's attention pooling, and whether timm 1.0 gives it the tanh
/// form of GELU in place of the exact one.
const TRUNKS: [(&str, usize, usize, bool); 16] = [
    ("base", 16, 224, false),
    ("base", 16, 256, false),
    ("base", 16, 384, false),
    ("base", 16, 512, false),
    ("base", 32, 256, true),
    ("large", 16, 256, false),
    ("large", 16, 384, false),
    ("large", 16, 512, true),
    ("so400m", 14, 224, false),
    ("so400m", 14, 378, false),
    ("so400m", 14, 384, false),
    ("so400m", 16, 256, true),
    ("so400m", 16, 384, true),
    ("so400m", 16, 512, true),
    ("giantopt", 16, 256, true),
    ("giantopt", 16, 384, true),
];

fn name(family: &str, patch: usize, side: usize) -> String {
    format!("vit_{family}_patch{patch}_siglip_{side}")
}

/// The tower behind a timm name; none when it is no SigLIP ViT.
pub(crate) fn trunk(asked: &str) -> Option<VitTower> {
    let (family, patch_size, side, tanh) =
        TRUNKS.into_iter().find(|(family, patch, side, _)| name(family, *patch, *side) == asked)?;
    let Family { width, layers, heads, mlp_ratio, .. } = *FAMILIES.iter().find(|known| known.name == family)?;
    Some(VitTower {
        image_size: side,
        patch_size,
        width,
        layers,
        heads,
        hidden: (width as f64 * mlp_ratio) as usize,
        layer_scale: None,
        ln_pre: false,
        pool: VitPool::Map,
        activation: if tanh { ModelActivation::GeluTanh } else { ModelActivation::Gelu },
        norm_eps: 1e-6,
    })
}

/// Lays `timm_model_kwargs` over a tower; the reason when a key or value is none that this crate knows.
pub(crate) fn with_arguments(mut tower: VitTower, arguments: &Map<String, Value>) -> Result<VitTower, String> {
    let mut mlp_ratio = tower.hidden as f64 / tower.width as f64;
    for (key, value) in arguments {
        let size = || value.as_u64().map(|n| n as usize);
        let known = match key.as_str() {
            "img_size" => size().map(|n| tower.image_size = n),
            "patch_size" => size().map(|n| tower.patch_size = n),
            "embed_dim" => size().map(|n| tower.width = n),
            "depth" => size().map(|n| tower.layers = n),
            "num_heads" => size().map(|n| tower.heads = n),
            "mlp_ratio" => value.as_f64().map(|ratio| mlp_ratio = ratio),
            "act_layer" => {
                let activation = match value.as_str() {
                    Some("gelu") => Some(ModelActivation::Gelu),
                    Some("gelu_tanh") => Some(ModelActivation::GeluTanh),
                    _ => None,
                };
                activation.map(|activation| tower.activation = activation)
            }
            _ => None,
        };
        known.ok_or_else(|| format!("timm_model_kwargs.{key} = {value}"))?;
    }
    tower.hidden = (tower.width as f64 * mlp_ratio) as usize;
    Ok(tower)
}

/// The timm name of a tower, with the arguments that make up for what the name does not say.
pub(crate) fn name_of(tower: &VitTower) -> (String, Map<String, Value>) {
    let names = TRUNKS.iter().map(|(family, patch, side, _)| name(family, *patch, *side));
    let mut same_sizes = names
        .filter(|name| trunk(name).is_some_and(|known| VitTower { activation: tower.activation, ..known } == *tower));
    let mut arguments = Map::new();
    let act = |tower: &VitTower| if tower.activation == ModelActivation::GeluTanh { "gelu_tanh" } else { "gelu" };
    if let Some(name) = same_sizes.next() {
        if trunk(&name).is_some_and(|known| known.activation != tower.activation) {
            arguments.insert("act_layer".to_string(), act(tower).into());
        }
        return (name, arguments);
    }
    for (key, value) in [
        ("img_size", tower.image_size),
        ("patch_size", tower.patch_size),
        ("embed_dim", tower.width),
        ("depth", tower.layers),
        ("num_heads", tower.heads),
    ] {
        arguments.insert(key.to_string(), value.into());
    }
    arguments.insert("mlp_ratio".to_string(), mlp_ratio(tower.hidden, tower.width).into());
    arguments.insert("act_layer".to_string(), act(tower).into());
    (name("base", 16, 224), arguments)
}

/// A ratio that gives `hidden` again when `width` times it is cut off to a whole number.
pub(crate) fn mlp_ratio(hidden: usize, width: usize) -> f64 {
    let exact = hidden as f64 / width as f64;
    if (width as f64 * exact) as usize == hidden { exact } else { exact.next_up() }
}
