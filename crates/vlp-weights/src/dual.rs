//! The towers of a configuration as modules of this workspace.

use vlp_encoders::{
    Activation, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ModifiedResNetConfig, ProjectionConfig,
    StemConfig, TextPooling, TextTransformerConfig, TransformerInit, VitConfig,
};

use crate::config::{ImageTower, ModelActivation, TextPool, TextProjection, Towers, VitPool, VitTower, mlp_ratio};

impl From<ModelActivation> for Activation {
    fn from(activation: ModelActivation) -> Self {
        match activation {
            ModelActivation::Gelu => Activation::Gelu,
            ModelActivation::GeluTanh => Activation::GeluTanh,
            ModelActivation::QuickGelu => Activation::QuickGelu,
        }
    }
}

impl Towers {
    /// The dual encoder to build.
    pub fn dual_encoder(&self) -> DualEncoderConfig {
        let (image, image_head) = match &self.image {
            ImageTower::Vit(vit) if vit.pool == VitPool::Map => (image_tower(vit), ProjectionConfig::Identity),
            ImageTower::Vit(vit) => (image_tower(vit), ProjectionConfig::Linear),
            ImageTower::ResNet(net) => {
                let config = ModifiedResNetConfig {
                    image_size: net.image_size,
                    layers: net.layers,
                    width: net.width,
                    heads: net.heads,
                    output: self.embed_dim,
                };
                (AnyImageEncoderConfig::ModifiedResNet(config), ProjectionConfig::Identity)
            }
        };
        let text = &self.text;
        DualEncoderConfig {
            embed_dim: self.embed_dim,
            image,
            text: TextTransformerConfig {
                vocab_size: text.vocab_size,
                context_length: text.context_length,
                width: text.width,
                depth: text.layers,
                heads: text.heads,
                mlp_ratio: mlp_ratio(text.hidden, text.width),
                activation: text.activation.into(),
                norm_eps: text.norm_eps,
                causal: text.causal,
                pooling: match text.pool {
                    TextPool::Argmax => TextPooling::Argmax,
                    TextPool::Eos(id) => TextPooling::Eot(id),
                    TextPool::First => TextPooling::First,
                    TextPool::Last => TextPooling::Last,
                },
                ..TextTransformerConfig::default()
            },
            image_head,
            text_head: match text.projection {
                TextProjection::None => ProjectionConfig::Identity,
                TextProjection::Matrix => ProjectionConfig::Linear,
                TextProjection::Linear => ProjectionConfig::BiasedLinear,
            },
        }
    }
}

pub(crate) fn image_tower(vit: &VitTower) -> AnyImageEncoderConfig {
    let map = vit.pool == VitPool::Map;
    AnyImageEncoderConfig::Vit(VitConfig {
        image_size: vit.image_size,
        stem: StemConfig::Patch { size: vit.patch_size },
        stem_bias: map,
        crop_border: !vit.image_size.is_multiple_of(vit.patch_size),
        width: vit.width,
        depth: vit.layers,
        heads: vit.heads,
        mlp_ratio: mlp_ratio(vit.hidden, vit.width),
        activation: vit.activation.into(),
        pooling: match vit.pool {
            VitPool::Class => ImagePooling::Class,
            VitPool::Mean { .. } => ImagePooling::PatchMean,
            VitPool::Map => ImagePooling::Map,
        },
        pre_norm: vit.ln_pre,
        norm_after_pool: vit.pool == VitPool::Mean { norm_last: true },
        norm_eps: vit.norm_eps,
        layer_scale: vit.layer_scale,
        init: if map { TransformerInit::Timm } else { TransformerInit::OpenClip },
        ..VitConfig::default()
    })
}
