//! PyTorch's files: state dicts are read, programs are refused, nothing is executed.
#![cfg(feature = "pytorch")]

use std::path::{Path, PathBuf};

use vlp_weights::{DType, ReadLimits, StateDict, WeightError};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn read(name: &str) -> Result<StateDict, WeightError> {
    StateDict::read(file(name), &ReadLimits::default())
}

#[test]
fn state_dicts_and_checkpoints_are_read() {
    let plain = read("golden/plain.pt").unwrap();
    assert_eq!(plain.names().collect::<Vec<_>>(), ["brain", "count", "half", "logit_scale", "strided", "weight"]);
    assert_eq!(plain.get("logit_scale").unwrap().shape(), [0; 0]);
    assert_eq!(plain.get("logit_scale").unwrap().to_f32().unwrap(), [2.5]);
    assert_eq!(plain.get("weight").unwrap().to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(plain.get("strided").unwrap().to_f32().unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(plain.get("brain").unwrap().dtype(), DType::BF16);
    assert_eq!(plain.get("half").unwrap().to_f32().unwrap(), [1.5, -2.0]);
    assert_eq!(plain.get("count").unwrap().bytes(), [7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read("golden/legacy.pt").unwrap(), plain);
    // Under `state_dict`, with `module.` before every name.
    assert_eq!(read("golden/checkpoint.pt").unwrap(), plain);
    // numpy's numbers in the optimizer are passed over.
    assert_eq!(read("golden/numpy_scalars.pt").unwrap(), plain);
}

/// An error about a file that somebody may have forged never advises to open it with what would run it.
fn assert_runs_nothing(said: &str) {
    assert!(said.contains("safetensors"), "{said}");
    for runs in ["torch.load", "torch.jit", "pickle.load", "save_file", "load it"] {
        assert!(!said.contains(runs), "{said}");
    }
}

#[test]
fn a_pickle_with_code_is_refused_and_not_run() {
    for name in ["bad/code.pt", "bad/code.pickle"] {
        match read(name) {
            Err(error @ WeightError::Code { .. }) => {
                let said = error.to_string();
                assert!(said.contains("posix.system"), "{said}");
                assert_runs_nothing(&said);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(!Path::new("was_run").exists());
}

#[test]
fn a_torch_script_archive_is_refused_with_the_way_out() {
    match read("bad/torch_script.pt") {
        Err(error @ WeightError::TorchScript { .. }) => assert_runs_nothing(&error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_that_are_no_checkpoint_are_refused() {
    for (name, reason) in [
        ("bad/tar.pt", "tar archive"),
        ("bad/no_pickle.pt", "data.pkl"),
        ("bad/no_tensors.pt", "no tensor"),
        ("bad/truncated.pt", "zip"),
    ] {
        match StateDict::read_pytorch(file(name), &ReadLimits::default()) {
            Err(error @ WeightError::Damaged { .. }) => {
                assert!(error.to_string().to_lowercase().contains(reason), "{name}: {error}");
                assert!(!error.to_string().contains("Python"), "{error}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    // A tar archive without the first bytes of a pickle is taken for safetensors, and refused just so.
    assert!(matches!(read("bad/tar.pt"), Err(WeightError::Damaged { .. })));
}

#[test]
fn a_tensor_far_larger_than_its_file_is_refused_before_memory_is_taken() {
    match read("bad/expanded.pt") {
        Err(WeightError::TooLarge { bytes, limit, .. }) => assert_eq!((bytes, limit < 1 << 21), (1 << 30, true)),
        other => panic!("{other:?}"),
    }
}
