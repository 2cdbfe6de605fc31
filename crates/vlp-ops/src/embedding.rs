//! Rows of a table, with a gradient that is scattered on all threads.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::precision::{narrowed, widened};

/// Rows of a table by number.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait EmbeddingOps: Backend {
    /// Rows `ids` `[number]` of table `[entries, width]`.
    #[fusion(default)]
    fn rows_of_table(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        Self::float_select(table, 0, ids)
    }

    /// The table's gradient from that of the rows. Whoever learns asks only for the table's shape and type.
    #[fusion(default)]
    fn rows_of_table_backward(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed_backward::<Self>(table, ids, gradient)
    }
}

#[cfg(feature = "cubecl")]
impl EmbeddingOps for burn_cubecl::CubeBackend {}

/// By scattering single numbers: on GPUs one thread each, where adding whole rows goes through the ids one after another.
pub(crate) fn composed_backward<B: Backend>(
    table: FloatTensor<B>,
    ids: IntTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let (shape, dtype) = (table.shape(), table.dtype());
    let gradient = widened::<B>(gradient);
    let size = [ids.shape()[0], shape[1]];
    let places = B::int_expand(B::int_reshape(ids, [size[0], 1].into()), size.into());
    let zeros = B::float_zeros(shape, &gradient.device(), gradient.dtype().into());
    narrowed::<B>(B::float_scatter(0, zeros, places, gradient, IndexingUpdateOp::Add), dtype)
}

#[derive(Debug)]
struct Embedding;

impl<B: Backend + EmbeddingOps> Backward<B, 1> for Embedding {
    /// The table, of which only shape and type are used, and the ids.
    type State = (FloatTensor<B>, IntTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([parent], (table, ids)) = (ops.parents, ops.state);
        if let Some(parent) = parent {
            grads.register::<B>(parent.id, B::rows_of_table_backward(table, ids, gradient));
        }
    }
}

impl<B: Backend + EmbeddingOps, C: CheckpointStrategy> EmbeddingOps for Autodiff<B, C> {
    fn rows_of_table(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        let node = table.node();
        let table = table.into_primitive();
        match Embedding.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((table.clone(), ids.clone()), B::rows_of_table(table, ids)),
            OpsKind::UnTracked(prep) => prep.finish(B::rows_of_table(table, ids)),
        }
    }
}

/// The rows of a table that ids name, `y_nt = table[ids_nt]`.
///
/// The gradient of a row of the table is the sum of those of its uses; a row that nobody used has the gradient zero. Sums are taken in
/// f32, on the CPU backend in the order of the uses, so that they are the same each time; GPUs add in any order.
///
/// # Shapes
/// - table: `[entries, width]`
/// - ids: `[batch, length]`, each below `entries`
/// - result: `[batch, length, width]`
///
/// # Panics
/// On the CPU backend and LibTorch when an id is no row of the table; GPUs do not look.
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let ([batch, length], [_, width]) = (ids.dims(), table.dims());
    let ids = ids.reshape([batch * length]);
    let rows = <Dispatch as EmbeddingOps>::rows_of_table(table.into_dispatch(), ids.into_dispatch());
    Tensor::<2>::from_dispatch(rows).reshape([batch, length, width])
}
