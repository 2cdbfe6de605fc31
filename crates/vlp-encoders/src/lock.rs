use burn::module::{Flag, Module, ModuleMapper, Param, ParamGroup};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::LayerGroups;

/// How much of a tower is frozen (locked-image tuning: Zhai et al. 2022, "LiT"); the default freezes all of it. `--lock-image` or
/// `--lock-text` with `--lock-image-unlocked-groups`, `--lock-text-unlocked-layers` and `--lock-image-freeze-bn-stats` of open_clip
/// 3.3.0, which refuses part of a `ModifiedResNet` and never locks the projection behind a ConvNeXt; docs/finetuning.md has the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LockConfig {
    /// Groups that stay trainable, counted from the head: 1 is the head alone. More than there are: all.
    pub unlocked_groups: usize,
    /// Whether batch normalisation in frozen groups uses its running statistics and leaves them as they are. Otherwise it
    /// normalises by the batch and its statistics move although its scale and shift do not.
    pub freeze_bn_stats: bool,
}

impl LockConfig {
    /// Freezes the groups furthest from the head; `model` is the tower or whatever holds it. The other groups are made
    /// trainable, so that a tower can be unlocked step by step, and what is in no group stays as it is.
    ///
    /// Frozen parameters get no gradient, so optimizers neither move nor decay them and keep no state for them. Dropout
    /// and stochastic depth stay active, as in open_clip.
    ///
    /// Attach low-rank adapters after this: it would unfreeze the weights under them.
    pub fn apply<M: Module>(&self, model: M, groups: &LayerGroups) -> M {
        let (frozen, unlocked) = groups.split(self.unlocked_groups);
        model.map(&mut Locker { frozen, unlocked, freeze_bn_stats: self.freeze_bn_stats, containers: Vec::new() })
    }
}

struct Locker<'a> {
    frozen: Vec<&'a ParamGroup>,
    unlocked: Vec<&'a ParamGroup>,
    freeze_bn_stats: bool,
    /// Types of the modules around the current place.
    containers: Vec<String>,
}

impl ModuleMapper for Locker<'_> {
    fn enter_module(&mut self, _name: &str, container: &str) {
        self.containers.push(container.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let holds = |groups: &[&ParamGroup]| groups.iter().any(|group| group.matches(&param.id, None));
        let trainable = match (holds(&self.frozen), holds(&self.unlocked)) {
            (true, _) => false,
            (false, true) => true,
            (false, false) => return param,
        };
        // Clones share a parameter until its first value is drawn, this setting included: draw it.
        let _ = param.val();
        param.set_require_grad(trainable)
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let holds = |groups: &[&ParamGroup]| groups.iter().any(|group| group.matches(&flag.id, None));
        if self.containers.last().is_none_or(|container| container != "Struct:BatchNorm") {
            return flag;
        }
        if holds(&self.frozen) {
            flag.with_value(!self.freeze_bn_stats)
        } else if holds(&self.unlocked) {
            flag.with_value(true)
        } else {
            flag
        }
    }
}
