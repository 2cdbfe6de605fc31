use serde::{Deserialize, Serialize};
use vlp_schedulers::{
    Constant, Cooldown, CooldownConfig, Cosine, CosineConfig, CosineEnding, Schedule, ScheduleError, Warmup,
    WarmupCosine, WarmupCosineConfig,
};

use super::RecipeError;

/// The learning rate of every step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRecipe {
    /// The curve; CLIP-rocket's when left out.
    #[serde(default)]
    pub kind: ScheduleKind,
    /// Learning rate of the first step; of `cosine`, `constant` and `constant-cooldown` the one before it.
    pub start: f64,
    /// Learning rate at the end of the warm-up.
    pub peak: f64,
    /// Learning rate that the end of the run approaches; without effect on `constant`.
    pub end: f64,
    /// Share of all steps that the warm-up takes, in `[0, 1)`.
    pub warmup: f64,
    /// Share of all steps that the cool-down takes at the end: only `constant-cooldown`, which needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<f64>,
    /// Exponent of the cool-down, 1 when left out: only `constant-cooldown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
}

/// The curve of a schedule after its linear warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// [`WarmupCosine`]: half a cosine, both ends of the warm-up included.
    #[default]
    ClipRocket,
    /// [`Warmup`] and [`Cosine`]: open_clip's `cosine`.
    Cosine,
    /// [`Warmup`] and [`Constant`]: open_clip's `const`.
    Constant,
    /// [`Warmup`] and [`Cooldown`]: open_clip's `const-cooldown`.
    ConstantCooldown,
}

impl ScheduleRecipe {
    /// The schedule of a run of `total_steps` steps.
    ///
    /// # Errors
    /// When a rate is negative or not finite, or warm-up and cool-down do not fit the run.
    pub fn over(&self, total_steps: u64) -> Result<Box<dyn Schedule>, ScheduleError> {
        let Self { start, peak, end, .. } = *self;
        let share = |share: f64| (share * total_steps as f64) as u64;
        let warmup_steps = share(self.warmup);
        if self.kind == ScheduleKind::ClipRocket {
            let config = WarmupCosineConfig { start, peak, end, warmup_steps, total_steps };
            return Ok(Box::new(WarmupCosine::new(config)?));
        }
        if warmup_steps >= total_steps {
            return Err(ScheduleError::Warmup { warmup_steps, total_steps });
        }
        let after = total_steps - warmup_steps;
        let then: Box<dyn Schedule> = match self.kind {
            ScheduleKind::Constant => Box::new(Constant::new(peak)?),
            ScheduleKind::ConstantCooldown => {
                let cooldown_steps = share(self.cooldown.unwrap_or(0.0)).max(1);
                let power = self.power.unwrap_or(1.0);
                let config = CooldownConfig { value: peak, end, power, cooldown_steps, total_steps: after };
                Box::new(Cooldown::new(config)?)
            }
            ScheduleKind::ClipRocket | ScheduleKind::Cosine => {
                let ending = CosineEnding::Approached;
                Box::new(Cosine::new(CosineConfig { start: peak, end, total_steps: after, ending })?)
            }
        };
        Ok(Box::new(Warmup::new(start, warmup_steps, then)?))
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        if !(0.0..1.0).contains(&self.warmup) {
            return refuse("schedule.warmup", self.warmup.to_string(), "a share of the run, in [0, 1)");
        }
        // Rates are f32 where they are applied.
        let rates = [("schedule.start", self.start), ("schedule.peak", self.peak), ("schedule.end", self.end)];
        if let Some((key, rate)) = rates.into_iter().find(|(_, rate)| !(*rate >= 0.0 && (*rate as f32).is_finite())) {
            return refuse(key, rate.to_string(), "a number of 0 or more that is finite in f32");
        }
        match (self.kind, self.cooldown, self.power) {
            (ScheduleKind::ConstantCooldown, None, _) => {
                refuse("schedule.cooldown", "left out".to_owned(), "a share of the run, in (0, 1]")
            }
            (ScheduleKind::ConstantCooldown, Some(share), _) if !(share > 0.0 && share <= 1.0) => {
                refuse("schedule.cooldown", share.to_string(), "a share of the run, in (0, 1]")
            }
            (ScheduleKind::ConstantCooldown, ..) | (_, None, None) => Ok(()),
            (_, Some(share), _) => {
                refuse("schedule.cooldown", share.to_string(), "left out unless kind is \"constant-cooldown\"")
            }
            (_, None, Some(power)) => {
                refuse("schedule.power", power.to_string(), "left out unless kind is \"constant-cooldown\"")
            }
        }
    }
}
