//! Momentum, weight decay and learning rates of BYOL, DINO, lightly and open_clip.

use serde_json::Value;
use vlp_schedulers::{
    Constant, Cooldown, CooldownConfig, Cosine, CosineConfig, CosineEnding, Schedule, ScheduleError, Warmup,
};

/// Relative: the golden numbers carry nine significant digits.
const TOLERANCE: f64 = 1e-8;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/schedules.json")).unwrap()
}

fn number(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap_or_else(|| panic!("{name} in {case}"))
}

fn cosine(case: &Value, ending: CosineEnding) -> Cosine {
    let (start, end, total_steps) = (number(case, "start"), number(case, "end"), number(case, "total") as u64);
    Cosine::new(CosineConfig { start, end, total_steps, ending }).unwrap()
}

fn compare(what: &str, schedule: &dyn Schedule, steps: &Value, values: &Value) {
    let (steps, values) = (steps.as_array().unwrap(), values.as_array().unwrap());
    assert!(steps.len() == values.len() && steps.len() >= 7, "{what}");
    for (step, value) in steps.iter().zip(values) {
        let (step, value) = (step.as_u64().unwrap(), value.as_f64().unwrap());
        let ours = schedule.at(step);
        assert!((ours - value).abs() <= TOLERANCE * value.abs(), "{what}, step {step}: {ours} is not {value}");
    }
}

#[test]
fn the_momentum_of_a_teacher_is_that_of_byol_and_lightly() {
    for case in golden()["momentum"].as_array().unwrap() {
        compare("BYOL", &cosine(case, CosineEnding::Approached), &case["steps"], &case["byol_paper"]);
        compare("lightly", &cosine(case, CosineEnding::Reached), &case["steps"], &case["lightly"]);
    }
}

#[test]
fn the_weight_decay_is_that_of_dino() {
    for case in golden()["weight_decay"].as_array().unwrap() {
        compare("DINO", &cosine(case, CosineEnding::Approached), &case["steps"], &case["values"]);
    }
}

#[test]
fn warm_up_and_cosine_are_those_of_lightly() {
    for case in golden()["lightly_cosine_warmup"].as_array().unwrap() {
        let warmup = number(case, "warmup") as u64;
        let cosine = Cosine::new(CosineConfig {
            start: number(case, "start"),
            end: number(case, "end"),
            total_steps: number(case, "total") as u64 - warmup,
            ending: CosineEnding::Reached,
        });
        let schedule = Warmup::new(number(case, "warmup_start"), warmup, cosine.unwrap()).unwrap();
        compare("lightly", &schedule, &case["steps"], &case["values"]);
    }
}

#[test]
fn the_learning_rates_are_those_of_open_clip() {
    let golden = golden();
    let golden = &golden["open_clip"];
    let (value, total_steps) = (1e-3, 90);
    let cosine = CosineConfig { start: value, end: 0.0, total_steps, ending: CosineEnding::Approached };
    let cooldown =
        |end, power| Cooldown::new(CooldownConfig { value, end, power, cooldown_steps: 20, total_steps }).unwrap();
    let schedules: [(&str, Box<dyn Schedule>); 4] = [
        ("cosine", Box::new(Cosine::new(cosine).unwrap())),
        ("const", Box::new(Constant::new(value).unwrap())),
        ("const_cooldown_20_pow1_end0", Box::new(cooldown(0.0, 1.0))),
        ("const_cooldown_20_pow2_end1e5", Box::new(cooldown(1e-5, 2.0))),
    ];
    for (name, schedule) in schedules {
        let schedule = Warmup::new(0.0, 10, schedule).unwrap();
        compare(name, &schedule, &golden["steps_asked"], &golden[name]);
    }
}

#[test]
fn after_the_last_step_values_stay() {
    let cooldown = CooldownConfig { value: 1.0, end: 0.25, power: 1.0, cooldown_steps: 10, total_steps: 10 };
    let cosine = |ending| CosineConfig { start: 1.0, end: 0.25, total_steps: 10, ending };
    let schedules: [&dyn Schedule; 3] = [
        &Cooldown::new(cooldown).unwrap(),
        &Cosine::new(cosine(CosineEnding::Approached)).unwrap(),
        &Cosine::new(cosine(CosineEnding::Reached)).unwrap(),
    ];
    for schedule in schedules {
        assert_eq!(schedule.at(0), 1.0);
        assert!([10, 11, u64::MAX].iter().all(|&step| schedule.at(step) == 0.25));
    }
}

#[test]
fn a_run_of_one_step_has_the_first_value() {
    for ending in [CosineEnding::Approached, CosineEnding::Reached] {
        let one = Cosine::new(CosineConfig { start: 0.5, end: 0.0, total_steps: 1, ending }).unwrap();
        assert_eq!(one.at(0), 0.5);
        assert_eq!(one.at(1), 0.0);
    }
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let cosine = CosineConfig { start: 1.0, end: 0.0, total_steps: 0, ending: CosineEnding::Reached };
    let error = Cosine::new(cosine).unwrap_err();
    assert!(error.to_string().contains("`total_steps` is 0"), "{error}");
    assert!(Cosine::new(CosineConfig { start: f64::NAN, total_steps: 3, ..cosine }).is_err());
    let cooldown = CooldownConfig { value: 1.0, end: 0.0, power: 1.0, cooldown_steps: 11, total_steps: 10 };
    let error = Cooldown::new(cooldown).unwrap_err();
    assert_eq!(error, ScheduleError::Steps { field: "cooldown_steps", steps: 11, must: "1 to `total_steps`" });
    assert!(Cooldown::new(CooldownConfig { power: -1.0, cooldown_steps: 3, ..cooldown }).is_err());
    assert!(Warmup::new(-1.0, 3, Constant::new(1.0).unwrap()).is_err());
}
