//! `vlp plot`.

use std::fs;

use crate::{folder, is_png, json, out, refused};

#[test]
fn a_schedule_is_drawn_and_told() {
    let folder = folder();
    let path = folder.path();
    let told = json(path, &["plot", "schedule", "quickstart", "--samples", "4850"]);
    assert!(is_png(&path.join("schedule.png")));
    assert_eq!(told["total_steps"], 378);
    let points = told["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["learning_rate"]), (378, &1e-6.into()));
    let peak = points.iter().map(|point| point["learning_rate"].as_f64().unwrap()).fold(0.0, f64::max);
    assert_eq!(peak, 1.5e-3);
    let text = out(path, &["plot", "schedule", "quickstart", "--steps", "50", "--out", "other.png"]);
    assert!(is_png(&path.join("other.png")) && text.contains("50 steps of quickstart: other.png"), "{text}");
    refused(path, &["plot", "schedule", "quickstart", "--steps", "0"], "0");
    refused(path, &["plot", "schedule", "quickstart", "--steps", "3", "--samples", "9"], "--samples");
    refused(path, &["plot", "schedule", "no/such.toml"], "no/such.toml");
}

#[test]
fn curves_of_runs_are_drawn_and_told() {
    let folder = folder();
    let path = folder.path();
    for (run, factor) in [("one", 1.0), ("two", 0.5)] {
        fs::create_dir(path.join(run)).unwrap();
        let line = |step: i32| {
            format!("{{\"step\":{step},\"loss\":{},\"clip_acc\":0.5,\"updated\":true}}\n", factor * f64::from(5 - step))
        };
        let mut text: String = (0..5).map(line).collect();
        // What is not finite is null; a line that is still being written is no damage.
        text += "{\"step\":5,\"loss\":null,\"clip_acc\":0.25,\"updated\":false}\n{\"step\":6,\"lo";
        fs::write(path.join(run).join("metrics.jsonl"), text).unwrap();
    }
    let told = json(path, &["plot", "runs", "one"]);
    assert!(is_png(&path.join("curves.png")));
    let [loss, accuracy] = [&told["curves"][0], &told["curves"][1]];
    assert_eq!(
        (&loss["key"], &loss["points"], &loss["lowest"], &loss["last"]),
        (&"loss".into(), &6.into(), &1.0.into(), &serde_json::Value::Null)
    );
    assert_eq!((&accuracy["key"], &accuracy["last"]), (&"clip_acc".into(), &0.25.into()));
    let text = out(path, &["plot", "runs", "one", "two/metrics.jsonl", "--key", "loss", "--log", "--out", "both.png"]);
    assert!(is_png(&path.join("both.png")) && text.contains("two") && text.contains("both.png"), "{text}");

    refused(path, &["plot", "runs", "one", "--key", "lsos"], "there are clip_acc, loss");
    refused(path, &["plot", "runs", "three"], "three");
    fs::write(path.join("notes.txt"), "no metrics\nat all\n").unwrap();
    refused(path, &["plot", "runs", "notes.txt"], "notes.txt:1");
}
