//! A trained method as open_clip describes models.

use vlp_augment::Normalization;
use vlp_encoders::{
    Activation, AnyImageEncoder, AnyImageEncoderConfig, DualEncoder, ImagePooling, Positions, ProjectionHead,
    StemConfig, TextPooling, TextTransformer, TextTransformerConfig, VitConfig,
};
use vlp_methods::AnyMethod;
use vlp_weights::{
    ImageSize, Interpolation, Layers, ModelConfig, Package, PreprocessConfig, Pretrained, ResizeModeName, TextConfig,
    TowersThere, VisionConfig,
};

use super::PretrainedError;
use crate::recipe::Recipe;

/// The package of a trained CLIP or SigLIP, as [`export`](super::export()) takes it to open_clip, transformers and timm.
///
/// # Errors
/// [`PretrainedError::NoExport`] with what open_clip has no form for: another method, heads of several layers, an image
/// encoder other than a vision transformer in open_clip's dialect, another activation.
pub fn package_of(
    method: &AnyMethod<AnyImageEncoder, TextTransformer>,
    recipe: &Recipe,
    normalization: &Normalization,
) -> Result<Package, PretrainedError> {
    let refuse = |reason: String| PretrainedError::NoExport { reason };
    let model = match method {
        AnyMethod::Clip(clip) => clip.clone().into_dual(),
        AnyMethod::SigLip(siglip) => siglip.clone().into_dual(),
        _ => {
            let name = recipe.method.name();
            return Err(refuse(format!(
                "{name} has other parts than two encoders with a head each; open_clip and transformers know CLIP and SigLIP alone"
            )));
        }
    };
    let scalar = |tensor: burn::tensor::Tensor<1>| tensor.into_scalar::<f32>();
    let (scale, bias) = (method.scale().map_or(1.0, scalar), method.bias().map(scalar));
    let config = config(&model, recipe, bias.is_some()).map_err(refuse)?;
    let preprocess = PreprocessConfig {
        size: ImageSize::Square(recipe.views.size),
        mean: normalization.mean.map(short),
        std: normalization.std.map(short),
        interpolation: Interpolation::Bilinear,
        resize_mode: ResizeModeName::Shortest,
        ..PreprocessConfig::default()
    };
    Ok(Pretrained { model, log_scale: scale.ln(), bias, config, preprocess, there: TowersThere::Both }.to_package()?)
}

/// The shortest decimal number that is this one in 32 bits: 0.485, not 0.48500001430511475.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn config(
    model: &DualEncoder<AnyImageEncoder, TextTransformer>,
    recipe: &Recipe,
    bias: bool,
) -> Result<ModelConfig, String> {
    let AnyImageEncoderConfig::Vit(vit) = &recipe.image else {
        return Err("its image encoder is no vision transformer".to_string());
    };
    let (ProjectionHead::Linear(image), ProjectionHead::Linear(text)) = (&model.image_head, &model.text_head) else {
        return Err("a head is no single linear layer".to_string());
    };
    if image.bias.is_some() {
        return Err("the head on its image vectors has a bias".to_string());
    }
    let [vision, words] = [vit.activation, recipe.text.activation].map(|activation| match activation {
        Activation::Gelu => Ok((false, None)),
        Activation::GeluTanh => Ok((false, Some("tanh"))),
        Activation::QuickGelu => Ok((true, None)),
        Activation::Relu => Err("activation = \"relu\" is in no model of open_clip".to_string()),
    });
    let ((quick, vision), (quick_words, words)) = (vision?, words?);
    if quick != quick_words {
        return Err("open_clip has quick-gelu in both encoders or in none".to_string());
    }
    let kwargs = |approximate: Option<&str>| {
        approximate.map(|kind| serde_json::Map::from_iter([("approximate".to_string(), kind.into())]))
    };
    let vision_cfg = VisionConfig { act_kwargs: kwargs(vision), ..vision_config(vit)? };
    let text_cfg =
        TextConfig { act_kwargs: kwargs(words), proj_bias: text.bias.is_some(), ..text_config(&recipe.text)? };
    let plain = r#"{"embed_dim": 1, "vision_cfg": {}, "text_cfg": {}}"#;
    let plain = ModelConfig::from_json(plain).map_err(|error| error.to_string())?;
    Ok(ModelConfig {
        embed_dim: image.weight.val().dims()[1],
        vision_cfg,
        text_cfg,
        quick_gelu: quick,
        init_logit_bias: bias.then_some(-10.0),
        ..plain
    })
}

fn norm_kwargs(eps: f64) -> Option<serde_json::Map<String, serde_json::Value>> {
    (eps != 1e-5).then(|| serde_json::Map::from_iter([("eps".to_string(), eps.into())]))
}

fn vision_config(vit: &VitConfig) -> Result<VisionConfig, String> {
    let StemConfig::Patch { size } = vit.stem else {
        return Err("the stem of its image encoder is not one patch embedding".to_string());
    };
    let dialect = [
        (vit.stem_bias, "image.stem_bias = true"),
        (vit.registers > 0, "image.registers above 0"),
        (vit.positions != Positions::Learned, "image.positions other than \"learned\""),
        (!vit.prefix_positions, "image.prefix_positions = false"),
        (!vit.width.is_multiple_of(vit.heads), "image.heads that do not divide image.width"),
    ];
    if let Some((_, key)) = dialect.iter().find(|(set, _)| *set) {
        return Err(format!("open_clip's vision transformer has no {key}"));
    }
    let (pool_type, norm_last) = match vit.pooling {
        ImagePooling::Class => ("tok", false),
        ImagePooling::PatchMean => ("avg", vit.norm_after_pool),
        ImagePooling::Mean | ImagePooling::Map => {
            return Err(
                "open_clip's vision transformer has a class token; image.pooling is \"mean\" or \"map\"".to_string()
            );
        }
    };
    Ok(VisionConfig {
        layers: Layers::Blocks(vit.depth),
        width: vit.width,
        head_width: vit.width / vit.heads,
        mlp_ratio: vit.mlp_ratio,
        patch_size: Some(size),
        image_size: ImageSize::Square(vit.image_size),
        ls_init_value: vit.layer_scale,
        no_ln_pre: !vit.pre_norm,
        final_ln_after_pool: norm_last,
        pool_type: pool_type.to_string(),
        norm_kwargs: norm_kwargs(vit.norm_eps),
        ..VisionConfig::default()
    })
}

fn text_config(text: &TextTransformerConfig) -> Result<TextConfig, String> {
    if text.layer_scale.is_some() {
        return Err("open_clip's text transformer is read without text.layer_scale".to_string());
    }
    let (pool_type, eos_id) = match text.pooling {
        TextPooling::Argmax => ("argmax", None),
        TextPooling::Eot(id) => ("eos", Some(id)),
        TextPooling::First => ("first", None),
        TextPooling::Last => ("last", None),
    };
    Ok(TextConfig {
        context_length: text.context_length,
        vocab_size: text.vocab_size,
        width: text.width,
        heads: text.heads,
        layers: text.depth,
        mlp_ratio: text.mlp_ratio,
        no_causal_mask: !text.causal,
        pool_type: pool_type.to_string(),
        eos_id,
        norm_kwargs: norm_kwargs(text.norm_eps),
        ..TextConfig::default()
    })
}
