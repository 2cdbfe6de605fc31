use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, Linear};
use burn::tensor::{Bool, Device, Int, Tensor, activation};
use vlp_core::{Precision, TextEncoder, TextMode};

use crate::bert_config::{BertConfig, BertPooling};
use crate::layers::{linear, normal, over_rows};
use crate::{Activation, EncoderError, LayerNorm};

/// The text towers of Hugging Face's BERT family (BERT, RoBERTa, XLM-RoBERTa): sums of embeddings of tokens, positions and
/// kinds, post-norm layers that see both ways and never padding, one vector by pooling.
///
/// ```text
/// x = norm(token + position + kind)
/// each layer: x ← norm(x + attention x), x ← norm(x + mlp x)
/// ```
///
/// Devlin et al. 2018; Liu et al. 2019. Equal to `transformers` with open_clip's poolers on top.
#[derive(Module, Debug)]
pub struct Bert {
    /// `[vocab_size, width]`.
    pub tokens: Embedding,
    /// `[positions, width]`.
    pub positions: Embedding,
    /// `[token_types, width]`, of which the first is read.
    pub kinds: Embedding,
    /// On the sum of all three.
    pub norm: LayerNorm,
    /// The layers, first to last.
    pub layers: Vec<BertLayer>,
    /// BERT's own pooler, for [`BertPooling::Pooler`].
    pub pooler: Option<Linear>,
    dropout: Dropout,
    width: usize,
    context_length: usize,
    pad_id: u32,
    offset_positions: bool,
    #[module(skip)]
    pooling: BertPooling,
    #[module(skip)]
    precision: Precision,
}

/// One post-norm layer.
#[derive(Module, Debug)]
pub struct BertLayer {
    /// `[width, width]`.
    pub query: Linear,
    /// `[width, width]`.
    pub key: Linear,
    /// `[width, width]`.
    pub value: Linear,
    /// Behind the attention, `[width, width]`.
    pub out: Linear,
    /// On the sum with the attention's branch.
    pub norm_1: LayerNorm,
    /// First layer of the MLP.
    pub fc_1: Linear,
    /// Second layer of the MLP.
    pub fc_2: Linear,
    /// On the sum with the MLP's branch.
    pub norm_2: LayerNorm,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl BertConfig {
    /// Builds the encoder; weights start as N(0, 0.02), biases at zero, as BERT's.
    ///
    /// # Errors
    /// When a size is impossible or a number out of range.
    pub fn init(&self, device: &Device) -> Result<Bert, EncoderError> {
        self.check()?;
        let (width, hidden) = (self.width, self.hidden);
        let table = |rows| EmbeddingConfig::new(rows, width).with_initializer(normal(0.02)).init(device);
        let dense = |sizes| linear(sizes, normal(0.02), Some(Initializer::Zeros), device);
        let norm = || LayerNorm::new(width, self.norm_eps, device);
        let layer = |_| BertLayer {
            query: dense([width, width]),
            key: dense([width, width]),
            value: dense([width, width]),
            out: dense([width, width]),
            norm_1: norm(),
            fc_1: dense([width, hidden]),
            fc_2: dense([hidden, width]),
            norm_2: norm(),
            heads: self.heads,
            activation: self.activation,
        };
        Ok(Bert {
            tokens: table(self.vocab_size),
            positions: table(self.positions),
            kinds: table(self.token_types),
            norm: norm(),
            layers: (0..self.depth).map(layer).collect(),
            pooler: (self.pooling == BertPooling::Pooler).then(|| dense([width, width])),
            dropout: DropoutConfig::new(self.dropout).init(),
            width,
            context_length: self.context_length(),
            pad_id: self.pad_id,
            offset_positions: self.offset_positions,
            pooling: self.pooling,
            precision: Precision::F32,
        })
    }
}

impl BertLayer {
    /// `unseen`: which keys no token attends to, `[batch, 1, 1, length]`.
    fn forward(&self, x: Tensor<3>, unseen: &Tensor<4, Bool>, drop: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let part = |layer: &Linear| {
            let y = over_rows(layer, x.clone()).reshape([batch, length, self.heads, width / self.heads]);
            y.swap_dims(1, 2)
        };
        let [query, key, value] = [&self.query, &self.key, &self.value].map(part);
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let unseen = unseen.clone().expand([batch, self.heads, length, length]);
        let scores = Precision::widened(query.matmul(key.transpose())) * scale;
        let weights = activation::softmax(scores.mask_fill(unseen, f32::MIN), 3).cast(value.dtype());
        let attended = weights.matmul(value).swap_dims(1, 2).reshape([batch, length, width]);
        let x = self.norm_1.forward(x + drop(over_rows(&self.out, attended)));
        let hidden = self.activation.forward(over_rows(&self.fc_1, x.clone()));
        self.norm_2.forward(x + drop(over_rows(&self.fc_2, hidden)))
    }
}

impl Bert {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        Bert { precision, ..self }
    }

    /// The most tokens of a text.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Which tokens are padding.
    fn padding(&self, tokens: &Tensor<2, Int>) -> Tensor<2, Bool> {
        tokens.clone().equal_elem(self.pad_id)
    }

    /// Where each token stands in the table of positions.
    fn places(&self, tokens: &Tensor<2, Int>) -> Tensor<2, Int> {
        let [batch, length] = tokens.dims();
        if !self.offset_positions {
            return Tensor::arange(0..length as i64, &tokens.device()).reshape([1, length]).expand([batch, length]);
        }
        let counted = self.padding(tokens).bool_not().int();
        counted.clone().cumsum(1) * counted + i64::from(self.pad_id)
    }

    /// The vectors of all tokens after the last layer.
    ///
    /// # Shapes
    /// - tokens: `[batch, length]`
    /// - returns `[batch, length, width]`
    ///
    /// # Panics
    /// When a sequence is longer than the context.
    pub fn tokens(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<3> {
        let [batch, length] = tokens.dims();
        let context = self.context_length;
        assert!(length <= context, "this encoder takes at most {context} tokens, got {length}");
        let drop = |x: Tensor<3>| if mode == TextMode::Local { self.dropout.forward(x) } else { x };
        let places = self.places(&tokens);
        let kind = self.kinds.weight.val().slice([0..1, 0..self.width]).unsqueeze::<3>();
        let unseen = self.padding(&tokens).reshape([batch, 1, 1, length]);
        // The rows of padding never learn in transformers, whatever stands there.
        let tables = [(&self.tokens, tokens, true), (&self.positions, places, self.offset_positions)];
        let [token, position] = tables.map(|(table, ids, has_padding)| {
            let rows = vlp_ops::embedding(table.weight.val(), ids.clone());
            if !has_padding {
                return rows;
            }
            let padding = self.padding(&ids).reshape([batch, length, 1]).expand([batch, length, self.width]);
            rows.clone().mask_where(padding, rows.detach())
        });
        let x = drop(self.norm.forward(self.precision.narrow(token + position + kind)));
        Precision::widened(self.layers.iter().fold(x, |x, layer| layer.forward(x, &unseen, drop)))
    }
}

impl TextEncoder for Bert {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2> {
        let [batch, length] = tokens.dims();
        let seen = self.padding(&tokens).bool_not().float().reshape([batch, length, 1]);
        let x = self.tokens(tokens, mode);
        let first = |x: Tensor<3>| x.slice([0..batch, 0..1]).reshape([batch, self.width]);
        match (self.pooling, &self.pooler) {
            (BertPooling::Mean, _) => {
                let sum = (x * seen.clone()).sum_dim(1);
                (sum / seen.sum_dim(1)).reshape([batch, self.width])
            }
            (BertPooling::Pooler, Some(pooler)) => over_rows(pooler, first(x)).tanh(),
            _ => first(x),
        }
    }
}
