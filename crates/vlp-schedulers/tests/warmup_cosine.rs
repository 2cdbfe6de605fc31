//! The schedule against the released CLIP-rocket code and against its own definition.

use serde_json::Value;
use vlp_schedulers::{Schedule, ScheduleError, WarmupCosine, WarmupCosineConfig};

/// The golden numbers carry nine significant digits of values below 0.01.
const TOLERANCE: f64 = 1e-9;

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/clip_rocket.json")).unwrap();
    golden["clip_rocket"].as_array().unwrap().clone()
}

fn schedule(case: &Value) -> WarmupCosine {
    let steps = case["steps_per_epoch"].as_u64().unwrap();
    WarmupCosine::new(WarmupCosineConfig {
        start: case["start"].as_f64().unwrap(),
        peak: case["base"].as_f64().unwrap(),
        end: case["final"].as_f64().unwrap(),
        warmup_steps: case["warmup_epochs"].as_u64().unwrap() * steps,
        total_steps: case["epochs"].as_u64().unwrap() * steps,
    })
    .unwrap()
}

#[test]
fn every_golden_step_is_met() {
    let mut compared = 0;
    for case in cases() {
        let schedule = schedule(&case);
        for (step, value) in case["steps"].as_array().unwrap().iter().zip(case["values"].as_array().unwrap()) {
            let (step, value) = (step.as_u64().unwrap(), value.as_f64().unwrap());
            let ours = schedule.at(step);
            assert!((ours - value).abs() < TOLERANCE, "step {step}: {ours} is not {value} in {case}");
            compared += 1;
        }
    }
    assert!(compared >= 40, "only {compared} golden values");
}

#[test]
fn the_sum_over_the_run_is_the_released_one() {
    for case in cases() {
        let schedule = schedule(&case);
        let sum: f64 = (0..case["total"].as_u64().unwrap()).map(|step| schedule.at(step)).sum();
        let golden = case["sum"].as_f64().unwrap();
        // The sum is given to nine significant digits.
        assert!((sum - golden).abs() < 1e-8 * golden.max(1.0), "{sum} is not {golden} in {case}");
    }
}

fn config() -> WarmupCosineConfig {
    WarmupCosineConfig { start: 1e-6, peak: 3e-3, end: 1e-5, warmup_steps: 10, total_steps: 100 }
}

#[test]
fn the_peak_is_hit_twice_and_the_end_is_approached() {
    let schedule = WarmupCosine::new(config()).unwrap();
    assert_eq!(schedule.at(0), 1e-6);
    assert_eq!(schedule.at(9), 3e-3);
    assert_eq!(schedule.at(10), 3e-3);
    assert!(schedule.at(11) < 3e-3);
    assert!(schedule.at(99) > 1e-5);
}

#[test]
fn the_value_never_rises_again_after_the_last_step() {
    let schedule = WarmupCosine::new(config()).unwrap();
    for step in [100, 101, 150, 1000, u64::MAX] {
        assert!((schedule.at(step) - 1e-5).abs() < 1e-18, "step {step}: {}", schedule.at(step));
    }
}

#[test]
fn a_warm_up_may_have_one_step_or_none() {
    let one = WarmupCosine::new(WarmupCosineConfig { warmup_steps: 1, ..config() }).unwrap();
    assert_eq!((one.at(0), one.at(1)), (1e-6, 3e-3));
    let none = WarmupCosine::new(WarmupCosineConfig { warmup_steps: 0, ..config() }).unwrap();
    assert_eq!(none.at(0), 3e-3);
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let error = WarmupCosine::new(WarmupCosineConfig { warmup_steps: 100, ..config() }).unwrap_err();
    assert_eq!(error, ScheduleError::Warmup { warmup_steps: 100, total_steps: 100 });
    assert!(error.to_string().contains("100 warm-up steps"), "{error}");
    let error = WarmupCosine::new(WarmupCosineConfig { peak: f64::NAN, ..config() }).unwrap_err();
    assert!(error.to_string().contains("`peak` is NaN"), "{error}");
    assert!(WarmupCosine::new(WarmupCosineConfig { end: -1.0, ..config() }).is_err());
}

#[test]
fn a_closure_is_a_schedule() {
    let halves = |step: u64| 0.5_f64.powi(step as i32);
    assert_eq!(halves.at(3), 0.125);
}
