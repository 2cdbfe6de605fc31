//! No loss hides a NaN or an infinity.

use burn::tensor::{Device, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, check_finite};

use crate::table::{COLUMNS, Loss, all, modules, rows, tensor};

const ROWS: usize = 4;

/// The loss with one element of one input replaced.
fn with(loss: &Loss, input: usize, (row, column): (usize, usize), value: f64, device: &Device) -> Tensor<1> {
    let inputs = (0..loss.inputs()).map(|number| {
        let mut rows = rows(ROWS, number);
        if number == input {
            rows[row][column] = value;
        }
        tensor(rows, device)
    });
    loss.forward(&inputs.collect::<Vec<_>>(), &Tensor::full([1], 10.0, device), &StepContext::new(0, 0, 1))
}

/// What may not be hidden: not padding, since FILIP's texts have 3, 2, 1 and 3 tokens; not the last position of a caption,
/// which predicts nothing; and not a score of minus infinity, which says of a word or of a teacher's unit that it has
/// probability 0.
fn counts(loss: &Loss, input: usize, (row, column): (usize, usize), value: f64) -> bool {
    match loss.name {
        "FILIP" => input == 0 || column / 2 < 3 - row % 3,
        "captioning" => column < 4 && value != f64::NEG_INFINITY,
        "DINO" => input < loss.learning || value != f64::NEG_INFINITY,
        _ => true,
    }
}

#[test]
fn one_number_that_is_not_finite_in_any_input_makes_the_loss_not_finite() {
    let device = Device::flex();
    let mut hidden = Vec::new();
    for loss in all().iter().chain(&modules(&device)) {
        assert!(with(loss, 0, (0, 0), 0.5, &device).is_finite().all().into_scalar::<bool>(), "{}", loss.name);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for input in 0..loss.inputs() {
                for at in (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column))) {
                    let of = with(loss, input, at, value, &device);
                    if counts(loss, input, at, value) && of.is_finite().all().into_scalar::<bool>() {
                        hidden.push(format!("{}: {value} at {at:?} of input {input}", loss.name));
                    }
                }
            }
        }
    }
    assert!(hidden.is_empty(), "{}:\n{}", hidden.len(), hidden.join("\n"));
}

#[test]
fn rows_that_are_not_finite_are_counted_and_the_first_is_named() {
    let device = Device::flex();
    let mut features = rows(5, 0);
    check_finite("text features", &tensor(features.clone(), &device)).unwrap();
    features[1][3] = f64::NEG_INFINITY;
    features[4][0] = f64::NAN;
    features[4][1] = f64::INFINITY;
    let error = check_finite("text features", &tensor(features.clone(), &device)).unwrap_err();
    let expected = LossError::NonFiniteRows { name: "text features".to_string(), bad: 2, rows: 5, first: 1 };
    assert_eq!(error, expected);
    assert_eq!(error.to_string(), "text features: 2 of 5 rows hold a NaN or an infinity, the first is row 1");
    // Of any rank: in `[5, 3, 2]` the rows are the same, in `[30]` each number is one.
    let flat = tensor(features, &device);
    assert_eq!(check_finite("text features", &flat.clone().reshape([5, 3, 2])).unwrap_err(), expected);
    let error = check_finite("numbers", &flat.reshape([30])).unwrap_err();
    assert_eq!(error, LossError::NonFiniteRows { name: "numbers".to_string(), bad: 3, rows: 30, first: 9 });
}
