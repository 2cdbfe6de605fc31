use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use vlp_core::{ImageEncoder, Precision};

use crate::drop::PatchDropout;
use crate::layers::normal;
use crate::positions::grid_weights;
use crate::vit_config::{ImagePooling, VitConfig};
use crate::{EncoderError, LatentPool, LayerNorm, Positions, Stem, Transformer, TransformerConfig, TransformerInit};

/// Vision transformer (Dosovitskiy et al. 2021) in open_clip's and in timm's dialect.
///
/// `tokens = [class, registers, stem(picture)] + positions`, patch dropout, layer normalisation where configured, pre-norm
/// blocks, a last layer normalisation before or after pooling.
#[derive(Module, Debug)]
pub struct Vit {
    /// Picture to tokens.
    pub stem: Stem,
    /// `[1, 1, width]`.
    pub class_token: Option<Param<Tensor<3>>>,
    /// `[1, registers, width]`.
    pub registers: Option<Param<Tensor<3>>>,
    /// `[1, tokens, width]` in the order class, registers, patches; patches only without `prefix_positions`.
    pub positions: Param<Tensor<3>>,
    /// Drops patches while training.
    pub patch_dropout: PatchDropout,
    /// Before the first block.
    pub pre_norm: Option<LayerNorm>,
    /// The blocks.
    pub transformer: Transformer,
    /// After the last block, before or after pooling.
    pub norm: LayerNorm,
    /// Attention pooling.
    pub pool: Option<LatentPool>,
    width: usize,
    image_size: usize,
    stride: usize,
    dynamic_size: bool,
    crop_border: bool,
    prefix: usize,
    prefix_positions: bool,
    fixed_positions: bool,
    norm_after_pool: bool,
    #[module(skip)]
    pooling: ImagePooling,
    #[module(skip)]
    precision: Precision,
}

impl VitConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When the stem's stride does not divide the picture, a size is impossible, or options exclude one another.
    pub fn init(&self, device: &Device) -> Result<Vit, EncoderError> {
        self.check()?;
        let transformer = TransformerConfig {
            width: self.width,
            depth: self.depth,
            heads: self.heads,
            mlp_ratio: self.mlp_ratio,
            activation: self.activation,
            norm_eps: self.norm_eps,
            layer_scale: self.layer_scale,
            dropout: 0.0,
            drop_path: self.drop_path,
            init: self.init,
        };
        let width = self.width;
        let norm = || LayerNorm::new(width, self.norm_eps, device);
        let (class_std, position_std) = match self.init {
            TransformerInit::OpenClip | TransformerInit::Clip => ((width as f64).powf(-0.5), (width as f64).powf(-0.5)),
            TransformerInit::Timm | TransformerInit::Moco => (1e-6, 0.02),
        };
        let prefix = self.prefix();
        let placed = if self.prefix_positions { prefix } else { 0 };
        let side = self.image_size / self.stem.stride();
        Ok(Vit {
            class_token: self.pooling.has_class_token().then(|| normal(class_std).init([1, 1, width], device)),
            registers: (self.registers > 0).then(|| normal(1e-6).init([1, self.registers, width], device)),
            positions: self.positions.init(placed, side, width, position_std, device),
            patch_dropout: PatchDropout::new(self.patch_dropout),
            pre_norm: self.pre_norm.then(&norm),
            pool: (self.pooling == ImagePooling::Map).then(|| LatentPool::new(&transformer, device)),
            transformer: transformer.init(device)?,
            norm: norm(),
            stem: self.stem.init(width, self.stem_bias, self.init == TransformerInit::Moco, device),
            width,
            image_size: self.image_size,
            stride: self.stem.stride(),
            dynamic_size: self.dynamic_size,
            crop_border: self.crop_border,
            prefix,
            prefix_positions: self.prefix_positions,
            fixed_positions: self.positions != Positions::Learned,
            norm_after_pool: self.norm_after_pool,
            pooling: self.pooling,
            precision: Precision::F32,
        })
    }
}

impl Vit {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        Vit { precision, ..self }
    }

    /// Class and register tokens, `[batch, prefix, width]` each.
    fn prefix_tokens(&self, batch: usize) -> Vec<Tensor<3>> {
        let tokens = self.class_token.iter().chain(&self.registers).map(Param::val);
        tokens.map(|token| token.clone().expand([batch, token.dims()[1], self.width])).collect()
    }

    /// Whether positions are sines and cosines rather than learned.
    pub(crate) fn has_fixed_positions(&self) -> bool {
        self.fixed_positions
    }

    /// The positions of the tokens of a picture, interpolated where it has another size than the encoder's own.
    fn positions_of(&self, [height, width]: [usize; 2]) -> Tensor<3> {
        let positions = self.positions.val();
        if [height, width] == [self.image_size; 2] {
            return positions;
        }
        let (from, to) = (self.image_size / self.stride, [height / self.stride, width / self.stride]);
        let length = positions.dims()[1];
        let placed = length - from * from;
        let grid = positions.clone().slice([0..1, placed..length]);
        let weights = TensorData::new(grid_weights(from, to), [1, to[0] * to[1], from * from]);
        let grid = Tensor::<3>::from_data(weights, &positions.device()).matmul(grid);
        if placed == 0 { grid } else { Tensor::cat(vec![positions.slice([0..1, 0..placed]), grid], 1) }
    }

    /// Tokens at the entrance of the first block. Positions are added in f32, so that their gradients are summed in it.
    fn embed(&self, images: Tensor<4>) -> Tensor<3> {
        let [_, _, height, width] = images.dims();
        let positions = self.positions_of([height, width]);
        let patches = Precision::widened(self.stem.forward(self.precision.narrow(images)));
        let mut tokens = self.prefix_tokens(patches.dims()[0]);
        let x = if self.prefix_positions {
            tokens.push(patches);
            Tensor::cat(tokens, 1) + positions
        } else {
            tokens.push(patches + positions);
            Tensor::cat(tokens, 1)
        };
        let x = self.precision.narrow(self.patch_dropout.forward(x, self.prefix));
        match &self.pre_norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }

    /// One vector a picture, f32.
    fn pool(&self, x: Tensor<3>) -> Tensor<2> {
        let [batch, length, width] = x.dims();
        match (&self.pool, self.pooling) {
            (Some(pool), _) => Precision::widened(pool.forward(x)),
            (None, ImagePooling::Class) => Precision::widened(x.slice([0..batch, 0..1])).reshape([batch, width]),
            (None, _) => {
                Precision::widened(x.slice([0..batch, self.prefix..length])).mean_dim(1).reshape([batch, width])
            }
        }
    }

    /// The token vectors after the last block, before the last layer normalisation.
    ///
    /// # Shapes
    /// - images: `[batch, 3, image_size, image_size]`; with `dynamic_size` any height and width that the stem divides
    /// - returns `[batch, tokens, width]` in the order class, registers, patches
    ///
    /// # Panics
    /// When the pictures have another size.
    pub fn tokens(&self, images: Tensor<4>) -> Tensor<3> {
        Precision::widened(self.run(images))
    }

    /// [`tokens`](Self::tokens) in the type that the blocks compute in.
    fn run(&self, images: Tensor<4>) -> Tensor<3> {
        let [_, channels, height, width] = images.dims();
        let own = channels == 3 && height == self.image_size && width == self.image_size;
        let divided = |side: usize| side >= self.stride && (side.is_multiple_of(self.stride) || self.crop_border);
        assert!(
            own || self.dynamic_size,
            "this encoder takes 3 x {0} x {0} pictures, got {channels} x {height} x {width}",
            self.image_size,
        );
        assert!(
            own || channels == 3 && divided(height) && divided(width),
            "this encoder takes 3 channels and sides that {} divides, got {channels} x {height} x {width}",
            self.stride,
        );
        self.transformer.forward(self.embed(images), false, true)
    }
}

impl ImageEncoder for Vit {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.run(images);
        // Normalisation looks at one token at a time, so with class pooling only that token needs it.
        if self.norm_after_pool || self.pooling == ImagePooling::Class {
            self.norm.forward(self.pool(x))
        } else {
            self.pool(self.norm.forward(x))
        }
    }
}
