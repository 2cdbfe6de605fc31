//! The directory of a run: one process at a time, what lies in it, and what cannot be deleted from it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Recorder, alone, bits, checkpoints, trainer};
use serde_json::json;
use vlp_testkit::toy::Toy;
use vlp_trainer::{Checkpoint, Checkpoints, Control, Event, HookError, RunContents, RunFolder, TrainError};

/// What a run told besides its steps.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl vlp_trainer::Hook<Toy> for Told {
    fn on(&mut self, event: &Event<'_, Toy>) -> Result<Control, HookError> {
        let line = match event {
            Event::Resumed { step, passed_over, .. } => format!("resumed {step} {}", passed_over.join("; ")),
            Event::Warning { step, text } => format!("warning {step} {text}"),
            _ => return Ok(Control::Continue),
        };
        self.0.lock().unwrap().push(line);
        Ok(Control::Continue)
    }
}

impl Told {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn step(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("step-{step:08}"))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_second_run_cannot_have_the_directory() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    trainer(2).with_checkpoints(checkpoints(dir.path())).fit().unwrap();
    let folder = RunFolder::open(dir.path()).unwrap();
    let refused = [
        RunFolder::open(dir.path()).map(drop).unwrap_err(),
        trainer(4).with_checkpoints(checkpoints(dir.path()).overwrite(true)).fit().map(drop).unwrap_err(),
        trainer(4).with_checkpoints(checkpoints(dir.path())).resume().map(drop).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, TrainError::RunInUse { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    }
    // Whoever has it may train in it, and nothing was touched meanwhile.
    let mine = Checkpoints::in_folder(&folder, json!({"model": {"width": 16}, "lr": 0.01}));
    let trained = trainer(4).with_checkpoints(mine.clone()).resume().unwrap().fit().unwrap();
    assert_eq!(bits(&trained.method), bits(&trainer(4).fit().unwrap().method));
    drop((folder, mine));
    trainer(4).with_checkpoints(checkpoints(dir.path())).resume().unwrap().fit().unwrap();
}

#[test]
fn a_run_has_its_directory_from_its_first_step_to_its_last() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_path_buf();
    let hook = move |event: &Event<'_, Toy>| -> Result<Control, HookError> {
        if matches!(event, Event::Start { .. } | Event::Step { .. } | Event::End { .. }) {
            assert!(matches!(RunFolder::open(&path), Err(TrainError::RunInUse { .. })));
        }
        Ok(Control::Continue)
    };
    trainer(3).with_checkpoints(checkpoints(dir.path())).with_hook(hook).fit().unwrap();
    assert!(RunFolder::open(dir.path()).is_ok());
}

#[test]
fn contents_are_nothing_a_run_or_what_cannot_be_read() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("not/there/yet");
    assert_eq!(RunFolder::open(&run).unwrap().contents().unwrap(), RunContents::Nothing);
    trainer(4).with_checkpoints(checkpoints(&run).every_steps(2)).fit().unwrap();
    let contents = || RunFolder::open(&run).unwrap().contents().unwrap();
    let newest = |at| Box::new(Checkpoint::open(step(&run, at)).unwrap());
    assert_eq!(contents(), RunContents::Checkpoint { newest: newest(4), passed_over: vec![] });
    fs::write(step(&run, 4).join("model.bpk"), "no model").unwrap();
    let RunContents::Checkpoint { newest: found, passed_over } = contents() else { panic!("step 2 verifies") };
    assert_eq!((found, passed_over.len()), (newest(2), 1));
    fs::remove_file(step(&run, 2).join("state.json")).unwrap();
    let RunContents::Unreadable { reasons } = contents() else { panic!("nothing verifies") };
    assert!(reasons.len() == 2 && reasons[0].contains("model.bpk") && reasons[1].contains("state.json"), "{reasons:?}");
}

#[test]
fn resuming_behind_a_damaged_checkpoint_says_so() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    trainer(6).with_checkpoints(checkpoints(dir.path()).every_steps(2)).fit().unwrap();
    fs::write(step(dir.path(), 6).join("model.bpk"), "no model").unwrap();
    let told = Told::default();
    let resumed = trainer(6).with_checkpoints(checkpoints(dir.path())).with_hook(told.clone()).resume().unwrap();
    resumed.fit().unwrap();
    let lines = told.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("resumed 4 ") && lines[0].contains("step-00000006"), "{lines:?}");
    assert!(lines[0].contains("model.bpk has 8 bytes"), "{lines:?}");

    let told = Told::default();
    trainer(8).with_checkpoints(checkpoints(dir.path())).with_hook(told.clone()).resume().unwrap().fit().unwrap();
    assert_eq!(told.lines(), ["resumed 6 "]);
}

#[test]
fn the_manifest_says_which_step_a_directory_holds() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    trainer(6).with_checkpoints(checkpoints(dir.path()).every_steps(2)).fit().unwrap();
    fs::rename(step(dir.path(), 2), step(dir.path(), 99)).unwrap();
    assert_eq!(Checkpoint::latest(dir.path()).unwrap().0.unwrap().step(), 6);
    let recorder = Recorder::default();
    let run = trainer(12).with_checkpoints(checkpoints(dir.path()).every_steps(2).keep(1)).with_hook(recorder.clone());
    run.resume().unwrap().fit().unwrap();
    assert_eq!(recorder.losses().first().map(|(step, _)| *step), Some(6));
    // What somebody has renamed is neither deleted nor counted.
    assert_eq!(names(dir.path()), ["run.lock", "step-00000012", "step-00000099"]);
    assert_eq!(Checkpoint::latest(dir.path()).unwrap().0.unwrap().step(), 12);
}

#[test]
fn what_is_not_ours_is_neither_swept_nor_in_the_way() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let folders = [".scratch-notes", ".scratch-step-8-new-1", "step-00000002.kept"];
    let files = [".scratch-step-00000008-new-1", ".scratch-step-00000002-old-1", "step-00000099", "step-00000001"];
    for name in folders {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("mine"), "mine").unwrap();
    }
    for name in files {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    let told = Told::default();
    let run = trainer(6).with_checkpoints(checkpoints(dir.path()).every_steps(2).keep(1)).with_hook(told.clone());
    run.fit().unwrap();
    trainer(8).with_checkpoints(checkpoints(dir.path()).every_steps(2).keep(1)).resume().unwrap().fit().unwrap();
    assert_eq!(told.lines(), [""; 0]);
    folders.iter().for_each(|name| assert!(dir.path().join(name).join("mine").exists(), "{name}"));
    files.iter().for_each(|name| assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"mine", "{name}"));
    assert_eq!(names(dir.path()).len(), folders.len() + files.len() + 2);
}

/// Set in a child process without root's rights to the directory it works in.
#[cfg(unix)]
const CHILD: &str = "VLP_TEST_UNDELETABLE";

/// Steps 2, 4, 6, ... with one checkpoint kept, where that of step 2 cannot be emptied.
#[cfg(unix)]
#[test]
fn an_old_checkpoint_that_cannot_be_deleted_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let _alone = alone();
    let Ok(dir) = std::env::var(CHILD) else {
        return as_nobody("an_old_checkpoint_that_cannot_be_deleted_is_a_warning");
    };
    let dir = PathBuf::from(dir);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let run = |total| trainer(total).with_checkpoints(checkpoints(&dir).every_steps(2).keep(1));
    run(2).fit().unwrap();
    mode(&step(&dir, 2), 0o555);
    let told = Told::default();
    let trained = run(8).with_hook(told.clone()).resume().unwrap().fit().unwrap();
    assert_eq!(bits(&trained.method), bits(&trainer(8).fit().unwrap().method));
    let lines = told.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].starts_with("warning 4 cannot delete ") && lines[1].contains("step-00000002"), "{lines:?}");
    // It is out of sight, and in no later run's way either.
    assert_eq!(names(&dir).iter().filter(|name| name.starts_with("step-")).count(), 1);
    let told = Told::default();
    run(10).with_hook(told.clone()).resume().unwrap().fit().unwrap();
    let lines = told.lines();
    assert!(lines.len() == 2 && lines[1].starts_with("warning 8 cannot delete "), "{lines:?}");
    // Once it can be deleted it is.
    let scratch = names(&dir).into_iter().find(|name| name.starts_with(".scratch-")).unwrap();
    mode(&dir.join(&scratch), 0o755);
    run(12).resume().unwrap().fit().unwrap();
    assert_eq!(names(&dir), ["run.lock", "step-00000012"]);

    // A foreign owner's in a directory for all cannot even be renamed; only root can make one.
    let foreign = dir.parent().unwrap().join("foreign");
    if foreign.is_dir() {
        let foreign_run = |total| trainer(total).with_checkpoints(checkpoints(&foreign).every_steps(2).keep(1));
        let told = Told::default();
        foreign_run(9).with_hook(told.clone()).resume().unwrap().fit().unwrap();
        let lines = told.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].starts_with("warning 4 cannot rename "), "{lines:?}");
        assert_eq!(names(&foreign), ["run.lock", "step-00000002", "step-00000009"]);
    }
}

/// Runs a test of this binary in a child process that has no more rights than anybody.
#[cfg(unix)]
fn as_nobody(test: &str) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65534;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("run");
    fs::create_dir(&dir).unwrap();
    // The folders above the binary may be closed to others.
    let binary = parent.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let mut child = std::process::Command::new(&binary);
    if fs::metadata(&dir).unwrap().uid() == 0 {
        let foreign = parent.path().join("foreign");
        trainer(2).with_checkpoints(checkpoints(&foreign)).fit().unwrap();
        for (path, mode) in [(parent.path(), 0o755), (&foreign, 0o1777), (&foreign.join("run.lock"), 0o666)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        child.uid(NOBODY).gid(NOBODY);
    }
    let child = child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, &dir);
    let output = child.current_dir(&dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
