use crate::WeightError;

/// Non-linearity of the MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelActivation {
    /// `x Φ(x)`.
    Gelu,
    /// GELU's tanh approximation.
    GeluTanh,
    /// `x σ(1.702 x)`.
    QuickGelu,
}

/// How a vision transformer's tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VitPool {
    /// The class token after the last layer normalisation.
    Class,
    /// The mean of the patch tokens; the class token is there and left out. `norm_last`: the layer normalisation comes
    /// after the mean, else before.
    Mean {
        /// Whether the layer normalisation comes after the mean.
        norm_last: bool,
    },
    /// SigLIP: a learned query attends to the tokens, an MLP follows; no class token.
    Map,
}

/// A vision transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct VitTower {
    /// Side of the square pictures in pixels.
    pub image_size: usize,
    /// Side of the square patches in pixels; what is left over at the right and bottom edge is not seen.
    pub patch_size: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the MLPs.
    pub hidden: usize,
    /// What layer scale starts from; none without layer scale.
    pub layer_scale: Option<f64>,
    /// Layer normalisation before the first block.
    pub ln_pre: bool,
    /// How tokens become one vector. With [`VitPool::Map`] there is no projection and the patches have a bias.
    pub pool: VitPool,
    /// Non-linearity of the MLPs.
    pub activation: ModelActivation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
}

impl VitTower {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

/// OpenAI's ModifiedResNet: a stem of three convolutions, anti-aliased strides, attention pooling.
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetTower {
    /// Side of the square pictures in pixels.
    pub image_size: usize,
    /// Blocks in each stage.
    pub layers: [usize; 4],
    /// Channels of the first stage; the output of the last has 32 times as many.
    pub width: usize,
    /// Heads of the attention pooling.
    pub heads: usize,
}

/// The tower for pictures.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageTower {
    /// A vision transformer.
    Vit(VitTower),
    /// A ModifiedResNet.
    ResNet(ResNetTower),
}

/// Which token's vector stands for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPool {
    /// The first token with the largest id.
    Argmax,
    /// The first token with this id.
    Eos(u32),
    /// The first token.
    First,
    /// The last position, so texts must be padded to the full length.
    Last,
}

/// What follows the text tower's last layer normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextProjection {
    /// Nothing.
    None,
    /// A matrix, stored `[width, embed_dim]`.
    Matrix,
    /// A linear layer with bias, stored `[embed_dim, width]`.
    Linear,
}

/// The tower for texts: a pre-norm transformer with learned positions.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTower {
    /// Positions.
    pub context_length: usize,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Width of the MLPs.
    pub hidden: usize,
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
    /// Which token stands for the text.
    pub pool: TextPool,
    /// What follows.
    pub projection: TextProjection,
    /// Non-linearity of the MLPs.
    pub activation: ModelActivation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
}

/// What is to be built for a [`ModelConfig`](crate::ModelConfig).
#[derive(Debug, Clone, PartialEq)]
pub struct Towers {
    /// Width of the space where pictures and texts meet.
    pub embed_dim: usize,
    /// The tower for pictures.
    pub image: ImageTower,
    /// The tower for texts.
    pub text: TextTower,
    /// Natural logarithm of the scale at the start.
    pub log_scale: f64,
    /// Bias of the logits at the start; none without one.
    pub bias: Option<f64>,
}

impl Towers {
    /// Side of the square pictures that the image tower reads, in pixels.
    pub fn image_size(&self) -> usize {
        match &self.image {
            ImageTower::Vit(vit) => vit.image_size,
            ImageTower::ResNet(net) => net.image_size,
        }
    }

    /// Refuses sizes that no tower can have, before anything is computed from them.
    pub(super) fn check(self) -> Result<Self, WeightError> {
        let refuse = |reason: String| Err(WeightError::config("this model configuration", reason));
        // No published model comes near these, and no product of them overflows.
        const SIDE: usize = 1 << 14;
        const WIDTH: usize = 1 << 18;
        const DEPTH: usize = 1 << 10;
        const VOCABULARY: usize = 1 << 24;
        let TextTower { context_length, vocab_size, width, heads, layers, hidden, .. } = self.text;
        if self.text.projection == TextProjection::None && width != self.embed_dim {
            return refuse(format!("text_cfg.width {width} is not embed_dim {} and nothing projects", self.embed_dim));
        }
        let mut sizes = vec![
            ("embed_dim", self.embed_dim, WIDTH),
            ("text_cfg.context_length", context_length, VOCABULARY),
            ("text_cfg.vocab_size", vocab_size, VOCABULARY),
            ("text_cfg.width", width, WIDTH),
            ("text_cfg.layers", layers, DEPTH),
            ("text_cfg.width * mlp_ratio", hidden, WIDTH),
        ];
        let mut heads_of = vec![("text_cfg", width, heads)];
        match &self.image {
            ImageTower::Vit(vit) => {
                sizes.extend([
                    ("vision_cfg.image_size", vit.image_size, SIDE),
                    ("vision_cfg.patch_size", vit.patch_size, vit.image_size.min(SIDE)),
                    ("vision_cfg.width", vit.width, WIDTH),
                    ("vision_cfg.layers", vit.layers, DEPTH),
                    ("vision_cfg.width * mlp_ratio", vit.hidden, WIDTH),
                ]);
                heads_of.push(("vision_cfg", vit.width, vit.heads));
            }
            ImageTower::ResNet(net) => {
                sizes.push(("vision_cfg.image_size", net.image_size, SIDE));
                sizes.push(("vision_cfg.width", net.width, WIDTH / 32));
                sizes.extend(net.layers.map(|layers| ("vision_cfg.layers", layers, DEPTH)));
                if !net.image_size.is_multiple_of(32) {
                    return refuse(format!("vision_cfg.image_size {} is no multiple of 32", net.image_size));
                }
                heads_of.push(("vision_cfg", net.width.saturating_mul(32), net.heads));
            }
        }
        if let Some((name, size, most)) = sizes.into_iter().find(|(_, size, most)| !(1..=*most).contains(size)) {
            return refuse(format!("{name} is {size}, it must lie between 1 and {most}"));
        }
        if let Some((tower, width, heads)) =
            heads_of.into_iter().find(|(_, width, heads)| *heads == 0 || !width.is_multiple_of(*heads))
        {
            return refuse(format!("{tower}: {heads} heads do not divide a width of {width}"));
        }
        Ok(self)
    }
}
