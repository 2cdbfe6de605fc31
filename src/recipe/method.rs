use serde::{Deserialize, Serialize};
use vlp_methods::{ClipConfig, ClipRocketConfig};

use super::RecipeError;

/// A method by name, with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum MethodRecipe {
    /// [`Clip`](vlp_methods::Clip).
    Clip(ClipConfig),
    /// [`ClipRocket`](vlp_methods::ClipRocket).
    ClipRocket(ClipRocketConfig),
}

impl MethodRecipe {
    /// The name in recipes and on command lines.
    pub fn name(&self) -> &'static str {
        match self {
            MethodRecipe::Clip(_) => "clip",
            MethodRecipe::ClipRocket(_) => "clip-rocket",
        }
    }

    /// The method of this name with what it shares with `self` kept: the size of the embedding, the weak head and scale.
    pub fn renamed(self, name: &str) -> Option<Self> {
        match (name, self) {
            ("clip", MethodRecipe::ClipRocket(rocket)) => Some(MethodRecipe::Clip(ClipConfig {
                embed_dim: rocket.embed_dim,
                head: rocket.weak_head,
                scale: rocket.weak_scale,
                ..ClipConfig::default()
            })),
            ("clip-rocket", MethodRecipe::Clip(clip)) => Some(MethodRecipe::ClipRocket(ClipRocketConfig {
                embed_dim: clip.embed_dim,
                weak_head: clip.head,
                weak_scale: clip.scale,
                ..ClipRocketConfig::default()
            })),
            _ => (name == self.name()).then_some(self),
        }
    }

    pub(super) fn check(&self, strong_views: usize) -> Result<(), RecipeError> {
        let wrong = |must| Err(RecipeError::Value { key: "views.strong", value: strong_views.to_string(), must });
        match (self, strong_views) {
            (MethodRecipe::Clip(_), 1..) => wrong("0 for clip, which sees no strong view"),
            (MethodRecipe::ClipRocket(_), 0) => {
                wrong("at least 1 for clip-rocket, whose strong heads would learn nothing")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_method_keeps_what_both_have() {
        let rocket = MethodRecipe::ClipRocket(ClipRocketConfig { embed_dim: 96, ..Default::default() });
        let clip = rocket.renamed("clip").unwrap();
        assert!(matches!(clip, MethodRecipe::Clip(ClipConfig { embed_dim: 96, .. })));
        assert!(matches!(
            clip.renamed("clip-rocket"),
            Some(MethodRecipe::ClipRocket(ClipRocketConfig { embed_dim: 96, .. }))
        ));
        assert_eq!(rocket.renamed("clip-rocket"), Some(rocket));
        assert_eq!(rocket.renamed("clap"), None);
    }
}
