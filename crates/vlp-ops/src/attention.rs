//! Scaled dot-product attention. Its interface is here, its node in `autodiff`, the bodies in `composed` and `flex`.

mod autodiff;
pub(crate) mod backend;
pub(crate) mod composed;
#[cfg(all(test, feature = "flex"))]
mod composed_tests;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use backend::{AttentionOps, Plan};

/// How queries attend to keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionOptions {
    /// Heads side by side in a row, `width / heads` columns each.
    pub heads: usize,
    /// Whether a query sees only the keys up to its own position.
    pub causal: bool,
    /// The factor on `q kᵀ`; none: `head_dim^-1/2`.
    pub scale: Option<f64>,
}

impl AttentionOptions {
    /// So many heads, every query seeing every key, the usual scale.
    pub fn new(heads: usize) -> Self {
        AttentionOptions { heads, causal: false, scale: None }
    }

    /// The same with queries that see only keys up to their own position, or that see all.
    pub fn with_causal(self, causal: bool) -> Self {
        AttentionOptions { causal, ..self }
    }

    /// For rows of this width.
    fn plan(self, width: usize) -> Plan {
        let AttentionOptions { heads, causal, scale } = self;
        assert!(
            heads > 0 && width > 0 && width.is_multiple_of(heads),
            "{heads} heads do not divide rows of width {width}"
        );
        if let Some(scale) = scale {
            assert!(scale.is_finite(), "the scale of attention is {scale}, which is not finite");
        }
        Plan { heads, causal, scale }
    }
}

/// Scaled dot-product attention of several heads, without the matrix of scores outliving its use.
///
/// ```text
/// P = softmax(s q kᵀ)   o = P v                  for each head; s = head_dim^-1/2, or what the options say
/// dv = Pᵀ do   dP = do vᵀ   dS = P ∘ (dP - rowsum(do ∘ o))   dq = s dS k   dk = s dSᵀ q
/// ```
///
/// Heads lie side by side in a row, as a linear layer leaves them, so nothing is transposed before or after. Rows cut by
/// head otherwise, `[batch, heads, tokens, head_dim]`, are `[batch * heads, tokens, head_dim]` with one head.
///
/// Kept for the backward pass are the inputs, the output and one log-sum-exp for each query and head; the backward pass
/// computes P again (Dao et al. 2022, "FlashAttention"). Softmax and sums are in f32 for inputs in half precision, and the
/// output has the type of the inputs. Where no gradients are tracked, GPUs run burn's fused attention.
///
/// # Shapes
/// - q: `[batch, queries, width]`
/// - k, v: `[batch, keys, width]`
/// - returns `[batch, queries, width]`
///
/// # Panics
/// When shapes or types do not fit, the heads do not divide the width, there is no query or no key, the scale is not finite, or causal
/// attention is asked for with another number of keys than of queries.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, options: AttentionOptions) -> Tensor<3> {
    let ([batch, queries, width], [of_batch, keys, of_width]) = (q.dims(), k.dims());
    assert_eq!(k.dims(), v.dims(), "keys and values must have one shape");
    assert!(
        batch == of_batch && width == of_width,
        "queries {:?} and keys {:?} differ in batch or width",
        q.dims(),
        k.dims()
    );
    assert!(queries > 0 && keys > 0, "attention needs a query and a key, got {queries} and {keys}");
    assert!(
        !options.causal || queries == keys,
        "causal attention needs as many queries as keys, got {queries} and {keys}"
    );
    let types = [q.dtype(), k.dtype(), v.dtype()];
    assert!(types[0] == types[1] && types[0] == types[2], "attention needs one type, got {types:?}");
    let plan = options.plan(width);
    let output = <Dispatch as AttentionOps>::attend(q.into_dispatch(), k.into_dispatch(), v.into_dispatch(), plan);
    Tensor::from_dispatch(output)
}

/// [`attention`] of rows to themselves, from the product of a fused projection: nothing is cut out of it, and its gradient
/// comes in one piece.
///
/// # Shapes
/// - qkv: `[batch, tokens, 3 * width]`: columns of queries, keys, values
/// - returns `[batch, tokens, width]`
///
/// # Panics
/// When the columns are no three parts of one width, the heads do not divide it, there is no token, or the scale is not
/// finite.
pub fn self_attention(qkv: Tensor<3>, options: AttentionOptions) -> Tensor<3> {
    let [_, tokens, columns] = qkv.dims();
    assert!(columns.is_multiple_of(3), "{columns} columns are no queries, keys and values of one width");
    assert!(tokens > 0, "attention needs a token");
    let plan = options.plan(columns / 3);
    Tensor::from_dispatch(<Dispatch as AttentionOps>::self_attend(qkv.into_dispatch(), plan))
}
