//! Attention on the CPU in f32: one head at a time in buffers that stay in the cache, batch and heads shared out to the
//! threads. Gradients are written over the inputs, whose rows a head has copied before.
//!
//! Longer than most files since how rows are shared out and the bodies that do it belong together.

mod head;
mod kernel;

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use self::head::{Head, Scratch};
use crate::attention::backend::{AttentionOps, Plan};
use crate::attention::composed;

/// Numbers that threads fill buffers by.
const BLOCK: usize = 16;
/// Tasks for each thread at least, where the heads are enough: threads end at about the same time.
const TASKS: usize = 4;

/// The sizes of one call.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    queries: usize,
    keys: usize,
    width: usize,
    plan: Plan,
}

impl Sizes {
    fn head(&self) -> Head {
        Head {
            queries: self.queries,
            keys: self.keys,
            dim: self.width / self.plan.heads,
            causal: self.plan.causal,
            scale: self.plan.scale(self.width) as f32,
        }
    }

    /// Into how many tasks the heads of one of the batch are cut: a divisor of their number.
    fn groups(&self) -> usize {
        let enough = |groups: &usize| self.batch * groups >= TASKS * rayon::current_num_threads();
        let heads = self.plan.heads;
        (1..=heads).filter(|groups| heads.is_multiple_of(*groups)).find(enough).unwrap_or(heads)
    }
}

/// The rows of one of the batch, or those columns of them that belong to some heads.
type Rows<'a> = Vec<&'a mut [f32]>;

/// Cuts `[batch, rows, width]` into the rows of each task.
fn cut(values: &mut [f32], rows: usize, width: usize, groups: usize) -> Vec<Rows<'_>> {
    let of_batch = values.chunks_exact_mut(rows * width);
    let mut tasks = Vec::with_capacity(of_batch.len() * groups);
    for values in of_batch {
        let first = tasks.len();
        tasks.extend((0..groups).map(|_| Vec::with_capacity(rows)));
        for row in values.chunks_exact_mut(width) {
            for (task, columns) in tasks[first..].iter_mut().zip(row.chunks_exact_mut(width / groups)) {
                task.push(columns);
            }
        }
    }
    tasks
}

/// Cuts rows of three parts into the three rows of each task.
fn cut_parts(values: &mut [f32], rows: usize, width: usize, groups: usize) -> Vec<[Rows<'_>; 3]> {
    let of_batch = values.chunks_exact_mut(rows * 3 * width);
    let mut tasks: Vec<[Rows<'_>; 3]> = Vec::with_capacity(of_batch.len() * groups);
    for values in of_batch {
        let first = tasks.len();
        tasks.extend((0..groups).map(|_| std::array::from_fn(|_| Vec::with_capacity(rows))));
        for row in values.chunks_exact_mut(3 * width) {
            for (part, row) in row.chunks_exact_mut(width).enumerate() {
                for (task, columns) in tasks[first..].iter_mut().zip(row.chunks_exact_mut(width / groups)) {
                    task[part].push(columns);
                }
            }
        }
    }
    tasks
}

/// Where the rows of a tensor lie: row i of one of the batch begins at `(batch * rows + i) * stride + offset`.
#[derive(Clone, Copy)]
struct Source<'a> {
    values: &'a [f32],
    rows: usize,
    stride: usize,
    offset: usize,
}

impl<'a> Source<'a> {
    /// `[batch, rows, width]` without gaps.
    fn new(values: &'a [f32], rows: usize, width: usize) -> Self {
        Source { values, rows, stride: width, offset: 0 }
    }

    /// The rows of one of the batch, from some column on.
    fn rows(self, batch: usize, column: usize) -> impl Fn(usize) -> &'a [f32] {
        move |row| &self.values[(batch * self.rows + row) * self.stride + self.offset + column..]
    }
}

struct Forward<'t, 'a> {
    head: Head,
    sources: [Source<'a>; 3],
    batch: usize,
    first_head: usize,
    output: &'t mut [&'a mut [f32]],
    sums: &'t mut [f32],
    scratch: &'t mut Scratch,
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.head.dim;
        for (number, sums) in self.sums.chunks_exact_mut(self.head.queries).enumerate() {
            let [q, k, v] = self.sources.map(|source| source.rows(self.batch, (self.first_head + number) * dim));
            self.scratch.load(simd, self.head, [&q, &k, &v]);
            self.scratch.forward(simd, self.head, self.output, number * dim, sums);
        }
    }
}

/// The output and the log-sum-exps.
fn forward(sources: [Source<'_>; 3], sizes: Sizes) -> (FlexTensor, FlexTensor) {
    let Sizes { batch, queries, width, plan, .. } = sizes;
    let (head, groups) = (sizes.head(), sizes.groups());
    let mut output = zeros(batch * queries * width);
    let mut sums = vec![0.0; batch * plan.heads * queries];
    let heads = plan.heads / groups;
    let tasks: Vec<_> =
        cut(&mut output, queries, width, groups).into_iter().zip(sums.chunks_exact_mut(heads * queries)).collect();
    tasks.into_par_iter().enumerate().for_each_init(
        || Scratch::for_forward(head),
        |scratch, (number, (mut output, sums))| {
            let (batch, first_head) = (number / groups, number % groups * heads);
            pulp::Arch::new().dispatch(Forward {
                head,
                sources,
                batch,
                first_head,
                output: &mut output,
                sums,
                scratch,
            });
        },
    );
    let output = FlexTensor::from_data(TensorData::new(output, [batch, queries, width]));
    (output, FlexTensor::from_data(TensorData::new(sums, [batch, plan.heads, queries])))
}

struct Backward<'t, 'a> {
    head: Head,
    parts: &'t mut [Rows<'a>; 3],
    output: Source<'a>,
    gradient: Source<'a>,
    batch: usize,
    first_head: usize,
    sums: &'a [f32],
    scratch: &'t mut Scratch,
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.head.dim;
        for (number, sums) in self.sums.chunks_exact(self.head.queries).enumerate() {
            let column = number * dim;
            let [q, k, v] = &*self.parts;
            self.scratch.load(simd, self.head, [&|i| &q[i][column..], &|i| &k[i][column..], &|i| &v[i][column..]]);
            let [output, gradient] =
                [self.output, self.gradient].map(|source| source.rows(self.batch, self.first_head * dim + column));
            self.scratch.load_gradient(simd, self.head, &output, &gradient);
            self.scratch.backward(simd, self.head, self.parts, column, sums);
        }
    }
}

/// Writes the gradients over q, k and v.
fn backward(parts: Vec<[Rows<'_>; 3]>, sizes: Sizes, [output, sums, gradient]: [&FlexTensor; 3]) {
    let (head, groups) = (sizes.head(), sizes.groups());
    let heads = sizes.plan.heads / groups;
    let [output, gradient] = [output, gradient].map(|x| Source::new(x.storage::<f32>(), sizes.queries, sizes.width));
    let sums = sums.storage::<f32>();
    parts.into_par_iter().zip(sums.par_chunks_exact(heads * sizes.queries)).enumerate().for_each_init(
        || Scratch::for_backward(head),
        |scratch, (number, (mut parts, sums))| {
            let (batch, first_head) = (number / groups, number % groups * heads);
            let parts = &mut parts;
            pulp::Arch::new().dispatch(Backward { head, parts, output, gradient, batch, first_head, sums, scratch });
        },
    );
}

/// Without gaps, giving its own handle up, so that what nobody else holds can be written to.
fn contiguous(x: FlexTensor) -> FlexTensor {
    let x_contiguous = x.to_contiguous();
    drop(x);
    x_contiguous
}

/// Zeros, written by all threads: the buffer is as large as what is computed into it.
fn zeros(count: usize) -> Vec<f32> {
    let blocks: Vec<_> = (0..count.div_ceil(BLOCK)).into_par_iter().map(|_| [0.0; BLOCK]).collect();
    let mut values = blocks.into_flattened();
    values.truncate(count);
    values
}

/// Without gaps and held by nobody else; a copy that takes is made by all threads.
fn owned(x: FlexTensor) -> FlexTensor {
    let x = contiguous(x);
    let shape = x.shape();
    let count = shape.num_elements();
    if x.is_unique() || !count.is_multiple_of(BLOCK) {
        return x;
    }
    let (blocks, _) = x.storage::<f32>()[..count].as_chunks::<BLOCK>();
    let values: Vec<[f32; BLOCK]> = blocks.par_iter().copied().collect();
    FlexTensor::from_data(TensorData::new(values.into_flattened(), shape))
}

fn is_half(x: &FlexTensor) -> bool {
    matches!(x.dtype(), DType::F16 | DType::BF16)
}

fn cast(x: FlexTensor, dtype: DType) -> FlexTensor {
    Flex::float_cast(x, dtype.into())
}

impl Sizes {
    fn new(q: &FlexTensor, k: &FlexTensor, plan: Plan) -> Self {
        let (q, k) = (q.shape(), k.shape());
        Sizes { batch: q[0], queries: q[1], keys: k[1], width: q[2], plan }
    }

    fn fused(qkv: &FlexTensor, plan: Plan) -> Self {
        let shape = qkv.shape();
        Sizes { batch: shape[0], queries: shape[1], keys: shape[1], width: shape[2] / 3, plan }
    }
}

impl AttentionOps for Flex {
    fn attend(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        Self::attend_keeping(q, k, v, plan).0
    }

    fn attend_keeping(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let dtype = q.dtype();
        if is_half(&q) {
            let [q, k, v] = [q, k, v].map(|x| cast(x, DType::F32));
            let (output, sums) = Self::attend_keeping(q, k, v, plan);
            return (cast(output, dtype), sums);
        }
        if dtype != DType::F32 {
            return composed::attend_keeping::<Self>([q, k, v], plan, composed::CHUNK);
        }
        let sizes = Sizes::new(&q, &k, plan);
        let parts = [q, k, v].map(contiguous);
        let rows = [sizes.queries, sizes.keys, sizes.keys];
        let source = |part: usize| Source::new(parts[part].storage::<f32>(), rows[part], sizes.width);
        forward([0, 1, 2].map(source), sizes)
    }

    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        output: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let dtype = q.dtype();
        if is_half(&q) {
            let [q, k, v, output, gradient] = [q, k, v, output, gradient].map(|x| cast(x, DType::F32));
            let (q, k, v) = Self::attend_backward(q, k, v, output, sums, gradient, plan);
            return (cast(q, dtype), cast(k, dtype), cast(v, dtype));
        }
        if dtype != DType::F32 {
            return composed::attend_backward::<Self>([q, k, v], [output, sums, gradient], plan, composed::CHUNK);
        }
        let (sizes, mut parts) = (Sizes::new(&q, &k, plan), [q, k, v].map(owned));
        let given = [output, sums, gradient].map(contiguous);
        let Sizes { queries, keys, width, .. } = sizes;
        let [q, k, v] = parts.each_mut().map(|x| x.storage_mut::<f32>());
        let tasks = [(q, queries), (k, keys), (v, keys)].map(|(x, rows)| cut(x, rows, width, sizes.groups()));
        let [q, k, v] = tasks;
        let tasks = q.into_iter().zip(k).zip(v).map(|((q, k), v)| [q, k, v]).collect();
        backward(tasks, sizes, given.each_ref());
        let [q, k, v] = parts;
        (q, k, v)
    }

    fn self_attend(qkv: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        Self::self_attend_keeping(qkv, plan).0
    }

    fn self_attend_keeping(qkv: FloatTensor<Self>, plan: Plan) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let dtype = qkv.dtype();
        if is_half(&qkv) {
            let (output, sums) = Self::self_attend_keeping(cast(qkv, DType::F32), plan);
            return (cast(output, dtype), sums);
        }
        if dtype != DType::F32 {
            let [q, k, v] = composed::parts::<Self>(qkv);
            return Self::attend_keeping(q, k, v, plan);
        }
        let (sizes, qkv) = (Sizes::fused(&qkv, plan), contiguous(qkv));
        let whole = Source::new(qkv.storage::<f32>(), sizes.queries, 3 * sizes.width);
        forward([0, 1, 2].map(|part| Source { offset: part * sizes.width, ..whole }), sizes)
    }

    fn self_attend_backward(
        qkv: FloatTensor<Self>,
        output: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let dtype = qkv.dtype();
        if is_half(&qkv) {
            let [qkv, output, gradient] = [qkv, output, gradient].map(|x| cast(x, DType::F32));
            return cast(Self::self_attend_backward(qkv, output, sums, gradient, plan), dtype);
        }
        if dtype != DType::F32 {
            let [q, k, v] = composed::parts::<Self>(qkv);
            let (q, k, v) = Self::attend_backward(q, k, v, output, sums, gradient, plan);
            return Self::float_cat(vec![q, k, v], 2);
        }
        let (sizes, mut qkv) = (Sizes::fused(&qkv, plan), owned(qkv));
        let given = [output, sums, gradient].map(contiguous);
        let tasks = cut_parts(qkv.storage_mut::<f32>(), sizes.queries, sizes.width, sizes.groups());
        backward(tasks, sizes, given.each_ref());
        qkv
    }
}
