//! The order of samples does not matter.

use burn::tensor::{Device, Tensor};
use vlp_core::StepContext;
use vlp_testkit::golden::{assert_close, values};

use crate::table::{all, modules, rows, tensor};

#[test]
fn permuting_samples_leaves_every_loss_and_permutes_its_gradients() {
    let device = Device::flex().autodiff();
    let (ctx, scale) = (StepContext::new(0, 0, 1), Tensor::full([1], 10.0, &device));
    // FILIP's texts have tokens by their row here; filip.rs permutes them with their masks.
    for loss in all().iter().chain(&modules(&device)).filter(|loss| loss.name != "FILIP") {
        let leaves: Vec<_> = (0..loss.inputs()).map(|i| tensor(rows(5, i), &device).require_grad()).collect();
        let turned: Vec<_> = leaves.iter().map(|leaf| leaf.clone().flip([0])).collect();
        let plain = loss.forward(&leaves, &scale, &ctx);
        let other = loss.forward(&turned, &scale, &ctx);
        // f32 summed in another order.
        assert_close(loss.name, other.clone(), &values(plain.clone()), 1e-5, 1e-6);
        let (plain, other) = (plain.backward(), other.backward());
        // The gradient of a turned leaf arrives turned back.
        for leaf in &leaves[..loss.learning] {
            let expected = values(leaf.grad(&plain).unwrap());
            assert_close(loss.name, leaf.grad(&other).unwrap(), &expected, 1e-4, 1e-5);
        }
    }
}
