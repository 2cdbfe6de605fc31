use std::fmt;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use ndarray::Array2;
use vlp_augment::{Image, ImageTransform, Normalization, SampleRng};
use vlp_core::Embedder;
use vlp_data::{Alpha, HostImages};
use vlp_eval::{Embeddings, EvalError, HeadEmbeddings};
use vlp_weights::Package;

use super::{Pictures, PretrainedError, Target, Templates, TextReader, export};

/// Pictures or texts that the model reads at once where nothing else is said.
pub(super) const BATCH: usize = 32;

/// A trained model with what goes before and after it: preprocessing, tokenizer, logit scale.
///
/// [`open`](super::open()) makes one from a folder or a file, [`new`](Self::new) from parts.
pub struct Model {
    name: String,
    device: Device,
    body: Box<dyn Body>,
    resize: Arc<dyn ImageTransform>,
    normalization: Normalization,
    scale: f32,
    bias: Option<f32>,
    pictures: Result<(), String>,
    texts: Result<TextReader, String>,
    templates: Templates,
    alpha: Alpha,
}

/// What a [`Model`] is made of.
pub struct ModelParts {
    /// What it is called in messages.
    pub name: String,
    /// Where `embedder` computes; plain, not for automatic differentiation.
    pub device: Device,
    /// The encoders.
    pub embedder: Box<dyn Embedder>,
    /// What makes a picture as large as the encoder reads it.
    pub resize: Arc<dyn ImageTransform>,
    /// Channel statistics.
    pub normalization: Normalization,
    /// Factor on cosines.
    pub scale: f32,
    /// Added to scaled cosines; a model with one was trained with a sigmoid, one without with a softmax.
    pub bias: Option<f32>,
    /// What reads texts; none where only pictures can be embedded.
    pub tokenizer: Option<TextReader>,
    /// The same model in the form that others read; none where they have no form for it.
    pub package: Option<Package>,
}

/// Encoders, and how they leave.
pub(super) trait Body {
    fn embedder(&self) -> &dyn Embedder;
    fn package(&self) -> Result<Package, PretrainedError>;
}

struct Parts {
    embedder: Box<dyn Embedder>,
    package: Option<Package>,
}

impl Body for Parts {
    fn embedder(&self) -> &dyn Embedder {
        self.embedder.as_ref()
    }

    fn package(&self) -> Result<Package, PretrainedError> {
        let reason = "it has no form in open_clip, transformers or timm";
        self.package.clone().ok_or_else(|| PretrainedError::NoExport { reason: reason.to_string() })
    }
}

/// What [`Model`]'s makers in this module know.
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) device: Device,
    pub(super) body: Box<dyn Body>,
    pub(super) resize: Arc<dyn ImageTransform>,
    pub(super) normalization: Normalization,
    pub(super) scale: f32,
    pub(super) bias: Option<f32>,
    pub(super) pictures: Result<(), String>,
    pub(super) texts: Result<TextReader, String>,
    pub(super) templates: Templates,
}

impl From<Opened> for Model {
    fn from(opened: Opened) -> Self {
        let Opened { name, device, body, resize, normalization, scale, bias, pictures, texts, templates } = opened;
        // As the preprocessing that such models come with.
        let alpha = Alpha::Drop;
        Model { name, device, body, resize, normalization, scale, bias, pictures, texts, templates, alpha }
    }
}

impl Model {
    /// Puts a model together.
    ///
    /// # Panics
    /// When the device is one for automatic differentiation, on which layers behave as in training.
    pub fn new(parts: ModelParts) -> Self {
        assert!(
            !parts.device.is_autodiff(),
            "a model embeds on a plain device: `device.inner()`, and `method.valid()`"
        );
        let none = "this model has no tokenizer: give one with --tokenizer (`OpenOptions::tokenizer`)";
        Model {
            name: parts.name,
            device: parts.device,
            body: Box::new(Parts { embedder: parts.embedder, package: parts.package }),
            resize: parts.resize,
            normalization: parts.normalization,
            scale: parts.scale,
            bias: parts.bias,
            pictures: Ok(()),
            texts: parts.tokenizer.ok_or_else(|| none.to_string()),
            templates: Templates::plain(),
            alpha: Alpha::default(),
        }
    }

    /// The same model with other sentences about classes as its own.
    pub fn with_templates(self, templates: Templates) -> Self {
        Model { templates, ..self }
    }

    /// The same model with another treatment of transparent parts of pictures. Models of open_clip, Hugging Face and timm drop transparency, as
    /// their preprocessing does (Pillow's `convert("RGB")`); those that a run trained treat it as the run did, others lay it on white.
    #[must_use]
    pub fn with_alpha(self, alpha: Alpha) -> Self {
        Model { alpha, ..self }
    }

    /// What becomes of transparent parts of pictures.
    pub fn alpha(&self) -> Alpha {
        self.alpha
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The encoders.
    pub fn embedder(&self) -> &dyn Embedder {
        self.body.embedder()
    }

    /// What makes a picture as large as the encoder reads it.
    pub fn resize(&self) -> &Arc<dyn ImageTransform> {
        &self.resize
    }

    /// Channel statistics of its pictures.
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// Factor on cosines.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Added to scaled cosines; none for a model that was trained with a softmax.
    pub fn bias(&self) -> Option<f32> {
        self.bias
    }

    /// The sentences about a class that suit the model: "a photo of a {}." for published weights, the name alone for runs.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// What reads its texts.
    ///
    /// # Errors
    /// [`PretrainedError::NoTokenizer`], which says where the tokenizer is to be had.
    pub fn text_reader(&self) -> Result<&TextReader, PretrainedError> {
        self.texts.as_ref().map_err(|reason| PretrainedError::NoTokenizer(reason.clone()))
    }

    /// The vectors of picture files.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn embed_images(&self, paths: &[impl AsRef<Path>]) -> Result<Embeddings, PretrainedError> {
        for path in paths.iter().map(AsRef::as_ref) {
            std::fs::metadata(path).map_err(PretrainedError::place("read", path))?;
        }
        let pictures = Pictures::files(paths);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (mut rows, mut width) = (Vec::new(), 0);
        for batch in self.batches(&pictures, BATCH, threads, 0)? {
            let batch = batch?;
            if let Some((name, reason)) = batch.damaged.into_iter().next() {
                return Err(PretrainedError::Picture { name, reason });
            }
            rows.extend(batch.vectors);
            width = batch.width;
        }
        embeddings("picture", rows, width)
    }

    /// The vectors of decoded pictures of any size.
    ///
    /// # Errors
    /// When there is none, or the device cannot be read.
    pub fn embed_pictures(&self, pictures: &[Image]) -> Result<Embeddings, PretrainedError> {
        let (mut rows, mut width) = (Vec::new(), 0);
        for chunk in pictures.chunks(BATCH) {
            let prepared: Vec<Image> = chunk.iter().map(|picture| self.prepare(picture.clone())).collect();
            let vectors = self.vectors(HostImages::collate(&prepared)?)?;
            rows.extend(vectors.0);
            width = vectors.1;
        }
        embeddings("picture", rows, width)
    }

    /// The vectors of texts.
    ///
    /// # Errors
    /// When there is none, or the model has no text encoder or no tokenizer.
    pub fn embed_texts(&self, texts: &[impl AsRef<str>]) -> Result<Embeddings, PretrainedError> {
        if !self.embedder().embeds_texts() {
            return Err(EvalError::NoTextEncoder.into());
        }
        let reader = self.text_reader()?;
        if texts.is_empty() {
            return Err(PretrainedError::Nothing { what: "text" });
        }
        let embedded = texts.chunks(BATCH).map(|chunk| {
            let tokens = reader.encode(chunk).into_tensor(&self.device);
            self.embedder().embed_texts(tokens)
        });
        Ok(HeadEmbeddings::gather(embedded)?.weak)
    }

    /// Logits: scaled cosines, with the model's bias where it has one.
    ///
    /// # Shapes
    /// - returns `[images, texts]`
    ///
    /// # Errors
    /// When the vectors differ in length.
    pub fn similarity(&self, images: &Embeddings, texts: &Embeddings) -> Result<Array2<f32>, PretrainedError> {
        let (scale, bias) = (self.scale, self.bias.unwrap_or(0.0));
        Ok(images.similarity(texts)?.mapv_into(|cosine| scale * cosine + bias))
    }

    /// How probable each of a picture's texts is, from its logits. A model with a bias was trained to say yes or no to each
    /// (a sigmoid), one without to choose one of them (a softmax).
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        super::classify::probabilities(logits, self.bias.is_some())
    }

    /// Writes the model for another library, as a folder that appears whole or not at all; see [`export()`].
    ///
    /// # Errors
    /// When the other library has no form for this model, the folder holds other files, or something cannot be written.
    pub fn export(&self, target: Target, folder: impl AsRef<Path>) -> Result<Vec<String>, PretrainedError> {
        export(&self.package()?, target, folder)
    }

    /// The weights as they are now, with configuration and preprocessing, as other libraries read them.
    ///
    /// # Errors
    /// When they have no form for this model.
    pub fn package(&self) -> Result<Package, PretrainedError> {
        self.body.package()
    }

    /// A picture as large as the encoder reads it.
    pub(super) fn prepare(&self, picture: Image) -> Image {
        // Nothing is drawn for evaluation.
        self.resize.apply(picture, &mut SampleRng::new(0, 0, 0, 0))
    }

    /// Vectors as the model gives them, and their length. Of two heads the first, which has CLIP's scale.
    pub(super) fn vectors(&self, images: HostImages) -> Result<(Vec<f32>, usize), PretrainedError> {
        self.pictures.as_ref().map_err(|reason| PretrainedError::NoTower(reason.clone()))?;
        let images = images.into_tensor(&self.device, &self.normalization);
        let vectors = self.embedder().embed_images(images).weak;
        let [_, width] = vectors.dims();
        let values = vectors.try_into_vec_as::<f32>();
        Ok((values.map_err(|error| EvalError::Device { message: error.to_string() })?, width))
    }
}

/// Rows of one length as unit vectors.
pub(super) fn embeddings(what: &'static str, rows: Vec<f32>, width: usize) -> Result<Embeddings, PretrainedError> {
    if rows.is_empty() {
        return Err(PretrainedError::Nothing { what });
    }
    let matrix = Array2::from_shape_vec((rows.len() / width, width), rows).expect("rows of one width");
    Ok(Embeddings::new(matrix)?)
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("device", &self.device)
            .field("normalization", &self.normalization)
            .field("scale", &self.scale)
            .field("bias", &self.bias)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ModelParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelParts").field("name", &self.name).field("device", &self.device).finish_non_exhaustive()
    }
}
