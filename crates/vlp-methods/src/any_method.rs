use burn::module::Module;
use burn::tensor::{Int, Tensor};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder,
};

use crate::{
    BarLip, ByoLip, Clip, ClipRocket, Dino, MocoV3, NClip, SiamLip, SigLip, Slip, SwaLip, SwaLipV1, Swav, XClip,
};

/// Any method of this crate, chosen at run time by [`AnyMethodConfig`](crate::AnyMethodConfig). Its records name the
/// variant in every path, so that none is taken for another's.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "burn has no boxed modules, and a run trains one method")]
pub enum AnyMethod<I: ImageEncoder, T: TextEncoder> {
    /// CLIP.
    Clip(Clip<I, T>),
    /// CLIP-rocket.
    ClipRocket(ClipRocket<I, T>),
    /// SLIP.
    Slip(Slip<I, T>),
    /// SiamLIP.
    SiamLip(SiamLip<I, T>),
    /// BYOLIP.
    ByoLip(ByoLip<I, T>),
    /// BarLIP.
    BarLip(BarLip<I, T>),
    /// SwALIP.
    SwaLip(SwaLip<I, T>),
    /// SwALIP with prototypes.
    SwaLipV1(SwaLipV1<I, T>),
    /// nCLIP-style.
    NClip(NClip<I, T>),
    /// xCLIP-style.
    XClip(XClip<I, T>),
    /// SigLIP.
    SigLip(SigLip<I, T>),
    /// DINO, without a text encoder.
    Dino(Dino<I>),
    /// MoCo v3, without a text encoder.
    MocoV3(MocoV3<I>),
    /// SwAV, without a text encoder.
    Swav(Swav<I>),
}

/// The features of [`AnyMethod`]: those of the method in it, as plain tensors.
#[derive(Debug, Clone)]
pub struct AnyFeatures(pub Vec<Tensor<2>>);

impl Features for AnyFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.0
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        AnyFeatures(tensors)
    }
}

/// Does the same with whichever method there is.
macro_rules! each {
    ($any:expr, $method:ident => $result:expr) => {
        match $any {
            AnyMethod::Clip($method) => $result,
            AnyMethod::ClipRocket($method) => $result,
            AnyMethod::Slip($method) => $result,
            AnyMethod::SiamLip($method) => $result,
            AnyMethod::ByoLip($method) => $result,
            AnyMethod::BarLip($method) => $result,
            AnyMethod::SwaLip($method) => $result,
            AnyMethod::SwaLipV1($method) => $result,
            AnyMethod::NClip($method) => $result,
            AnyMethod::XClip($method) => $result,
            AnyMethod::SigLip($method) => $result,
            AnyMethod::Dino($method) => $result,
            AnyMethod::MocoV3($method) => $result,
            AnyMethod::Swav($method) => $result,
        }
    };
}

impl<I: ImageEncoder, T: TextEncoder> AnyMethod<I, T> {
    /// The factor that turns evaluation's cosines into logits, `[1]`; none where the method learns none.
    pub fn scale(&self) -> Option<Tensor<1>> {
        Some(match self {
            AnyMethod::Clip(method) => method.scale.scale(),
            AnyMethod::ClipRocket(method) => method.scale.scale(),
            AnyMethod::Slip(method) => method.scale.scale(),
            AnyMethod::SiamLip(method) => method.rocket.scale.scale(),
            AnyMethod::ByoLip(method) => method.online.rocket.scale.scale(),
            AnyMethod::BarLip(method) => method.rocket.scale.scale(),
            AnyMethod::SwaLip(method) => method.rocket.scale.scale(),
            AnyMethod::SwaLipV1(method) => method.clip.scale.scale(),
            AnyMethod::XClip(method) => method.scale.scale(),
            AnyMethod::SigLip(method) => method.loss.scale.scale(),
            AnyMethod::NClip(_) | AnyMethod::Dino(_) | AnyMethod::MocoV3(_) | AnyMethod::Swav(_) => return None,
        })
    }

    /// The image encoder, whose vectors lie in front of all heads: what linear probes read. DINO's is the teacher's.
    pub fn image_encoder(&self) -> &I {
        match self {
            AnyMethod::Clip(method) => &method.image,
            AnyMethod::ClipRocket(method) => &method.image,
            AnyMethod::Slip(method) => &method.image,
            AnyMethod::SiamLip(method) => &method.rocket.image,
            AnyMethod::ByoLip(method) => &method.online.rocket.image,
            AnyMethod::BarLip(method) => &method.rocket.image,
            AnyMethod::SwaLip(method) => &method.rocket.image,
            AnyMethod::SwaLipV1(method) => &method.clip.image,
            AnyMethod::NClip(method) => &method.image,
            AnyMethod::XClip(method) => &method.nclip.image,
            AnyMethod::SigLip(method) => &method.image,
            AnyMethod::Dino(method) => &method.teacher.image,
            AnyMethod::MocoV3(method) => &method.image,
            AnyMethod::Swav(method) => &method.image,
        }
    }

    /// The text encoder; none in a method that reads pictures alone.
    pub fn text_encoder(&self) -> Option<&T> {
        Some(match self {
            AnyMethod::Clip(method) => &method.text,
            AnyMethod::ClipRocket(method) => &method.text,
            AnyMethod::Slip(method) => &method.text,
            AnyMethod::SiamLip(method) => &method.rocket.text,
            AnyMethod::ByoLip(method) => &method.online.rocket.text,
            AnyMethod::BarLip(method) => &method.rocket.text,
            AnyMethod::SwaLip(method) => &method.rocket.text,
            AnyMethod::SwaLipV1(method) => &method.clip.text,
            AnyMethod::NClip(method) => &method.text,
            AnyMethod::XClip(method) => &method.nclip.text,
            AnyMethod::SigLip(method) => &method.text,
            AnyMethod::Dino(_) | AnyMethod::MocoV3(_) | AnyMethod::Swav(_) => return None,
        })
    }

    /// Scores of the image encoder's vectors against the units or prototypes that the method sorts samples by; none where
    /// it has neither.
    ///
    /// # Shapes
    /// - vectors: `[batch, width]`
    /// - result: `[batch, units]`
    pub fn image_units(&self, vectors: Tensor<2>) -> Option<Tensor<2>> {
        match self {
            AnyMethod::NClip(method) => Some(method.heads.image.forward(vectors)),
            AnyMethod::XClip(method) => Some(method.nclip.heads.image.forward(vectors)),
            AnyMethod::SwaLipV1(method) => Some(method.prototypes.forward(method.heads.image.forward(vectors))),
            AnyMethod::Dino(method) => Some(method.teacher.head.forward(vectors)),
            AnyMethod::Swav(method) => Some(method.prototypes.forward(method.head.forward(vectors))),
            _ => None,
        }
    }

    /// What is added to scaled cosines, `[1]`; only SigLIP has it.
    pub fn bias(&self) -> Option<Tensor<1>> {
        match self {
            AnyMethod::SigLip(method) => Some(method.loss.bias.val()),
            _ => None,
        }
    }
}

fn objective<M: Method>(method: &M, features: AnyFeatures, ctx: &StepContext<'_>) -> StepOutput {
    method.objective(M::Features::from_tensors(features.0), ctx)
}

impl<I: ImageEncoder, T: TextEncoder> Method for AnyMethod<I, T> {
    type Batch = PairBatch;
    type Features = AnyFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, ctx: &StepContext<'_>) -> AnyFeatures {
        each!(self, method => AnyFeatures(method.encode(batch, ctx).into_tensors()))
    }

    fn objective(&self, features: AnyFeatures, ctx: &StepContext<'_>) -> StepOutput {
        each!(self, method => objective(method, features, ctx))
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        each!(self, method => method.after_update(ctx).into())
    }
}

impl<I: ImageEncoder, T: TextEncoder> Embedder for AnyMethod<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        each!(self, method => method.embed_images(images))
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        each!(self, method => method.embed_texts(tokens))
    }

    fn embeds_texts(&self) -> bool {
        each!(self, method => method.embeds_texts())
    }
}

macro_rules! from_method {
    ($($variant:ident<$($encoder:ident),*>)*) => {
        $(impl<I: ImageEncoder, T: TextEncoder> From<$variant<$($encoder),*>> for AnyMethod<I, T> {
            fn from(method: $variant<$($encoder),*>) -> Self {
                AnyMethod::$variant(method)
            }
        })*
    };
}

from_method! {
    Clip<I, T> ClipRocket<I, T> Slip<I, T> SiamLip<I, T> ByoLip<I, T> BarLip<I, T> SwaLip<I, T> SwaLipV1<I, T> NClip<I, T>
    XClip<I, T> SigLip<I, T> Dino<I> MocoV3<I> Swav<I>
}
