//! Which runs there are, in which order, and the recipe of each.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use vlp::methods::{AnyMethodConfig, StrongViews};
use vlp::recipe::{AugmentRecipe, Recipe, TextAugmentation};

use crate::Failure;

/// What a run trains by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Weak augmentation, linear heads, no label smoothing.
    Plain,
    /// Strong augmentation, MLP heads, label smoothing.
    Improved,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::Plain, Kind::Improved];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Plain => "plain",
            Kind::Improved => "improved",
        })
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) kind: Kind,
    pub(crate) recipe: Recipe,
}

impl Planned {
    /// Where it lies under the runs.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}-{}", self.recipe.method.name(), self.kind, self.recipe.seed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Methods {
    plain: BTreeMap<String, AnyMethodConfig>,
    improved: BTreeMap<String, AnyMethodConfig>,
    one_view: AugmentRecipe,
}

/// All runs of these methods: CLIP and CLIP-rocket first, every seed of them, then seed by seed what is left. A run that is
/// cut short leaves the table that matters most.
pub(crate) fn runs(base: &Recipe, methods: &[String], seeds: u64) -> Result<Vec<Planned>, Failure> {
    let known: Methods = toml::from_str(include_str!("methods.toml"))?;
    let names: Vec<&str> = AnyMethodConfig::NAMES
        .into_iter()
        .filter(|name| methods.is_empty() || methods.iter().any(|wanted| wanted == name))
        .collect();
    if let Some(unknown) = methods.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        return Err(format!("no method is called `{unknown}`: there are {}", AnyMethodConfig::NAMES.join(", ")).into());
    }
    let (first, rest): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.starts_with("clip"));
    let mut runs = Vec::new();
    for names in [first, rest] {
        for seed in 0..seeds {
            for name in &names {
                for (kind, method) in
                    [(Kind::Plain, known.plain.get(*name)), (Kind::Improved, known.improved.get(*name))]
                {
                    let Some(method) = method else { continue };
                    let recipe = recipe(base, method.clone(), kind, &known.one_view);
                    recipe.check()?;
                    runs.push(Planned { kind, recipe: Recipe { seed, ..recipe } });
                }
            }
        }
    }
    Ok(runs)
}

/// The method in the views of its kind; the base recipe's views are the improved ones.
fn recipe(base: &Recipe, method: AnyMethodConfig, kind: Kind, one_view: &AugmentRecipe) -> Recipe {
    let mut recipe = Recipe { method, ..base.clone() };
    recipe.views.strong = recipe.method.strong_views().nearest(base.views.strong);
    let reads_weak_only = recipe.method.strong_views() == StrongViews::Exactly(0);
    match kind {
        Kind::Improved if reads_weak_only => recipe.augment = Some(one_view.clone()),
        Kind::Improved => {}
        // SLIP's second branch compares strong views of the picture: that is the method.
        Kind::Plain if matches!(recipe.method, AnyMethodConfig::Slip(_)) => {}
        Kind::Plain => {
            let views = &mut recipe.views;
            views.strong_scale = views.weak_scale;
            (views.jitter, views.grayscale, views.blur, views.flip) = (0.0, 0.0, 0.0, 0.0);
            (views.weak_text, views.strong_text) = (TextAugmentation::None, TextAugmentation::None);
        }
    }
    recipe
}
