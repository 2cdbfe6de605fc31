//! What losses in chunks allocate, counted by the allocator. One test, since the count is the process's.

use burn::tensor::{Device, Distribution, Tensor};
use peak_alloc::PeakAlloc;
use vlp_core::StepContext;
use vlp_losses::{InfoNceConfig, Logits, SigmoidConfig};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The most allocated at once, in megabytes, while a loss and its gradients are computed, above what the vectors take.
fn peak([rows, dim]: [usize; 2], loss: impl Fn([Tensor<2>; 2]) -> Tensor<1>) -> f32 {
    let device = Device::flex().autodiff();
    let leaf = || Tensor::<2>::random([rows, dim], Distribution::Normal(0.0, 1.0), &device).require_grad();
    let leaves = [leaf(), leaf()];
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage_as_mb();
    let gradients = loss(leaves.clone()).backward();
    let peak = ALLOCATOR.peak_usage_as_mb() - before;
    assert!(leaves.iter().all(|leaf| leaf.grad(&gradients).is_some()));
    peak
}

fn info_nce(logits: Logits) -> impl Fn([Tensor<2>; 2]) -> Tensor<1> {
    let loss = InfoNceConfig { logits, ..Default::default() }.init().unwrap();
    move |[a, b]| {
        let scale = Tensor::<1>::from_floats([14.3], &a.device()).require_grad();
        loss.forward(a, b, scale, &StepContext::new(0, 0, 1)).loss()
    }
}

fn sigmoid(logits: Logits) -> impl Fn([Tensor<2>; 2]) -> Tensor<1> {
    let device = Device::flex().autodiff();
    let loss = SigmoidConfig { logits, ..Default::default() }.init(&device).unwrap();
    move |[a, b]| loss.forward(a, b, &StepContext::new(0, 0, 1))
}

#[test]
fn memory_grows_with_the_batch_and_not_with_its_square() {
    // One matrix of 2048² numbers is 16.8 MB; whole, a loss holds several at once, in chunks a part of one.
    for (name, whole, chunked) in [
        ("InfoNCE", peak([2048, 64], info_nce(Logits::Whole)), peak([2048, 64], info_nce(Logits::Chunked))),
        ("SigLIP", peak([2048, 64], sigmoid(Logits::Whole)), peak([2048, 64], sigmoid(Logits::Chunked))),
    ] {
        println!("{name}, 2048 x 64: {whole:.1} MB whole, {chunked:.1} MB in chunks");
        assert!(whole > 50.0 && chunked < 20.0, "{name}: {whole} MB whole, {chunked} MB in chunks");
    }
    // The matrix alone would take 1.07 GB here.
    let large = peak([16_384, 512], info_nce(Logits::Auto));
    println!("InfoNCE, 16,384 x 512: {large:.1} MB in chunks");
    assert!(large < 400.0, "{large} MB");
}
