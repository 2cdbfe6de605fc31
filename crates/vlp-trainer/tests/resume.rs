//! A run that is interrupted and resumed equals one that was not.

mod common;

use std::fs;
use std::path::Path;

use burn::module::Module;
use common::{Recorder, SEED, alone, bits, checkpoints, device, options, toy, trainer, trainer_of};
use serde_json::{Value, json};
use vlp_core::{BatchSource, Method, StepContext};
use vlp_testkit::toy::{Toy, ToySource};
use vlp_trainer::{
    AdamWOptions, Buffers, Checkpoint, Checkpoints, JsonLines, Outcome, StepNumbers, TrainError, Trainer, adamw,
    clip_global_norm, gate,
};

const TOTAL: u64 = 12;

fn optimizer_tensors(dir: &Path, step: u64) -> Vec<u8> {
    // Names begin with parameter ids, so compare what they hold: sorted tensors of the state.
    let bytes = fs::read(dir.join(format!("step-{step:08}/optimizer.bpk"))).unwrap();
    let reader = burn_pack::Reader::from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes)).unwrap();
    let mut tensors: Vec<Vec<u8>> =
        reader.into_tensors().unwrap().into_iter().map(|t| t.to_bytes().unwrap().to_vec()).collect();
    tensors.sort();
    tensors.concat()
}

#[test]
fn interrupted_equals_uninterrupted_at_every_step() {
    let _alone = alone();
    let whole_dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::default();
    let whole = trainer(TOTAL + 6).with_checkpoints(checkpoints(whole_dir.path())).with_hook(recorder.clone());
    let whole = whole.fit().unwrap();
    let losses = recorder.losses();
    assert_eq!(losses.len() as u64, TOTAL + 6);
    let moments = optimizer_tensors(whole_dir.path(), TOTAL + 6);

    for stop in 0..TOTAL {
        let dir = tempfile::tempdir().unwrap();
        let first = Recorder::stopping_after(stop);
        let ended =
            trainer(TOTAL + 6).with_checkpoints(checkpoints(dir.path())).with_hook(first.clone()).fit().unwrap();
        assert!(matches!(ended.outcome, Outcome::Stopped { step, .. } if step == stop + 1), "{:?}", ended.outcome);

        // Fresh objects whose weights differ, and a generator that has moved on.
        let second = Recorder::default();
        let resumed = trainer_of(Toy::new(99, &device()), ToySource::new(5), options(TOTAL + 6))
            .with_checkpoints(checkpoints(dir.path()))
            .with_hook(second.clone())
            .resume()
            .unwrap()
            .fit()
            .unwrap();
        // At least six losses follow each stop.
        assert_eq!([first.losses(), second.losses()].concat(), losses, "stopped after step {stop}");
        assert_eq!(bits(&resumed.method), bits(&whole.method), "stopped after step {stop}");
        assert_eq!(resumed.method.running_statistics(), whole.method.running_statistics());
        assert_eq!(optimizer_tensors(dir.path(), TOTAL + 6), moments, "stopped after step {stop}");
    }
}

#[test]
fn losing_the_optimizer_state_would_be_noticed() {
    let _alone = alone();
    // The comparison above is worth something only if it fails when the optimizer starts anew: it does, one step late.
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::default();
    trainer(TOTAL).with_hook(recorder.clone()).fit().unwrap();
    trainer(TOTAL).with_checkpoints(checkpoints(dir.path())).with_hook(Recorder::stopping_after(4)).fit().unwrap();

    let (checkpoint, _) = Checkpoint::latest(dir.path()).unwrap();
    let method = checkpoint.unwrap().load_model(Toy::new(99, &device())).unwrap();
    let mut source = ToySource::new(5);
    source.seek(&json!({"taken": 5})).unwrap();
    let forgetful = Recorder::default();
    let lr = |step: u64| 0.01 / (1.0 + (step + 5) as f64 / 10.0);
    let _ = Trainer::new(method, source, |m| adamw(m, AdamWOptions::default()), lr, options(7))
        .with_hook(forgetful.clone())
        .fit()
        .unwrap();
    let later: Vec<u32> = forgetful.losses().into_iter().map(|(_, loss)| loss).collect();
    let right: Vec<u32> = recorder.losses()[5..].iter().map(|(_, loss)| *loss).collect();
    assert_ne!(later[1..], right[1..]);
}

#[test]
fn the_hand_written_loop_equals_the_trainer() {
    let _alone = alone();
    let trained = trainer(TOTAL).fit().unwrap();

    let device = device();
    let mut source = ToySource::new(5);
    let mut method = toy();
    let mut optimizer = adamw(&method, AdamWOptions { weight_decay: 0.2, ..AdamWOptions::default() });
    for step in 0..TOTAL {
        let ctx = StepContext::new(SEED, step, TOTAL);
        let batch = source.next_batch(&device).unwrap();
        ctx.seed_device(&device);
        let out = method.objective(method.encode(batch, &ctx), &ctx);
        let mut grads = burn::optim::GradientsParams::from_grads(out.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut grads, 0.5).unwrap();
        gate(step, &StepNumbers::read(&out, norm).unwrap()).unwrap();
        method = optimizer.step(0.01 / (1.0 + step as f64 / 10.0), method, grads).after_update(&ctx);
    }
    assert_eq!(bits(&method), bits(&trained.method));
}

#[test]
fn metrics_of_a_resumed_run_equal_those_of_an_uninterrupted_one() {
    let _alone = alone();
    let timeless = |path: &Path| -> Vec<Value> {
        let lines = fs::read_to_string(path).unwrap();
        let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &mut lines {
            for key in ["samples_per_second", "data_wait"] {
                assert!(line.as_object_mut().unwrap().remove(key).is_some());
            }
        }
        lines
    };
    let dir = tempfile::tempdir().unwrap();
    let (whole, parts) = (dir.path().join("whole/metrics.jsonl"), dir.path().join("parts/metrics.jsonl"));
    trainer(TOTAL).with_hook(JsonLines::new(&whole)).fit().unwrap();

    let run = |total| {
        let saves = checkpoints(&dir.path().join("parts")).every_steps(4);
        trainer(total).with_checkpoints(saves).with_hook(JsonLines::new(&parts))
    };
    run(TOTAL).with_hook(Recorder::stopping_after(6)).fit().unwrap();
    // As a kill after step 6 would leave it: the newest checkpoint is older than the newest line, and a torn line follows.
    fs::remove_dir_all(dir.path().join("parts/step-00000007")).unwrap();
    let mut text = fs::read_to_string(&parts).unwrap();
    text.push_str("{\"step\":7,\"lo");
    fs::write(&parts, text).unwrap();
    run(TOTAL).resume().unwrap().fit().unwrap();

    let lines = timeless(&parts);
    assert_eq!(lines.len() as u64, TOTAL);
    assert_eq!(lines, timeless(&whole));
    assert!(lines[0]["error"].is_f64() && lines[0]["lr"] == 0.01, "{}", lines[0]);
}

#[test]
fn running_statistics_survive_a_checkpoint() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let trained = trainer(5).with_checkpoints(checkpoints(dir.path())).fit().unwrap();
    let statistics = trained.method.running_statistics();
    assert_ne!(statistics, toy().running_statistics());
    let checkpoint = Checkpoint::open(dir.path().join("step-00000005")).unwrap();
    assert_eq!(checkpoint.load_model(toy()).unwrap().running_statistics(), statistics);
    // Also into an object that has a statistics update pending.
    let used = toy();
    let batch = ToySource::new(8).next_batch(&device()).unwrap();
    let _ = used.encode(batch, &StepContext::new(0, 0, 1));
    assert_eq!(checkpoint.load_model(used).unwrap().running_statistics(), statistics);
}

/// Why saving settles statistics first. When this fails, burn has mended it and `settle` may go.
#[test]
fn a_bare_record_of_burn_misses_the_newest_statistics() {
    let _alone = alone();
    let method = toy();
    let _ = method.encode(ToySource::new(8).next_batch(&device()).unwrap(), &StepContext::new(0, 0, 1));
    let bytes = method.clone().into_record().into_bytes().unwrap();
    let record = burn::store::ModuleRecord::from_bytes(bytes).unwrap();
    let loaded = toy().load_record(record).running_statistics();
    assert_eq!(loaded, toy().running_statistics());
    assert_ne!(loaded, method.running_statistics());
}

#[test]
fn buffers_are_put_back_after_a_rejected_forward_pass() {
    let _alone = alone();
    let method = toy();
    let mut source = ToySource::new(8);
    let ctx = StepContext::new(0, 0, 1);
    // The newest update is pending when the buffers are taken.
    let _ = method.encode(source.next_batch(&device()).unwrap(), &ctx);
    let buffers = Buffers::of(&method);
    let before = method.running_statistics();
    for _ in 0..2 {
        let _ = method.encode(source.next_batch(&device()).unwrap(), &ctx);
    }
    assert_ne!(method.running_statistics(), before);
    assert_eq!(buffers.restore(method).running_statistics(), before);
}

#[test]
fn a_new_run_does_not_start_in_the_directory_of_another() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    trainer(3).with_checkpoints(checkpoints(dir.path())).fit().unwrap();
    let error = trainer(3).with_checkpoints(checkpoints(dir.path())).fit().unwrap_err();
    assert!(matches!(error, TrainError::RunExists { step: 3, .. }), "{error}");
    trainer(2).with_checkpoints(checkpoints(dir.path()).overwrite(true)).fit().unwrap();
    let (latest, _) = Checkpoint::latest(dir.path()).unwrap();
    assert_eq!(latest.unwrap().step(), 2);
}

#[test]
fn the_newest_k_checkpoints_stay() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let saves: Checkpoints = checkpoints(dir.path()).every_steps(2).keep(3);
    trainer(11).with_checkpoints(saves).fit().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["run.lock", "step-00000008", "step-00000010", "step-00000011"]);
}

#[test]
fn resuming_a_finished_run_takes_no_step() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let trained = trainer(4).with_checkpoints(checkpoints(dir.path())).fit().unwrap();
    let recorder = Recorder::default();
    let again = trainer(4).with_checkpoints(checkpoints(dir.path())).with_hook(recorder.clone());
    let again = again.resume().unwrap().fit().unwrap();
    assert_eq!(recorder.losses(), []);
    assert_eq!(again.outcome, trained.outcome);
    assert_eq!(bits(&again.method), bits(&trained.method));
}
