use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, TextEncoder};

use crate::{
    AnyMethod, BarLipConfig, ByoLipConfig, ClipConfig, ClipRocketConfig, DinoConfig, MethodConfig, MethodError,
    MocoV3Config, NClipConfig, SiamLipConfig, SigLipConfig, SlipConfig, StrongViews, SwaLipConfig, SwaLipV1Config,
    SwavConfig, Towers, XClipConfig,
};

/// A method by name with its settings: the key `name` chooses, what is left out is the published method's.
///
/// ```
/// use vlp_methods::AnyMethodConfig;
///
/// let config = AnyMethodConfig::named("siamlip")?;
/// assert_eq!(config.name(), "siamlip");
/// assert!(config.check(0).unwrap_err().to_string().contains("at least 1 strong view"));
/// # Ok::<(), vlp_methods::MethodError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum AnyMethodConfig {
    /// [`Clip`](crate::Clip).
    Clip(ClipConfig),
    /// [`ClipRocket`](crate::ClipRocket).
    ClipRocket(ClipRocketConfig),
    /// [`Slip`](crate::Slip).
    Slip(SlipConfig),
    /// [`SiamLip`](crate::SiamLip).
    #[serde(rename = "siamlip")]
    SiamLip(SiamLipConfig),
    /// [`ByoLip`](crate::ByoLip).
    #[serde(rename = "byolip")]
    ByoLip(ByoLipConfig),
    /// [`BarLip`](crate::BarLip).
    #[serde(rename = "barlip")]
    BarLip(BarLipConfig),
    /// [`SwaLip`](crate::SwaLip).
    #[serde(rename = "swalip")]
    SwaLip(SwaLipConfig),
    /// [`SwaLipV1`](crate::SwaLipV1).
    #[serde(rename = "swalip-v1")]
    SwaLipV1(SwaLipV1Config),
    /// [`NClip`](crate::NClip).
    #[serde(rename = "nclip")]
    NClip(NClipConfig),
    /// [`XClip`](crate::XClip).
    #[serde(rename = "xclip")]
    XClip(XClipConfig),
    /// [`SigLip`](crate::SigLip).
    #[serde(rename = "siglip")]
    SigLip(SigLipConfig),
    /// [`Dino`](crate::Dino).
    Dino(DinoConfig),
    /// [`MocoV3`](crate::MocoV3).
    #[serde(rename = "moco-v3")]
    MocoV3(MocoV3Config),
    /// [`Swav`](crate::Swav).
    Swav(SwavConfig),
}

impl AnyMethodConfig {
    /// All names, as recipes and command lines use them.
    pub const NAMES: [&'static str; 14] = [
        "clip",
        "clip-rocket",
        "slip",
        "siamlip",
        "byolip",
        "barlip",
        "swalip",
        "swalip-v1",
        "nclip",
        "xclip",
        "siglip",
        "dino",
        "moco-v3",
        "swav",
    ];

    /// The published method of this name.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] with the names that exist.
    pub fn named(name: &str) -> Result<Self, MethodError> {
        Ok(match name {
            "clip" => AnyMethodConfig::Clip(ClipConfig::default()),
            "clip-rocket" => AnyMethodConfig::ClipRocket(ClipRocketConfig::default()),
            "slip" => AnyMethodConfig::Slip(SlipConfig::default()),
            "siamlip" => AnyMethodConfig::SiamLip(SiamLipConfig::default()),
            "byolip" => AnyMethodConfig::ByoLip(ByoLipConfig::default()),
            "barlip" => AnyMethodConfig::BarLip(BarLipConfig::default()),
            "swalip" => AnyMethodConfig::SwaLip(SwaLipConfig::default()),
            "swalip-v1" => AnyMethodConfig::SwaLipV1(SwaLipV1Config::default()),
            "nclip" => AnyMethodConfig::NClip(NClipConfig::default()),
            "xclip" => AnyMethodConfig::XClip(XClipConfig::default()),
            "siglip" => AnyMethodConfig::SigLip(SigLipConfig::default()),
            "dino" => AnyMethodConfig::Dino(DinoConfig::default()),
            "moco-v3" => AnyMethodConfig::MocoV3(MocoV3Config::default()),
            "swav" => AnyMethodConfig::Swav(SwavConfig::default()),
            _ => return Err(MethodError::Unknown { name: name.to_owned(), known: Self::NAMES.to_vec() }),
        })
    }

    /// The name in recipes and on command lines.
    pub fn name(&self) -> &'static str {
        match self {
            AnyMethodConfig::Clip(_) => "clip",
            AnyMethodConfig::ClipRocket(_) => "clip-rocket",
            AnyMethodConfig::Slip(_) => "slip",
            AnyMethodConfig::SiamLip(_) => "siamlip",
            AnyMethodConfig::ByoLip(_) => "byolip",
            AnyMethodConfig::BarLip(_) => "barlip",
            AnyMethodConfig::SwaLip(_) => "swalip",
            AnyMethodConfig::SwaLipV1(_) => "swalip-v1",
            AnyMethodConfig::NClip(_) => "nclip",
            AnyMethodConfig::XClip(_) => "xclip",
            AnyMethodConfig::SigLip(_) => "siglip",
            AnyMethodConfig::Dino(_) => "dino",
            AnyMethodConfig::MocoV3(_) => "moco-v3",
            AnyMethodConfig::Swav(_) => "swav",
        }
    }

    /// How many strong views it reads beside the weak one.
    pub fn strong_views(&self) -> StrongViews {
        match self {
            AnyMethodConfig::ClipRocket(config) if config.strong_head.is_none() => StrongViews::AtLeast(0),
            AnyMethodConfig::ClipRocket(_)
            | AnyMethodConfig::SiamLip(_)
            | AnyMethodConfig::ByoLip(_)
            | AnyMethodConfig::BarLip(_) => StrongViews::AtLeast(1),
            AnyMethodConfig::Slip(_) | AnyMethodConfig::SwaLip(_) => StrongViews::Exactly(2),
            AnyMethodConfig::Dino(_) | AnyMethodConfig::MocoV3(_) | AnyMethodConfig::Swav(_) => StrongViews::Exactly(1),
            AnyMethodConfig::Clip(_)
            | AnyMethodConfig::SwaLipV1(_)
            | AnyMethodConfig::NClip(_)
            | AnyMethodConfig::XClip(_)
            | AnyMethodConfig::SigLip(_) => StrongViews::Exactly(0),
        }
    }

    /// Whether it reads captions. DINO, MoCo v3 and SwAV learn from pictures alone and hold no text encoder.
    pub fn reads_texts(&self) -> bool {
        !matches!(self, AnyMethodConfig::Dino(_) | AnyMethodConfig::MocoV3(_) | AnyMethodConfig::Swav(_))
    }

    /// Whether it reads local crops: DINO and SwAV do.
    pub fn reads_local_crops(&self) -> bool {
        matches!(self, AnyMethodConfig::Dino(_) | AnyMethodConfig::Swav(_))
    }

    /// Checks, before anything is built, that the method can work with this many strong views and with its own settings.
    ///
    /// # Errors
    /// [`MethodError::StrongViews`] with the reason, or [`MethodError::Smoothing`].
    pub fn check(&self, strong_views: usize) -> Result<(), MethodError> {
        let needed = self.strong_views();
        if !needed.allow(strong_views) {
            let reason = match self {
                AnyMethodConfig::SwaLip(_) => "each pair of views predicts the assignment of the opposite views",
                AnyMethodConfig::Slip(_) => "its self-supervised branch compares two views of the picture",
                _ if !self.reads_texts() => "its two global views are the weak one and one strong view",
                _ if needed == StrongViews::Exactly(0) => "it reads the weak view only",
                _ => "its heads for strong views would learn nothing",
            };
            return Err(MethodError::StrongViews { method: self.name(), given: strong_views, needed, reason });
        }
        match self {
            AnyMethodConfig::SwaLip(config) => config.check(),
            _ => Ok(()),
        }
    }

    /// Joins two encoders into the method; one that [reads no texts](Self::reads_texts) drops the text encoder.
    ///
    /// # Errors
    /// As the method's own configuration.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<AnyMethod<I, T>, MethodError> {
        Ok(match self {
            AnyMethodConfig::Clip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::ClipRocket(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::Slip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::SiamLip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::ByoLip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::BarLip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::SwaLip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::SwaLipV1(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::NClip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::XClip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::SigLip(config) => config.init(image, text, device)?.into(),
            AnyMethodConfig::Dino(config) => config.init(image, device)?.into(),
            AnyMethodConfig::MocoV3(config) => config.init(image, device)?.into(),
            AnyMethodConfig::Swav(config) => config.init(image, device)?.into(),
        })
    }
}

impl MethodConfig for AnyMethodConfig {
    const NAME: Option<&'static str> = None;

    type Method<I: ImageEncoder, T: TextEncoder> = AnyMethod<I, T>;

    fn name(&self) -> &'static str {
        self.name()
    }

    fn strong_views(&self) -> StrongViews {
        self.strong_views()
    }

    fn reads_texts(&self) -> bool {
        self.reads_texts()
    }

    fn reads_local_crops(&self) -> bool {
        self.reads_local_crops()
    }

    fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<AnyMethod<I, T>, MethodError> {
        self.init(image, text, device)
    }

    fn check(&self, strong_views: usize) -> Result<(), MethodError> {
        self.check(strong_views)
    }

    fn scale<I: ImageEncoder, T: TextEncoder>(method: &AnyMethod<I, T>) -> Option<Tensor<1>> {
        method.scale()
    }

    fn bias<I: ImageEncoder, T: TextEncoder>(method: &AnyMethod<I, T>) -> Option<Tensor<1>> {
        method.bias()
    }

    fn towers<I: ImageEncoder, T: TextEncoder>(method: &AnyMethod<I, T>) -> Option<Towers<'_, I, T>> {
        let (image_head, text_head) = match method {
            AnyMethod::Clip(method) => (Some(&method.image_head), Some(&method.text_head)),
            AnyMethod::SigLip(method) => (Some(&method.image_head), Some(&method.text_head)),
            _ => (None, None),
        };
        // What learns, where another encoder is evaluated.
        let image = match method {
            AnyMethod::Dino(method) => &method.image,
            _ => method.image_encoder(),
        };
        Some(Towers { image, text: method.text_encoder(), image_head, text_head })
    }
}
