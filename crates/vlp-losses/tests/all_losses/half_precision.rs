//! Losses of half-precision vectors are computed in f32.

use burn::tensor::{DType, Device, FloatDType, Tensor};
use vlp_core::StepContext;
use vlp_testkit::golden::values;

use crate::table::{all, modules, rows, tensor};

#[test]
fn half_precision_vectors_give_the_loss_of_the_same_numbers_in_f32_and_one_near_it() {
    let device = Device::flex().autodiff();
    let (ctx, scale) = (StepContext::new(0, 0, 1), Tensor::full([1], 10.0, &device));
    for loss in all().iter().chain(&modules(&device)) {
        let inputs: Vec<_> = (0..loss.inputs()).map(|input| tensor(rows(4, input), &device)).collect();
        let full = values(loss.forward(&inputs, &scale, &ctx))[0];
        for half in [FloatDType::BF16, FloatDType::F16] {
            let narrow: Vec<_> = inputs.iter().map(|x| x.clone().cast(half).detach().require_grad()).collect();
            let wide: Vec<_> = narrow.iter().map(|x| x.clone().cast(FloatDType::F32)).collect();
            let value = loss.forward(&narrow, &scale, &ctx);
            assert_eq!(value.dtype(), DType::F32, "{}", loss.name);
            let number = values(value.clone())[0];
            // The same operations on the same numbers.
            assert_eq!(number, values(loss.forward(&wide, &scale, &ctx))[0], "{}, {half:?}", loss.name);
            // bfloat16 holds 8 bits: inputs are off by 0.4 %.
            assert!((number - full).abs() <= 0.02 * (1.0 + full.abs()), "{}: {number}, {full}", loss.name);
            let gradients = value.backward();
            for leaf in &narrow[..loss.learning] {
                let gradient = leaf.grad(&gradients).unwrap_or_else(|| panic!("{}: no gradient", loss.name));
                assert!(gradient.is_finite().all().into_scalar::<bool>(), "{}, {half:?}", loss.name);
            }
        }
    }
}
