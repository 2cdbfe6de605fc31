//! The moving average of parameters: its equation, its warm-up, and that a resume continues it to the bit.

mod common;

use std::collections::BTreeMap;

use burn::module::Module;
use common::*;
use vlp_testkit::parameters::parameters;
use vlp_trainer::{Control, Event, TrainError};

fn values(module: &impl Module) -> BTreeMap<String, Vec<f32>> {
    let floats = |(name, data): (String, burn::tensor::TensorData)| (name, data.try_into_vec_as::<f32>().unwrap());
    parameters(module).into_iter().map(floats).collect()
}

#[test]
fn the_average_follows_every_update_by_its_equation_with_warm_up() {
    let _alone = alone();
    let mut expected = values(&toy());
    let decay = 0.6;
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let told = seen.clone();
    let hook = move |event: &Event<'_, _>| {
        if let Event::Step { method, average, .. } = event {
            told.borrow_mut().push((values(*method), values(average.expect("there is one"))));
        }
        Ok(Control::Continue)
    };
    let trained = trainer(8).with_ema(decay).with_hook(hook).fit().unwrap();
    for (at, (method, average)) in seen.borrow().iter().enumerate() {
        let n = at as f64 + 1.0;
        let share = decay.min((1.0 + n) / (10.0 + n));
        for (name, new) in method {
            let old = expected.get_mut(name).unwrap();
            // What has no gradient is copied.
            let share = if name.contains("running") { 0.0 } else { share };
            for ((old, new), average) in old.iter_mut().zip(new).zip(&average[name]) {
                *old = (f64::from(*old) * share + f64::from(*new) * (1.0 - share)) as f32;
                // The same sum in single precision.
                assert!((*old - average).abs() <= 1e-6 * average.abs().max(1.0), "{name} after {n}: {old} {average}");
                *old = *average;
            }
        }
    }
    assert_eq!(values(&trained.average.unwrap()), seen.borrow().last().unwrap().1);
    assert_ne!(values(&trained.method), seen.borrow().last().unwrap().1);
}

#[test]
fn a_resume_continues_the_average_to_the_bit_and_training_does_not_notice_it() {
    let _alone = alone();
    let whole = trainer(9).with_ema(0.7).fit().unwrap();
    let plain = trainer(9).fit().unwrap();
    assert_eq!(bits(&whole.method), bits(&plain.method));
    assert!(plain.average.is_none());
    for stop in [0, 4, 7] {
        let dir = tempfile::tempdir().unwrap();
        let first = trainer(9).with_ema(0.7).with_checkpoints(checkpoints(dir.path()));
        first.with_hook(Recorder::stopping_after(stop)).fit().unwrap();
        let resumed =
            trainer(9).with_ema(0.7).with_checkpoints(checkpoints(dir.path())).resume().unwrap().fit().unwrap();
        assert_eq!(bits(&resumed.average.unwrap()), bits(whole.average.as_ref().unwrap()), "stopped after {stop}");
    }
}

#[test]
fn a_decay_that_is_none_is_refused_and_so_is_a_checkpoint_without_an_average() {
    let _alone = alone();
    for decay in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(trainer(2).with_ema(decay).fit(), Err(TrainError::EmaDecay { .. })), "{decay}");
    }
    let dir = tempfile::tempdir().unwrap();
    trainer(3).with_checkpoints(checkpoints(dir.path())).fit().unwrap();
    let error = trainer(5).with_ema(0.9).with_checkpoints(checkpoints(dir.path())).resume().unwrap_err();
    assert!(error.to_string().contains("average.bpk"), "{error}");
}
