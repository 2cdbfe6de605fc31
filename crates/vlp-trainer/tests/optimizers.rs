//! SGD, LARS, LAMB and Lion: ten steps against PyTorch, lightly, timm and lion-pytorch, resuming to the bit, and settings that
//! cannot work.

mod common;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use common::{Recorder, alone, bits, checkpoints, device, options, toy};
use serde_json::{Value, json};
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{AnyOptimizerOptions, Optimizer, TrainError, Trainer};

/// The two parameters of the golden runs. As a matrix of one row the first decays, as a vector it does not.
#[derive(Module, Debug)]
struct Pair {
    vector: Option<Param<Tensor<1>>>,
    matrices: Vec<Param<Tensor<2>>>,
}

fn wave(n: usize, value: impl Fn(f64) -> f64) -> Vec<f32> {
    (1..=n).map(|j| value(0.71 * j as f64) as f32).collect()
}

fn pair(groups: bool, zeros: bool, device: &Device) -> Pair {
    let first = wave(7, f64::sin);
    let second = if zeros { vec![0.0; 12] } else { wave(12, |x| (x + 0.3).sin()) };
    let second = Param::from_data(TensorData::new(second, [3, 4]), device);
    if groups {
        Pair { vector: Some(Param::from_data(TensorData::new(first, [7]), device)), matrices: vec![second] }
    } else {
        Pair { vector: None, matrices: vec![Param::from_data(TensorData::new(first, [1, 7]), device), second] }
    }
}

/// Registers the last of the given gradients with each parameter in turn.
struct Register<'a>(&'a mut GradientsParams, Vec<Vec<f32>>);
impl ModuleVisitor for Register<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = TensorData::new(self.1.pop().unwrap(), param.val().dims());
        self.0.register(param.id, Tensor::<D>::from_data(data, &param.val().device().inner()));
    }
}

/// The reference's settings in our names, with the constant that turns the schedule off or on.
fn settings(case: &Value) -> AnyOptimizerOptions {
    let mut ours = json!({"name": case["name"]});
    for (key, value) in case["options"].as_object().unwrap() {
        match key.as_str() {
            "lr" => {}
            "betas" => (ours["beta_1"], ours["beta_2"]) = (value[0].clone(), value[1].clone()),
            "eps" => ours["epsilon"] = value.clone(),
            "trust_coefficient" => ours["trust"] = value.clone(),
            key => ours[key] = value.clone(),
        }
    }
    serde_json::from_value(ours).unwrap()
}

/// The largest difference to the reference's parameters over all steps.
fn largest_difference(case: &Value, options: AnyOptimizerOptions) -> f64 {
    let flag = |key: &str| case[key].as_bool().unwrap();
    let mut model = pair(flag("groups"), flag("zeros"), &device());
    let schedule = case["decays"].as_array().map(|decays| {
        let decays: Vec<f64> = decays.iter().map(|decay| decay.as_f64().unwrap()).collect();
        move |step: u64| decays[step as usize]
    });
    let mut optimizer = match schedule {
        Some(schedule) => options.build_with_decay(&model, schedule),
        None => options.build(&model),
    };
    let rate = case["options"]["lr"].as_f64().unwrap();
    let silent: Vec<u64> = case["silent"].as_array().unwrap().iter().map(|step| step.as_u64().unwrap()).collect();
    let mut largest = 0.0_f64;
    for (t, after) in case["values"].as_array().unwrap().iter().enumerate() {
        let loudness = if silent.contains(&(t as u64)) { 0.0 } else { 1.0 + 0.5 * t as f64 };
        let gradient = |n, i: f64| wave(n, |x| loudness * (x * (t as f64 + 1.0) + 0.2 * i).cos());
        let mut grads = GradientsParams::new();
        model.visit(&mut Register(&mut grads, vec![gradient(12, 1.0), gradient(7, 0.0)]));
        model = optimizer.step(t as u64, rate * (1.0 - 0.06 * t as f64), model, grads);
        let theirs = after.as_array().unwrap().iter().flat_map(|values| values.as_array().unwrap());
        let ours: Vec<f32> = bits(&model).into_iter().map(f32::from_bits).collect();
        assert_eq!(ours.len(), 19);
        for (a, b) in ours.into_iter().zip(theirs) {
            largest = largest.max((f64::from(a) - b.as_f64().unwrap()).abs());
        }
    }
    largest
}

#[test]
fn ten_steps_equal_the_references() {
    let golden: Value = serde_json::from_str(include_str!("golden/optimizers.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let count = |name: &str| cases.iter().filter(|case| case["name"] == name).count();
    assert_eq!(["sgd", "lars", "lamb", "lion"].map(count), [7, 9, 5, 3]);
    for case in cases {
        let difference = largest_difference(case, settings(case));
        // Parameters of size one in f32 against f64 from the same start: ten roundings of 6e-8. A rate above 1 multiplies those of
        // the update.
        let rate = case["options"]["lr"].as_f64().unwrap();
        assert!(
            difference < if rate > 1.0 { 2e-6 * rate } else { 1e-6 },
            "{difference} in {} {}",
            case["name"],
            case["options"]
        );
    }
    // The comparison sees every setting: each of these is further off.
    let other = |case: &Value, key: &str, value: f64| {
        let mut options = serde_json::to_value(settings(case)).unwrap();
        options[key] = if options[key].is_boolean() { (value != 0.0).into() } else { value.into() };
        largest_difference(case, serde_json::from_value(options).unwrap())
    };
    let seen = |name: &str, place: usize, key: &str, value: f64| {
        let case = cases.iter().filter(|case| case["name"] == name).nth(place).unwrap();
        let difference = other(case, key, value);
        assert!(difference > 1e-5, "{name} {place}, {key}: {difference}");
    };
    for (name, place, key, value) in [
        ("sgd", 3, "momentum", 0.8),
        ("sgd", 3, "nesterov", 0.0),
        ("sgd", 4, "dampening", 0.0),
        ("sgd", 5, "weight_decay", 0.09),
        ("lars", 1, "epsilon", 0.0),
        ("lars", 1, "trust", 0.009),
        ("lars", 1, "weight_decay", 0.09),
        ("lars", 2, "nesterov", 0.0),
        ("lars", 3, "dampening", 0.0),
        ("lamb", 1, "beta_1", 0.8),
        ("lamb", 1, "beta_2", 0.97),
        ("lamb", 1, "weight_decay", 0.0),
        ("lion", 1, "weight_decay", 0.9),
        ("lion", 1, "beta_2", 0.5),
    ] {
        seen(name, place, key, value);
    }
}

/// Each optimizer with and without what it can leave out, at rates that move the toy.
fn all() -> Vec<(AnyOptimizerOptions, f64)> {
    [
        (r#"{"name": "adamw"}"#, 0.01),
        (r#"{"name": "sgd"}"#, 0.01),
        (r#"{"name": "sgd", "nesterov": true, "weight_decay": 0.1}"#, 0.01),
        (r#"{"name": "sgd", "momentum": 0.0}"#, 0.01),
        (r#"{"name": "lars", "weight_decay": 0.1}"#, 1.0),
        (r#"{"name": "lamb"}"#, 0.01),
        (r#"{"name": "lion", "weight_decay": 0.3}"#, 0.001),
    ]
    .map(|(text, rate)| (serde_json::from_str(text).unwrap(), rate))
    .into()
}

fn trainer(options_: AnyOptimizerOptions, rate: f64, method: Toy) -> Trainer<Toy, ToySource> {
    let optimizer = move |method: &Toy| options_.build(method);
    Trainer::new(method, ToySource::new(5), optimizer, move |step: u64| rate / (1.0 + step as f64 / 10.0), options(8))
}

#[test]
fn a_resumed_run_equals_the_whole_one_to_the_bit_with_every_optimizer() {
    let _alone = alone();
    for (options, rate) in all() {
        let whole = trainer(options, rate, toy()).fit().unwrap();
        assert_ne!(bits(&whole.method), bits(&toy()), "{options:?}");
        for stop in [0, 4] {
            let dir = tempfile::tempdir().unwrap();
            let stopped = trainer(options, rate, toy()).with_checkpoints(checkpoints(dir.path()));
            stopped.with_hook(Recorder::stopping_after(stop)).fit().unwrap();
            let resumed = trainer(options, rate, Toy::new(99, &device())).with_checkpoints(checkpoints(dir.path()));
            let resumed = resumed.resume().unwrap().fit().unwrap();
            assert_eq!(bits(&resumed.method), bits(&whole.method), "{options:?} stopped after {stop}");
        }
    }
}

#[test]
fn state_of_another_optimizer_is_refused() {
    let _alone = alone();
    let named = AnyOptimizerOptions::NAMES.map(|name| AnyOptimizerOptions::named(name).unwrap());
    for saved in named {
        let dir = tempfile::tempdir().unwrap();
        let run = trainer(saved, 1e-3, toy()).with_checkpoints(checkpoints(dir.path()));
        run.with_hook(Recorder::stopping_after(1)).fit().unwrap();
        for other in named {
            let resumed = trainer(other, 1e-3, toy()).with_checkpoints(checkpoints(dir.path())).resume();
            match resumed {
                Ok(_) => assert_eq!(saved, other),
                Err(TrainError::OtherOptimizer { problems, .. }) => {
                    assert_ne!(saved, other);
                    assert!(problems[0].contains("another kind of optimizer"), "{problems:?}");
                }
                Err(error) => panic!("{saved:?} as {other:?}: {error}"),
            }
        }
    }
}

#[test]
fn a_scheduled_decay_takes_the_place_of_the_constant() {
    for (options, rate) in all() {
        let step = |optimizer: &dyn Fn(&Pair) -> Optimizer| {
            let model = pair(true, false, &device());
            let mut grads = GradientsParams::new();
            model.visit(&mut Register(&mut grads, vec![wave(12, f64::cos), wave(7, f64::cos)]));
            bits(&optimizer(&model).step(0, rate, model, grads))
        };
        let mut constant = serde_json::to_value(options).unwrap();
        constant["weight_decay"] = 0.5.into();
        let constant: AnyOptimizerOptions = serde_json::from_value(constant).unwrap();
        assert_eq!(constant.weight_decay(), 0.5);
        let scheduled = step(&|model| options.build_with_decay(model, |_: u64| 0.5));
        assert_eq!(scheduled, step(&|model| constant.build(model)), "{options:?}");
        assert_ne!(scheduled, step(&|model| options.build(model)), "{options:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_reason() {
    for (text, said) in [
        (r#"{"name": "sgd", "momentum": 1.0}"#, "the optimizer's momentum 1 must be in [0, 1)"),
        (r#"{"name": "sgd", "dampening": -0.1}"#, "dampening -0.1 must be in [0, 1]"),
        (r#"{"name": "sgd", "nesterov": true, "momentum": 0.0}"#, "momentum 0 must be above 0 for Nesterov"),
        (r#"{"name": "sgd", "nesterov": true, "dampening": 0.1}"#, "dampening 0.1 must be 0 for Nesterov"),
        (r#"{"name": "sgd", "weight_decay": -1.0}"#, "weight_decay -1 must be 0 or more"),
        (r#"{"name": "lars", "trust": 0.0}"#, "trust 0 must be a positive number"),
        (r#"{"name": "lars", "epsilon": -1e-8}"#, "epsilon -0.00000001 must be 0 or more"),
        (r#"{"name": "lars", "momentum": -0.5}"#, "momentum -0.5 must be in [0, 1)"),
        (r#"{"name": "lamb", "beta_2": 1.0}"#, "beta_2 1 must be in [0, 1)"),
        (r#"{"name": "lamb", "epsilon": 0.0}"#, "epsilon 0 must be a positive number"),
        (r#"{"name": "lion", "beta_1": 1.5}"#, "beta_1 1.5 must be in [0, 1)"),
        (r#"{"name": "adamw", "beta_1": -1.0}"#, "beta_1 -1 must be in [0, 1)"),
    ] {
        let options: AnyOptimizerOptions = serde_json::from_str(text).unwrap();
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    for name in AnyOptimizerOptions::NAMES {
        let options = AnyOptimizerOptions::named(name).unwrap();
        options.check().unwrap();
        assert_eq!(options.name(), name);
        assert_eq!(serde_json::from_str::<AnyOptimizerOptions>(&json!({"name": name}).to_string()).unwrap(), options);
        let unknown = serde_json::from_str::<AnyOptimizerOptions>(&json!({"name": name, "moment": 0.9}).to_string());
        assert!(unknown.unwrap_err().to_string().contains("moment"), "{name}");
    }
    let error = AnyOptimizerOptions::named("adam").unwrap_err().to_string();
    assert_eq!(error, "there is no optimizer `adam`; use one of adamw, sgd, lars, lamb, lion");
}
