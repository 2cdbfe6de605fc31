use burn::module::{Lora, Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::EncoderError;
use crate::size::{WIDTH, check_memory, check_sizes};

/// Low-rank adapters (Hu et al. 2022, "LoRA") for linear layers: their weight becomes `W + alpha / rank * (A B)`, with `W`
/// frozen, `A` `[in, rank]` from N(0, `init_std`) and `B` `[rank, out]` from zero, so that nothing changes at first.
///
/// burn's `apply_lora` with a choice of layers that is checked. `Module::materialize` merges the adapters into the weights;
/// exports do so by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraConfig {
    /// Columns of `A` and rows of `B`.
    pub rank: usize,
    /// `alpha / rank` scales the product.
    pub alpha: f64,
    /// Which linear layers: each entry is a name, or several joined by dots, in the paths of docs/encoders.md, such as
    /// `qkv`, `attention`, `blocks.11` or `image_head`. Empty: all.
    pub layers: Vec<String>,
    /// Standard deviation of `A`; none: `1 / rank`, as burn has it.
    pub init_std: Option<f64>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        LoraConfig { rank: 8, alpha: 16.0, layers: Vec::new(), init_std: None }
    }
}

impl LoraConfig {
    /// Attaches adapters to a module, a tower or a whole model. Every other parameter of the module is frozen;
    /// [`LockConfig`](crate::LockConfig) is not needed. Flags stay: dropout is active and batch normalisation follows the
    /// batch.
    ///
    /// `A` is drawn on the module's device: seed it before.
    ///
    /// # Errors
    /// When the rank is 0 or a number is not finite, an entry of `layers` names no linear layer or there is none, or the
    /// module has adapters already.
    pub fn apply<M: Module>(&self, module: M) -> Result<M, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("lora", problem));
        if self.rank == 0 || !self.alpha.is_finite() {
            return refuse(format!("rank {} must be at least 1 and alpha {} finite", self.rank, self.alpha));
        }
        if let Some(std) = self.init_std.filter(|std| !(std.is_finite() && *std >= 0.0)) {
            return refuse(format!("init_std {std} must be finite and not negative"));
        }
        let mut linears = Linears::default();
        module.visit(&mut linears);
        if linears.adapted {
            return refuse("the module has adapters already; merge them with `materialize` first".to_string());
        }
        if linears.found.is_empty() {
            return refuse("the module has no linear layer".to_string());
        }
        if let Some(name) = self.layers.iter().find(|name| !linears.found.iter().any(|(path, ..)| names(path, name))) {
            let (example, ..) = &linears.found[0];
            return refuse(format!("`{name}` names no linear layer of the module; one of them is `{example}`"));
        }
        let chosen = |path: &str| self.layers.is_empty() || self.layers.iter().any(|name| names(path, name));
        let chosen: Vec<_> = linears.found.into_iter().filter(|(path, ..)| chosen(path)).collect();
        let sides: usize = chosen.iter().map(|(_, _, sides)| sides).sum();
        check_sizes("lora", &[("rank", self.rank, WIDTH)])?;
        check_memory("lora", self.rank as f64 * sides as f64)?;
        let ids = chosen.into_iter().map(|(_, id, _)| id).collect();
        let mut lora = Lora::new(self.rank, self.alpha).set_param_group(ParamGroup::from_ids(ids));
        lora.init_std = self.init_std;
        Ok(module.apply_lora(lora))
    }
}

/// Whether `name` is a part of `path` between dots.
fn names(path: &str, name: &str) -> bool {
    format!(".{path}.").contains(&format!(".{name}."))
}

/// Weights of linear layers with the paths of the layers, and how many rows and columns they have together.
#[derive(Default)]
struct Linears {
    place: Vec<(String, String)>,
    found: Vec<(String, ParamId, usize)>,
    adapted: bool,
}

impl ModuleVisitor for Linears {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.adapted |= container == "Reparameterization";
        self.place.push((name.to_string(), container.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Tables of vectors have two axes too: what stands in a linear layer is a matrix.
        if let Some(((name, container), layer)) = self.place.split_last()
            && name == "weight"
            && container == "Struct:Linear"
        {
            let names: Vec<&str> = layer.iter().map(|(name, _)| name.as_str()).collect();
            self.found.push((names.join("."), param.id, param.lazy_shape().iter().sum()));
        }
    }
}
