//! One head, forward and backward. Longer than most files since both passes share copies and scratch.

use pulp::Simd;

use super::Rows;
use super::kernel::{Left, Right, copy, differentiate, dot, exponentials, product, store};

/// Floats of the widest register: rows of scratch are padded to it.
const PAD: usize = 16;
/// Queries treated at once: their scores stay in the nearest cache, and the kernels' blocks divide it.
const QUERIES: usize = 24;
/// The same with a causal mask, where fewer compute less that is masked.
const CAUSAL: usize = 8;
/// Queries whose shares are held at once in the backward pass, where whole columns of them are needed.
const HELD: usize = 96;
/// Rows that a kernel reads behind the last.
const SLACK: usize = 8;

/// One head of attention.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) dim: usize,
    pub(super) causal: bool,
    pub(super) scale: f32,
}

impl Head {
    fn step(&self) -> usize {
        if self.causal { CAUSAL } else { QUERIES }
    }

    /// How many keys the queries before `to` see.
    fn seen(&self, to: usize) -> usize {
        if self.causal { to.min(self.keys) } else { self.keys }
    }

    /// Queries whose shares are held at once: equal parts of all.
    fn held(&self) -> usize {
        let parts = self.queries.div_ceil(HELD).max(1);
        self.queries.div_ceil(parts).next_multiple_of(QUERIES)
    }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(PAD)
}

/// Zeros of which the first lies at the beginning of a cache line.
struct Aligned {
    values: Vec<f32>,
    from: usize,
}

impl Aligned {
    fn new(length: usize) -> Self {
        let values = vec![0.0; length + PAD];
        let from = values.as_ptr().align_offset(PAD * size_of::<f32>()).min(PAD);
        Aligned { values, from }
    }

    fn get(&self) -> &[f32] {
        &self.values[self.from..]
    }

    fn get_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.from..]
    }
}

/// Copies and products of one head. Rows are padded with what does not matter.
pub(super) struct Scratch {
    /// `[queries, dim]`, scaled.
    q: Aligned,
    /// `[keys, dim]` each.
    k: Aligned,
    v: Aligned,
    /// `[dim, keys]`.
    k_transposed: Aligned,
    v_transposed: Aligned,
    /// `[queries at once, keys]`: scores, then shares.
    shares: Aligned,
    /// The same for their gradients.
    d_scores: Aligned,
    /// The gradient of the output, `[queries, dim]`.
    gradient: Aligned,
    /// `Σ do ∘ o` of each query.
    means: Vec<f32>,
    /// `[keys, dim]` each.
    d_k: Aligned,
    d_v: Aligned,
}

impl Scratch {
    pub(super) fn for_forward(head: Head) -> Self {
        Scratch::new(head, head.step(), false)
    }

    pub(super) fn for_backward(head: Head) -> Self {
        Scratch::new(head, head.held(), true)
    }

    fn new(head: Head, held: usize, backward: bool) -> Self {
        let Head { queries, keys, dim, .. } = head;
        let matrix = |rows: usize, columns: usize| Aligned::new((rows + SLACK) * padded(columns));
        let more = |rows: usize, columns: usize| if backward { matrix(rows, columns) } else { Aligned::new(0) };
        Scratch {
            q: matrix(queries, dim),
            k: matrix(keys, dim),
            v: matrix(keys, dim),
            k_transposed: matrix(dim, keys),
            v_transposed: more(dim, keys),
            shares: matrix(held, keys),
            d_scores: more(held, keys),
            gradient: more(queries, dim),
            means: vec![0.0; queries],
            d_k: more(keys, dim),
            d_v: more(keys, dim),
        }
    }

    /// Copies queries, keys and values.
    #[inline(always)]
    pub(super) fn load<'a, S: Simd>(&mut self, simd: S, head: Head, [q, k, v]: [&dyn Fn(usize) -> &'a [f32]; 3]) {
        let Head { queries, keys, dim, scale, .. } = head;
        let stride = padded(dim);
        for (i, row) in self.q.get_mut().chunks_exact_mut(stride).take(queries).enumerate() {
            copy(simd, &mut row[..dim], &q(i)[..dim], scale);
        }
        for (matrix, rows) in [(&mut self.k, k), (&mut self.v, v)] {
            for (i, row) in matrix.get_mut().chunks_exact_mut(stride).take(keys).enumerate() {
                copy(simd, &mut row[..dim], &rows(i)[..dim], 1.0);
            }
        }
        transpose(self.k.get(), dim, self.k_transposed.get_mut(), keys);
    }

    /// Copies the gradient of the output and sums up its products with the output.
    #[inline(always)]
    pub(super) fn load_gradient<'a, S: Simd>(
        &mut self,
        simd: S,
        head: Head,
        output: &dyn Fn(usize) -> &'a [f32],
        gradient: &dyn Fn(usize) -> &'a [f32],
    ) {
        let Head { queries, keys, dim, .. } = head;
        let rows = self.gradient.get_mut().chunks_exact_mut(padded(dim)).take(queries);
        for (i, (row, mean)) in rows.zip(&mut self.means).enumerate() {
            let gradient = &gradient(i)[..dim];
            copy(simd, &mut row[..dim], gradient, 1.0);
            *mean = dot(simd, gradient, &output(i)[..dim]);
        }
        transpose(self.v.get(), dim, self.v_transposed.get_mut(), keys);
    }

    /// Writes the output into the columns of some rows that begin at `column`.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &mut self,
        simd: S,
        head: Head,
        output: &mut [&mut [f32]],
        column: usize,
        sums: &mut [f32],
    ) {
        let (dim, stride, step) = (head.dim, padded(head.dim), head.step());
        let columns = padded(head.keys);
        let lanes = S::F32_LANES;
        for from in (0..head.queries).step_by(step) {
            let to = head.queries.min(from + step);
            let rows = to - from;
            let shares = self.shares.get_mut();
            let seen = head.seen(to);
            scores(simd, head, [self.q.get(), self.k_transposed.get()], from, shares, rows, seen);
            let mut inverse = [0f32; QUERIES];
            for (i, row) in shares.chunks_exact_mut(columns).take(rows).enumerate() {
                let (sum, log) = exponentials(simd, &mut row[..seen.next_multiple_of(lanes)]);
                (inverse[i], sums[from + i]) = (1.0 / sum, log);
            }
            let left = Left { values: shares, from: 0, row: columns, depth: 1 };
            let right = Right { values: self.v.get(), stride, vectors: dim.div_ceil(lanes) };
            product(
                simd,
                left,
                right,
                rows,
                0..seen,
                #[inline(always)]
                |i, vector, x| {
                    let x = simd.mul_f32s(x, simd.splat_f32s(inverse[i]));
                    store(simd, &mut output[from + i][column..column + dim], vector * lanes, x);
                },
            );
        }
    }

    /// Writes the gradients of queries, keys and values into their columns from `column` on.
    #[inline(always)]
    pub(super) fn backward<S: Simd>(
        &mut self,
        simd: S,
        head: Head,
        [q, k, v]: &mut [Rows<'_>; 3],
        column: usize,
        sums: &[f32],
    ) {
        let Head { queries, keys, dim, causal, scale } = head;
        let (stride, columns, lanes) = (padded(dim), padded(keys), S::F32_LANES);
        let vectors = dim.div_ceil(lanes);
        self.d_k.get_mut().fill(0.0);
        self.d_v.get_mut().fill(0.0);
        let held = head.held();
        for first in (0..queries).step_by(held) {
            let last = queries.min(first + held);
            for from in (first..last).step_by(head.step()) {
                let to = last.min(from + head.step());
                let (rows, seen) = (to - from, head.seen(to));
                let shares = &mut self.shares.get_mut()[(from - first) * columns..];
                let d_scores = &mut self.d_scores.get_mut()[(from - first) * columns..];
                scores(simd, head, [self.q.get(), self.k_transposed.get()], from, shares, rows, seen);
                let left = Left { values: self.gradient.get(), from: from * stride, row: stride, depth: 1 };
                let right = Right { values: self.v_transposed.get(), stride: columns, vectors: seen.div_ceil(lanes) };
                product(
                    simd,
                    left,
                    right,
                    rows,
                    0..dim,
                    #[inline(always)]
                    |i, vector, x| {
                        store(simd, d_scores, i * columns + vector * lanes, x);
                    },
                );
                let both = shares.chunks_exact_mut(columns).zip(d_scores.chunks_exact_mut(columns));
                for (i, (row, d_row)) in (from..to).zip(both) {
                    let length = seen.next_multiple_of(lanes);
                    differentiate(simd, &mut row[..length], &mut d_row[..length], sums[i], self.means[i]);
                }
                let left = Left { values: d_scores, from: 0, row: columns, depth: 1 };
                let right = Right { values: self.k.get(), stride, vectors };
                product(
                    simd,
                    left,
                    right,
                    rows,
                    0..seen,
                    #[inline(always)]
                    |i, vector, x| {
                        let x = simd.mul_f32s(x, simd.splat_f32s(scale));
                        store(simd, &mut q[from + i][column..column + dim], vector * lanes, x);
                    },
                );
            }
            // With a causal mask, keys are seen by the queries from their own on.
            let step = if causal { CAUSAL } else { keys };
            for key in (0..head.seen(last)).step_by(step) {
                let rows = step.min(keys - key);
                let of_queries = if causal { key.saturating_sub(first)..last - first } else { 0..last - first };
                let matrices =
                    [(&self.shares, &self.gradient, &mut self.d_v), (&self.d_scores, &self.q, &mut self.d_k)];
                for (left, right, sum) in matrices {
                    let left = Left { values: left.get(), from: key, row: 1, depth: columns };
                    let right = Right { values: &right.get()[first * stride..], stride, vectors };
                    let sum = &mut sum.get_mut()[key * stride..];
                    product(
                        simd,
                        left,
                        right,
                        rows,
                        of_queries.clone(),
                        #[inline(always)]
                        |i, vector, x| {
                            let at = i * stride + vector * lanes;
                            let (before, _) = S::as_simd_f32s(&sum[at..at + lanes]);
                            let x = simd.add_f32s(before[0], x);
                            store(simd, sum, at, x);
                        },
                    );
                }
            }
        }
        for (rows, sum) in [(k, &self.d_k), (v, &self.d_v)] {
            for (row, sum) in rows.iter_mut().zip(sum.get().chunks_exact(stride)) {
                copy(simd, &mut row[column..column + dim], &sum[..dim], 1.0);
            }
        }
    }
}

/// The scores of `rows` queries against the keys before `seen`, minus infinity for what a query must not see and in the
/// padding of the last register.
#[inline(always)]
fn scores<S: Simd>(
    simd: S,
    head: Head,
    [q, k_transposed]: [&[f32]; 2],
    from: usize,
    scores: &mut [f32],
    rows: usize,
    seen: usize,
) {
    let (stride, columns, lanes) = (padded(head.dim), padded(head.keys), S::F32_LANES);
    let left = Left { values: q, from: from * stride, row: stride, depth: 1 };
    let right = Right { values: k_transposed, stride: columns, vectors: seen.div_ceil(lanes) };
    product(
        simd,
        left,
        right,
        rows,
        0..head.dim,
        #[inline(always)]
        |i, vector, x| {
            store(simd, scores, i * columns + vector * lanes, x);
        },
    );
    for (i, row) in scores.chunks_exact_mut(columns).take(rows).enumerate() {
        row[head.seen(from + i + 1)..seen.next_multiple_of(lanes)].fill(f32::NEG_INFINITY);
    }
}

/// Writes the columns of padded rows as padded rows, four by four: that many stay in registers.
#[inline(always)]
fn transpose(rows: &[f32], columns: usize, to: &mut [f32], count: usize) {
    let (stride, to_stride) = (padded(columns), padded(count));
    for (number, rows) in rows.chunks(4 * stride).take(count.div_ceil(4)).enumerate() {
        // Behind the last row lies slack.
        let rows: [&[f32]; 4] = std::array::from_fn(|row| &rows[row * stride..(row + 1) * stride]);
        let blocks = rows.map(|row| row.as_chunks::<4>().0);
        for block in 0..columns.div_ceil(4) {
            let square = blocks.map(|row| row[block]);
            let turned: [[f32; 4]; 4] = std::array::from_fn(|column| square.map(|row| row[column]));
            for (column, values) in turned.iter().enumerate() {
                let at = (4 * block + column) * to_stride + 4 * number;
                to[at..at + 4].copy_from_slice(values);
            }
        }
    }
}
