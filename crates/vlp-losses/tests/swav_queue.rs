//! SwAV's queue: what it keeps, when it is used, and that a restored one goes on as if nothing had happened.

use std::sync::Mutex;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, PrototypesConfig, SwavConfig, SwavQueue, SwavQueueConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::{assert_close, values};
use vlp_testkit::ranks::{self, Exchange};

const CONFIG: SwavQueueConfig = SwavQueueConfig { views: 2, length: 6, dim: 3, start_step: 2 };

fn at(step: u64) -> StepContext<'static> {
    StepContext::new(0, step, 100)
}

fn queue(device: &Device) -> SwavQueue {
    CONFIG.init(device).unwrap()
}

/// Two views of `rows` features that are all `of` and `of + 0.5`.
fn batch(rows: usize, of: f64, device: &Device) -> [Tensor<2>; 2] {
    [of, of + 0.5].map(|of| Tensor::full([rows, 3], of, device))
}

/// The first column of each view.
fn first_columns(features: &[Tensor<2>]) -> Vec<Vec<f64>> {
    features.iter().map(|view| values(view.clone().slice([0..view.dims()[0], 0..1]))).collect()
}

#[test]
fn nothing_is_stored_before_the_starting_step_and_nothing_used_before_it_is_full() {
    let device = under_test();
    let queue = queue(&device);
    for step in 0..5 {
        assert!(queue.features(&at(step)).is_empty(), "step {step}");
        queue.push(&batch(2, step as f64, &device), &at(step));
    }
    // Steps 2, 3 and 4 brought two rows each; the newest come first.
    let expected = [[4.0, 4.0, 3.0, 3.0, 2.0, 2.0], [4.5, 4.5, 3.5, 3.5, 2.5, 2.5]];
    assert_eq!(first_columns(&queue.features(&at(5))), expected);
    assert_eq!(queue.features(&at(5))[0].dims(), [6, 3]);
}

#[test]
fn the_oldest_fall_out_also_when_a_batch_does_not_divide_the_length_or_exceeds_it() {
    let device = under_test();
    let queue = queue(&device);
    queue.push(&batch(4, 1.0, &device), &at(2));
    queue.push(&batch(4, 2.0, &device), &at(3));
    assert_eq!(first_columns(&queue.features(&at(4)))[0], [2.0, 2.0, 2.0, 2.0, 1.0, 1.0]);
    queue.push(&batch(9, 3.0, &device), &at(4));
    assert_eq!(first_columns(&queue.features(&at(5)))[1], [3.5; 6]);
}

#[test]
fn what_is_stored_has_no_gradient_and_is_f32() {
    let device = under_test().autodiff();
    let queue = queue(&device);
    let leaf = Tensor::<2>::ones([6, 3], &device).require_grad();
    queue.push(&[leaf.clone() * 2.0, leaf.clone().cast(FloatDType::BF16)], &at(2));
    let [first, second] = <[Tensor<2>; 2]>::try_from(queue.features(&at(3))).unwrap();
    let gradients = (first * leaf.clone() + second).sum().backward();
    assert_close("only the direct path", leaf.grad(&gradients).unwrap(), &[2.0; 18], 0.0, 0.0);
    assert_eq!(GradientsParams::from_grads(gradients, &queue).len(), 0, "nothing to train");
}

/// Losses of some steps, with random features as a function of the step.
fn run(queue: &SwavQueue, steps: std::ops::Range<u64>, device: &Device) -> Vec<f64> {
    device.seed(1);
    let prototypes = PrototypesConfig { prototypes: 5, dim: 3 }.init(device).unwrap();
    let _ = prototypes.weight.val();
    let swav = SwavConfig::default().init().unwrap();
    let score = |views: &[Tensor<2>]| views.iter().map(|view| prototypes.forward(view.clone())).collect::<Vec<_>>();
    let losses = steps.map(|step| {
        device.seed(100 + step);
        let global = [(); 2].map(|()| Tensor::random([2, 3], Distribution::Normal(0.0, 1.0), device));
        let loss = swav.forward(&score(&global), &[], &score(&queue.features(&at(step))), &at(step));
        queue.push(&global, &at(step));
        values(loss)[0]
    });
    losses.collect()
}

#[test]
fn a_run_resumed_from_a_record_equals_one_that_was_not_interrupted() {
    let device = under_test().autodiff();
    let whole = run(&queue(&device), 0..12, &device);
    // Before the start, while filling, when full, and after the first rows fell out.
    for stop in [1, 3, 5, 9] {
        let first = queue(&device);
        let mut losses = run(&first, 0..stop, &device);
        let bytes = first.clone().into_record().into_bytes().unwrap();
        // Pushing on into the original must not change the record's numbers.
        run(&first, stop..stop + 3, &device);
        let restored = queue(&device).load_record(burn::store::ModuleRecord::from_bytes(bytes).unwrap());
        losses.extend(run(&restored, stop..12, &device));
        assert_eq!(losses, whole, "stopped after {stop} steps");
    }
    // The queue does matter, or this test would say nothing.
    let never = SwavQueueConfig { start_step: 99, ..CONFIG }.init(&device).unwrap();
    assert_ne!(run(&never, 0..12, &device)[5..], whole[5..]);
}

#[test]
fn three_ranks_hold_one_queue_and_balance_as_one_rank_does() {
    let device = under_test();
    device.seed(3);
    let batches: Vec<[Tensor<2>; 2]> =
        (0..4).map(|_| [(); 2].map(|()| Tensor::random([3, 3], Distribution::Normal(0.0, 1.0), &device))).collect();
    let prototypes = PrototypesConfig { prototypes: 5, dim: 3 }.init(&device).unwrap();
    let _ = prototypes.weight.val();
    let swav = SwavConfig::default().init().unwrap();
    let step = |queue: &SwavQueue, global: [Tensor<2>; 2], ctx: &StepContext<'_>| {
        let score = |views: &[Tensor<2>]| views.iter().map(|view| prototypes.forward(view.clone())).collect::<Vec<_>>();
        let loss = swav.forward(&score(&global), &[], &score(&queue.features(ctx)), ctx);
        queue.push(&global, ctx);
        loss
    };
    let alone = queue(&device);
    let expected: Vec<f64> =
        (0..4).map(|number| values(step(&alone, batches[number].clone(), &at(number as u64 + 2)))[0]).collect();
    let queues = [(); 3].map(|()| queue(&device));
    let seen = Mutex::new(Vec::new());
    let means = (0..4).map(|number| {
        let losses = ranks::losses(3, Exchange::Detached, |rank, ctx| {
            let ctx = StepContext { step: number as u64 + 2, ..*ctx };
            seen.lock().unwrap().extend(queues[rank].features(&ctx).first().map(|own| own.dims()[0]));
            step(&queues[rank], batches[number].clone().map(|view| view.slice([rank..rank + 1])), &ctx)
        });
        losses.into_iter().map(|loss| values(loss)[0]).sum::<f64>() / 3.0
    });
    for (number, (mean, expected)) in means.collect::<Vec<_>>().into_iter().zip(expected).enumerate() {
        assert!((mean - expected).abs() < 1e-5, "batch {number}: {mean} is not {expected}");
    }
    // Full after two batches of three rows; then each of three ranks uses two of six rows.
    assert_eq!(*seen.lock().unwrap(), [2; 6]);
    let of = |queue: &SwavQueue| first_columns(&queue.features(&at(9)));
    assert!(queues.iter().all(|queue| of(queue) == of(&alone)));
}

#[test]
#[should_panic(expected = "this queue keeps 2 global views")]
fn another_number_of_views_is_refused() {
    let device = under_test();
    queue(&device).push(&batch(2, 0.0, &device)[..1], &at(2));
}

#[test]
#[should_panic(expected = "a queue of width 3 cannot keep features of width 4")]
fn features_of_another_width_are_refused() {
    let device = under_test();
    let wide = [(); 2].map(|()| Tensor::<2>::ones([2, 4], &device));
    queue(&device).push(&wide, &at(2));
}

#[test]
fn a_queue_that_keeps_nothing_is_refused() {
    for config in [
        SwavQueueConfig { views: 0, ..CONFIG },
        SwavQueueConfig { length: 0, ..CONFIG },
        SwavQueueConfig { dim: 0, ..CONFIG },
    ] {
        let SwavQueueConfig { views, length, dim, .. } = config;
        assert_eq!(config.init(&under_test()).unwrap_err(), LossError::QueueSize { views, length, dim });
    }
    assert_eq!(SwavQueueConfig::default().length, 3840);
}
