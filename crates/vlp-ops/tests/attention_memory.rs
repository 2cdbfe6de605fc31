//! What attention keeps for the backward pass, counted by the allocator. One test, since the count is the process's.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Distribution, Tensor};
use peak_alloc::PeakAlloc;
use vlp_ops::{AttentionOptions, self_attention};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LAYERS: usize = 12;
const TOKENS: usize = 197;
const HEADS: usize = 12;
const WIDTH: usize = 768;

/// With the matrix of scores.
fn materialised(qkv: Tensor<3>) -> Tensor<3> {
    let [batch, tokens, _] = qkv.dims();
    let d = WIDTH / HEADS;
    let [q, k, v] = [0, 1, 2].map(|part| {
        let columns = part * WIDTH..(part + 1) * WIDTH;
        qkv.clone().slice([0..batch, 0..tokens, columns]).reshape([batch, tokens, HEADS, d]).swap_dims(1, 2)
    });
    let scores = (q * (d as f64).powf(-0.5)).matmul(k.swap_dims(2, 3));
    softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([batch, tokens, WIDTH])
}

/// The most allocated at once, in megabytes, by the attention of twelve layers and its gradients, above the inputs. Between
/// the layers stands what turns rows into three parts without learning.
fn peak(batch: usize, attend: impl Fn(Tensor<3>) -> Tensor<3>) -> f32 {
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::random([batch, TOKENS, WIDTH], Distribution::Normal(0.0, 1.0), &device).require_grad();
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage_as_mb();
    let output = (0..LAYERS).fold(x.clone(), |x, _| attend(x.repeat(&[1, 1, 3])));
    let gradients = output.sum().backward();
    let peak = ALLOCATOR.peak_usage_as_mb() - before;
    assert!(x.grad(&gradients).is_some());
    peak
}

#[test]
fn twelve_layers_keep_no_scores() {
    // ViT-B/16's attention; the batch is small so that the test is quick, and memory is proportional to it.
    let batch = std::env::var("VLP_BATCH").map_or(2, |batch| batch.parse().expect("a number"));
    let whole = peak(batch, materialised);
    let ours = peak(batch, |qkv| self_attention(qkv, AttentionOptions::new(HEADS)));
    println!("12 layers of ViT-B/16's attention, batch {batch}: {whole:.0} MB whole, {ours:.0} MB here");
    assert!(ours < whole / 2.0, "{whole} MB whole, {ours} MB here");
}
